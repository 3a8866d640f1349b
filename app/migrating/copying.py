"""Makes one set of stores hold what another holds, and compares the two; both can be done again at any time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from app.domain.ids import VersionId, WorkspaceId
from app.errors import ConfigurationError, ConflictError, IntegrityError
from app.installation import Stores
from app.migrating.contents import CONTENTS, Content, Place, StoredVectors
from backends.metadata.base_moving import Key, MovableRecords

_READ_TOGETHER = 500
Progress = Callable[[str, int, int], None]
"""Called with what is being done ("copy" or "check"), how many versions are done, and how many there are."""
Counts = dict[str, int]


@dataclass(frozen=True, slots=True)
class Copy:
    """From one set of stores to another one; a store that both have is left alone."""

    source: Stores
    target: Stores

    @property
    def moves_records(self) -> bool:
        return self.source.metadata.identity != self.target.metadata.identity

    @property
    def contents(self) -> tuple[Content, ...]:
        return tuple(one for one in CONTENTS if one.store(self.source) != one.store(self.target))

    def make(self, progress: Progress) -> None:
        """Writes what the target lacks, in pieces that are left alone when this is done again, and removes from it what
        the source does not hold any more.

        Raises ConflictError, with nothing changed, where both have the same records and the target holds more of what
        they need than the source: then it is the target that is in use.
        """
        if not self.moves_records:
            self._require_source_in_use()
        if self.moves_records:
            self._delete_gone_workspaces()
            for kind in self.source.metadata.movable.kinds:
                self._records(kind, None, write=True)
        places = self._places()
        progress("copy", 0, _number(places))
        for workspace_id, versions in places.items():
            self._delete_gone_versions(workspace_id, versions)
            if self.moves_records:
                for kind in self.source.metadata.movable.workspace_kinds:
                    self._records(kind, workspace_id, write=True)
        self._each(places, self._copy, "copy", progress)

    def check(self, progress: Progress) -> dict[WorkspaceId | None, Counts]:
        """Reads both whole, and counts by workspace what they hold; None stands for what is of no workspace.

        Raises IntegrityError for the first difference, ConfigurationError where indexed documents have no vectors.
        """
        counts: dict[WorkspaceId | None, Counts] = {None: {}}
        places = self._places()
        progress("check", 0, _number(places))
        if self.moves_records:
            _require_equal(self._workspace_ids(self.source), self._workspace_ids(self.target), "workspaces")
            for kind in self.source.metadata.movable.kinds:
                counts[None][kind] = self._records(kind, None, write=False)
        for workspace_id in places:
            counts[workspace_id] = {}
            for kind in self.source.metadata.movable.workspace_kinds if self.moves_records else ():
                counts[workspace_id][kind] = self._records(kind, workspace_id, write=False)

        def compare(place: Place, is_visible: bool) -> None:
            here = counts[place.workspace_id]
            for kind, number in self._compare(place, is_visible).items():
                here[kind] = here.get(kind, 0) + number

        self._each(places, compare, "check", progress)
        for workspace_id, versions in places.items():
            counts[workspace_id] |= self._whole_counts(workspace_id, versions)
        return counts

    def _require_source_in_use(self) -> None:
        for workspace_id in self._workspace_ids(self.source):
            scope = self._visible(workspace_id)
            for content in self.contents:
                held, there = (content.count(stores, scope) for stores in (self.source, self.target))
                if any(held[kind] < number for kind, number in there.items()):
                    raise ConflictError(
                        f"The stores to move to hold more {content.name} than those to move from: they are the ones in"
                        " use. Nothing was changed; exchange --from and --to if you want to go back."
                    )

    def require_complete(self) -> None:
        """Raises ConflictError where the target lacks something of the versions that are visible there.

        With records of its own it has gone its own way since: then a vector for each passage is asked for, and of
        everything else something where the source has any. Otherwise as much of it as the source has.
        """
        workspace_ids = self._workspace_ids(self.target)
        if not workspace_ids and self._workspace_ids(self.source):
            raise _lacking("workspaces")
        for workspace_id in workspace_ids:
            scope = self._visible(workspace_id)
            passages = self.target.metadata.chunks.count(**scope)
            for content in self.contents:
                held, before = (content.count(stores, scope) for stores in (self.target, self.source))
                lacks = any(held[kind] < number for kind, number in before.items())
                if self.moves_records:
                    lacks = any(before.values()) and not any(held.values())
                    lacks = lacks or held.get("vectors", passages) < passages
                if lacks:
                    raise _lacking(content.name)

    def _visible(self, workspace_id: WorkspaceId) -> dict[str, Any]:
        """The scope of what can be seen of a workspace in the target."""
        visible = self.target.metadata.documents.find_visible(workspace_id=workspace_id, reader=None)
        return {"workspace_id": workspace_id, "permitted": frozenset(visible)}

    def _each(
        self,
        places: dict[WorkspaceId, list[VersionId]],
        do: Callable[[Place, bool], None],
        stage: str,
        progress: Progress,
    ) -> None:
        done = 0
        for workspace_id, versions in places.items():
            visible = self.source.metadata.documents.find_visible(workspace_id=workspace_id, reader=None)
            for version_id in versions:
                chunks = self.source.metadata.chunks.find(version_id, workspace_id=workspace_id)
                do(Place(version_id, workspace_id, tuple(chunk.id for chunk in chunks)), version_id in visible)
                done += 1
                progress(stage, done, _number(places))

    def _copy(self, place: Place, is_visible: bool) -> None:
        for content in self.contents:
            wanted = self._wanted(content, place, is_visible)
            try:
                found = content.read(self.target, place)
            except IntegrityError:
                found = None
            if found is not None and content.is_same(wanted, found):
                continue
            if found is None or any(content.counts(found).values()):
                content.delete(self.target, [place.version_id], place.workspace_id)
            content.write(self.target, place, wanted)

    def _wanted(self, content: Content, place: Place, is_visible: bool) -> Any:
        found = content.read(self.source, place)
        if is_visible and isinstance(found, StoredVectors) and len(found.chunk_ids) != len(place.chunk_ids):
            raise ConfigurationError(
                "An indexed document has no vectors of the embedding model that is set: leave the worker running until"
                " they are made, or put the embeddings settings back that it was indexed with.",
                version_id=place.version_id,
            )
        return found

    def _compare(self, place: Place, is_visible: bool) -> Counts:
        counts: Counts = {}
        for content in self.contents:
            wanted = self._wanted(content, place, is_visible)
            try:
                is_same = content.is_same(wanted, content.read(self.target, place))
            except IntegrityError:
                is_same = False
            if not is_same:
                raise _different(content.name, version_id=place.version_id)
            counts |= content.counts(wanted)
        return counts

    def _whole_counts(self, workspace_id: WorkspaceId, versions: Sequence[VersionId]) -> Counts:
        """As the stores count a workspace themselves."""
        scope: dict[str, Any] = {"workspace_id": workspace_id, "permitted": frozenset(versions)}
        counts: Counts = {}
        for content in self.contents:
            wanted, found = (content.count(stores, scope) for stores in (self.source, self.target))
            _require_equal(wanted, found, content.name)
            counts |= wanted
        return counts

    def _places(self) -> dict[WorkspaceId, list[VersionId]]:
        return {id_: self._version_ids(self.source, id_) for id_ in self._workspace_ids(self.source)}

    def _delete_gone_workspaces(self) -> None:
        for workspace_id in sorted(set(self._workspace_ids(self.target)) - set(self._workspace_ids(self.source))):
            for content in self.contents:
                content.delete_workspace(self.target, workspace_id)
            self.target.metadata.workspaces.delete(workspace_id)

    def _delete_gone_versions(self, workspace_id: WorkspaceId, versions: Sequence[VersionId]) -> None:
        """Without records of its own nobody knows what a store holds of this workspace from earlier."""
        if self.moves_records:
            gone = sorted(set(self._version_ids(self.target, workspace_id)) - set(versions))
            for content in self.contents if gone else ():
                content.delete(self.target, gone, workspace_id)
            return
        for content in self.contents:
            content.delete_workspace(self.target, workspace_id)

    def _records(self, kind: str, workspace_id: WorkspaceId | None, *, write: bool) -> int:
        """How many there are. Raises IntegrityError for one that differs and is not to be written."""
        source, target = self.source.metadata.movable, self.target.metadata.movable
        limit = None if workspace_id is None else _READ_TOGETHER
        number, after = 0, None
        while True:
            page = source.read(kind, workspace_id=workspace_id, after=after, limit=limit)
            until = source.key(kind, page[-1]) if limit is not None and len(page) == limit else None
            there = target.read(kind, workspace_id=workspace_id, after=after, until=until)
            wanted, found = _by_key(source, kind, page), _by_key(target, kind, there)
            gone = [key for key in found if key not in wanted]
            new = [record for key, record in wanted.items() if found.get(key) != record]
            if (gone or new) and not write:
                raise _different(kind)
            if gone or new:
                target.write(kind, new, gone=gone, workspace_id=workspace_id)
            number += len(page)
            if until is None:
                return number
            after = until

    @staticmethod
    def _workspace_ids(stores: Stores) -> list[WorkspaceId]:
        return sorted(workspace.id for workspace in stores.metadata.workspaces.find())

    @staticmethod
    def _version_ids(stores: Stores, workspace_id: WorkspaceId) -> list[VersionId]:
        return [row["id"] for row in stores.metadata.movable.read("versions", workspace_id=workspace_id)]


def _number(places: dict[WorkspaceId, list[VersionId]]) -> int:
    return sum(map(len, places.values()))


def _by_key(records: MovableRecords, kind: str, page: Sequence[dict[str, Any]]) -> dict[Key, dict[str, Any]]:
    return {records.key(kind, record): record for record in page}


def _require_equal(one: object, other: object, what: str) -> None:
    if one != other:
        raise _different(what)


def _lacking(what: str) -> ConflictError:
    return ConflictError(
        f"The new stores lack {what} that their documents need: nothing was deleted. Index these documents again, or"
        " move the installation again, without --remove-source."
    )


def _different(what: str, **ids: str) -> IntegrityError:
    return IntegrityError(
        f"The copy differs from the original in its {what.replace('_', ' ')}: nothing was switched. Run the same"
        " command again; if it says so again, look whether somebody else writes to the stores.",
        **ids,
    )
