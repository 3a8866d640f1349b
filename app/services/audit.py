"""The audit log as compliance officers use it: read, verify, export."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from app.domain.access import Actor, Permission
from app.domain.audit import AuditEvent, AuditVerification, Outcome
from app.security.access import authorise
from app.security.audit_chain import Checkpoint
from app.security.audit_log import AuditLog, EventFilter
from app.security.audit_verification import verify_log
from app.security.auditor import Auditor
from app.security.keys import Keys


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Events of one page, newest first, how many fit in all, and the names of the people in them by id."""

    events: Sequence[AuditEvent]
    total: int


class AuditService:
    def __init__(self, *, log: AuditLog, keys: Keys, auditor: Auditor) -> None:
        self._log = log
        self._keys = keys
        self._auditor = auditor

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
        wanted = EventFilter(
            actor_id=actor_id,
            actions=tuple(actions),
            outcomes=tuple(outcomes),
            since=since,
            until=until,
            limit=min(max(page_size, 1), 500),
            offset=(max(page, 1) - 1) * page_size,
        )
        with self._auditor.disclosure(actor, "audit.list", details={"page": page}):
            events, total = self._log.find(wanted)
            return AuditPage(events, total)

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
        with self._auditor.disclosure(actor, "audit.verify", details={"events": result.events, "ok": bool(result.ok)}):
            return result

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
