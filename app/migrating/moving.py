"""Moves an installation between the stores of two profiles: everything is copied, compared, and then switched."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from app.belonging import belongs_to, give_to, moving, note_begun, require_own_metadata, was_begun
from app.domain.access import Actor
from app.domain.ids import WorkspaceId
from app.errors import BackendUnavailableError, ConfigurationError, ConflictError, IntegrityError, InvalidInputError
from app.installation import Stores, open_audit_store, open_backend, open_database, open_log, open_stores
from app.migrating.copying import Copy, Counts, Progress
from app.migrating.log import LogMove
from app.seals import seals_of
from app.security.audit_seals import Seals
from app.security.auditor import Auditor
from app.security.keys import load_keys
from app.services.audit import AuditService
from app.services.audit_checks import AuditChecks
from app.settings import Settings
from backends.embeddings.base import Embedder

_ACTION = "installation.migrate"
_MODELS_SCOPE = "models"


@dataclass(frozen=True, slots=True)
class Moved:
    counts: Counts
    """In all."""
    workspaces: dict[WorkspaceId, Counts]
    was_before: bool = False
    """An earlier run had moved it: nothing was done."""


@dataclass(frozen=True, slots=True)
class Moving:
    """Two profiles of one data folder, which is locked. Uploads and key file lie in it in both."""

    source: Stores
    target: Stores
    auditor: Auditor
    audit: AuditService
    seals: Seals
    log_move: LogMove | None = None
    """None where both keep the audit log in the same store."""

    @property
    def moves_records(self) -> bool:
        """Whether people, documents and jobs move too, which two profiles may keep in the same database."""
        return self._copy().moves_records

    def move(self, actor: Actor, progress: Progress) -> Moved:
        """The source stays as it is. Until everything was copied and found equal, the folder belongs to it; a run that
        was cut off is done again and goes on. What the target kept of an earlier time (sign-ins, cached results, what
        was deleted since) goes before the switch. Raises IntegrityError where the copy differs, ConflictError where the
        target holds something else or somebody works with either."""
        folder, copy = self.source.settings.data_dir, self._copy()
        if copy.moves_records and belongs_to(folder, self.target.metadata.identity):
            return Moved({}, {}, was_before=not self._move_log(actor))
        require_own_metadata(folder, self.source.metadata.identity)
        self._require_no_worker()
        if copy.moves_records:
            self._begin()
            self.target.metadata.movable.forget_sign_ins()
        self._clear_cache(self.target)
        copy.make(progress)
        found = copy.check(progress)
        if copy.moves_records and not self.target.metadata.identity:
            self.target.metadata.wipe()  # What it held is in the folder, in the room of what was deleted.
        self._verify_log(actor)
        counts: Counts = {}
        for one in found.values():
            counts = {kind: counts.get(kind, 0) + one.get(kind, 0) for kind in [*counts, *one]}
        with self.auditor.change(actor, _ACTION, details={**self._between(), **counts}):
            if self.log_move is not None:
                self.log_move.copy()
            if copy.moves_records:
                note_begun(folder, self.source.metadata.identity)
            give_to(folder, self.target.metadata.identity)
            if self.log_move is not None:
                self.log_move.switch()
        return Moved(counts, {id_: one for id_, one in found.items() if id_ is not None})

    def remove_source(self, actor: Actor) -> int:
        """Delete what the source holds once the folder belongs to the target; how many workspaces that were.

        Raises ConflictError where it does not, where the source is not known as a database of this folder, or where the
        target lacks what its documents need.
        """
        folder, copy = self.source.settings.data_dir, self._copy()
        if not belongs_to(folder, self.target.metadata.identity):
            raise ConflictError("The installation was not moved yet: move it first, without --remove-source.")
        if copy.moves_records and not was_begun(folder, self.source.metadata.identity):
            raise ConflictError("That database was never moved from this data folder: nothing was deleted.")
        self._require_no_worker()
        copy.require_complete()
        spaces = self._workspace_ids()
        with self.auditor.change(actor, _ACTION, details={**self._between(), "removed": len(spaces)}):
            for workspace_id in sorted(spaces):
                for content in copy.contents:
                    content.delete_workspace(self.source, workspace_id)
            self._clear_cache(self.source)
            if copy.moves_records:
                self.source.metadata.movable.clear()
            self.target.metadata.wipe()
        return len(spaces)

    def _clear_cache(self, stores: Stores) -> None:
        """Before workspaces are gone, which nobody could name then."""
        if self.source.settings.cache != self.target.settings.cache:
            for scope in (*sorted(self._workspace_ids()), _MODELS_SCOPE):
                stores.cache.delete_scope(scope)

    def _workspace_ids(self) -> set[WorkspaceId]:
        return {one.id for stores in (self.source, self.target) for one in stores.metadata.workspaces.find()}

    def _copy(self) -> Copy:
        source, target = self.source.settings, self.target.settings
        copy = Copy(self.source, self.target)
        if source.embeddings != target.embeddings:
            raise ConfigurationError("The two profiles have different embedding models: set the same for both.")
        if not copy.contents:
            raise InvalidInputError("The two profiles keep everything in the same stores: there is nothing to move.")
        return copy

    def _require_no_worker(self) -> None:
        if self.seals.is_expected() or self.source.queue.has_worker() or self.target.queue.has_worker():
            raise ConflictError("A process of Dafe Graphs is running with this data folder: stop it first.")

    def _begin(self) -> None:
        folder, identity = self.source.settings.data_dir, self.target.metadata.identity
        records = self.target.metadata.movable
        if was_begun(folder, identity):
            return
        if any(records.read(kind, workspace_id=None, limit=1) for kind in records.kinds):
            raise ConflictError(
                "The database that the installation is to be moved to holds another one: name an empty database."
            )
        note_begun(folder, identity)

    def _verify_log(self, actor: Actor) -> None:
        self.audit.seal()
        result = self.audit.verify(actor)
        if result.ok is None:
            raise BackendUnavailableError(f"The audit log cannot be verified, so nothing was switched. {result.doubt}")
        if not result.ok:
            raise IntegrityError(
                "The audit log was not found intact, so nothing was switched: run dafe audit verify and look at it."
            )

    def _move_log(self, actor: Actor) -> bool:
        """Where the records were moved before and the log was not, as by versions that left it behind."""
        if self.log_move is None or self.log_move.was_before:
            return False
        self._require_no_worker()
        self._verify_log(actor)
        with self.auditor.change(actor, _ACTION, details=self._between()):
            self.log_move.copy()
            self.log_move.switch()
        return True

    def _between(self) -> dict[str, str]:
        return {"from": self.source.settings.profile.value, "to": self.target.settings.profile.value}


@contextmanager
def opened_moving(source: Settings, target: Settings) -> Iterator[Moving]:
    """Both sides of the data folder, which nobody else can open meanwhile. Raises as `open_installation` does, and
    ConflictError where another move is running."""
    folder = source.data_dir
    if not (folder / "dafe.db").exists():
        raise InvalidInputError(f"The data folder {folder} holds no installation: name it with DAFE_DATA_DIR.")
    keys = load_keys(source.key_path, may_create=False)
    with moving(folder), ExitStack() as closing:
        database = open_database(source, keys, closing)
        embedder: Embedder = open_backend(Embedder, source.embeddings, closing, model_dir=source.model_dir)
        sides = [open_stores(one, keys, database, embedder, closing, in_use=False) for one in (source, target)]
        auditor = Auditor(log := open_log(source, keys, closing))
        log_move: LogMove | None = None
        if source.audit != target.audit:
            stores = (open_audit_store(one, closing) for one in (source, target))
            log_move = LogMove(log, *stores, is_moved=belongs_to(folder, sides[1].metadata.identity))
        metadata, seals = sides[0].metadata, seals_of(source)
        checks = AuditChecks(log=log, keys=keys, seals=seals, folder=folder, metadata=metadata)
        audit = AuditService(log=log, seals=seals, checks=checks, auditor=auditor, metadata=metadata)
        yield Moving(sides[0], sides[1], auditor, audit, seals, log_move)
