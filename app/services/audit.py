"""The audit log as compliance officers use it: read, verify, export."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from app.domain.access import Actor, Permission
from app.domain.audit import AuditEvent, AuditFinding, AuditVerification, Outcome
from app.security.access import authorise
from app.security.audit_chain import Checkpoint
from app.security.audit_log import AuditLog, EventFilter
from app.security.audit_verification import verify_log
from app.security.auditor import Auditor
from app.security.keys import Keys
from backends.metadata.base import MetadataStore

_CLOCKS_DIFFER = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Events of one page, newest first, how many fit, how many the log holds, and when the first of all was."""

    events: Sequence[AuditEvent]
    total: int
    kept: int = 0
    since: datetime | None = None


class AuditService:
    def __init__(self, *, log: AuditLog, keys: Keys, auditor: Auditor, metadata: MetadataStore) -> None:
        self._log = log
        self._keys = keys
        self._auditor = auditor
        self._metadata = metadata

    def people(self, actor: Actor) -> Mapping[str, str]:
        """Names by user id: the log itself holds ids only."""
        authorise(actor, Permission.AUDIT)
        users = self._metadata.users.find()
        with self._auditor.disclosure(actor, "audit.people", objects=tuple(user.id for user in users)):
            return {user.id: user.name for user in users}

    def list(
        self,
        actor: Actor,
        *,
        actor_id: str = "",
        actions: Collection[str] = (),
        outcomes: Collection[Outcome] = (),
        since: datetime | None = None,
        until: datetime | None = None,
        page: int = 1,
        page_size: int = 50,
    ) -> AuditPage:
        authorise(actor, Permission.AUDIT)
        page, page_size = max(page, 1), min(max(page_size, 1), 500)
        wanted = EventFilter(
            actor_id=actor_id,
            actions=tuple(actions),
            outcomes=tuple(outcomes),
            since=since,
            until=until,
            limit=page_size,
            offset=(page - 1) * page_size,
        )
        with self._auditor.disclosure(actor, "audit.list", details={"page": page}):
            events, total = self._log.find(wanted)
            kept, since = self._extent()
            return AuditPage(events, total, kept, since)

    def _extent(self) -> tuple[int, datetime | None]:
        _, kept = self._log.find(EventFilter(limit=1))
        first, _ = self._log.find(EventFilter(limit=1, offset=kept - 1)) if kept else ([], 0)
        return kept, first[0].at if first else None

    def verify(
        self, actor: Actor, *, trusted: Checkpoint | None = None, second_device: Path | None = None
    ) -> AuditVerification:
        """Read the whole log and check it, after sealing what is new."""
        authorise(actor, Permission.AUDIT)
        self._log.seal(self._keys.audit_seal)
        result = verify_log(
            self._log,
            mac_key=self._keys.audit_mac,
            public_key=self._keys.audit_seal.public_key(),
            trusted=trusted,
            second_device=second_device,
        )
        if late := self._late_beginning():
            result = replace(result, ok=False, findings=(late, *result.findings))
        with self._auditor.disclosure(actor, "audit.verify", details={"events": result.events, "ok": bool(result.ok)}):
            return result

    def _late_beginning(self) -> AuditFinding | None:
        """Making a workspace or a person is recorded: a log that begins after the first of them was begun anew."""
        made = [one.created_at for one in self._metadata.workspaces.find() if one.created_at]
        made += [one.created_at for one in self._metadata.users.find() if one.created_at]
        _, begun = self._extent()
        if not made or (begun is not None and begun <= min(made) + _CLOCKS_DIFFER):
            return None
        return AuditFinding(1, "truncated", "the log begins after the first workspace or person was made")

    def export(self, actor: Actor) -> bytes:
        """Every event as it was written, one JSON object a line, the checkpoints and the public key after them."""
        authorise(actor, Permission.AUDIT)
        with self._auditor.disclosure(actor, "audit.export"):
            pass
        self.seal()
        public = self._keys.audit_seal.public_key().public_bytes_raw().hex()
        lines = [row.body for row in self._log.rows()]
        lines += [checkpoint.to_text() for checkpoint in self._log.checkpoints()]
        return ("\n".join([*lines, f'{{"public_key":"{public}"}}']) + "\n").encode()

    def seal(self) -> Checkpoint | None:
        """Sign the newest event; called by a timer and at the end of short commands."""
        return self._log.seal(self._keys.audit_seal)
