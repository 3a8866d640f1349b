"""The audit log as compliance officers use it: read, verify, export."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO

from app.domain.access import Actor, Permission
from app.domain.audit import AuditEvent, AuditStatus, AuditVerification, Outcome
from app.errors import BackendUnavailableError
from app.security.access import authorise
from app.security.audit_bundle import write_bundle, write_lines
from app.security.audit_chain import Checkpoint, key_id
from app.security.audit_log import AuditLog
from app.security.audit_seals import Seals
from app.security.auditor import Auditor
from app.services.audit_checks import AuditChecks
from backends.audit.base import EventFilter
from backends.metadata.base import MetadataStore


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Events of one page, newest first, how many fit, how many the log holds, and when the first of all was."""

    events: Sequence[AuditEvent]
    total: int
    kept: int = 0
    since: datetime | None = None


class AuditService:
    def __init__(
        self, *, log: AuditLog, seals: Seals, checks: AuditChecks, auditor: Auditor, metadata: MetadataStore
    ) -> None:
        self._log = log
        self._seals = seals
        self._checks = checks
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
            return AuditPage(events, total, self._log.head().seq, self._checks.begun())

    def status(self, actor: Actor) -> AuditStatus:
        """How well the log is kept at this moment, without reading it."""
        authorise(actor, Permission.AUDIT)
        head, device = self._log.in_step()
        last = self._seals.last()
        point = self._checks.verified()
        return AuditStatus(
            events=head.seq,
            sealed_to=last.seq if last else 0,
            sealed_at=last.at if last else None,
            key_id=key_id(last.key_after) if last else "",
            sealing=self._seals.problem(),
            verified_to=point.seq if point else 0,
            verified_at=point.at if point else None,
            second_device=device.detail if device else "",
            second_device_ok=device is None or device.ok,
            behind=device.behind if device else 0,
            last_verification=self._checks.last(),
        )

    def verify(
        self,
        actor: Actor,
        *,
        incremental: bool = False,
        trusted: Checkpoint | None = None,
        second_device: Path | None = None,
    ) -> AuditVerification:
        """Read the log and check it, against the second device too: that of the settings, or a copy of its folder or
        file. `incremental` begins at the `trusted` checkpoint, or where the last good verification ended."""
        authorise(actor, Permission.AUDIT)
        result = self._checks.verify(incremental=incremental, trusted=trusted, second_device=second_device)
        details = {"events": result.events, "ok": bool(result.ok), "incremental": incremental}
        with self._auditor.disclosure(actor, "audit.verify", details=details):
            return result

    def export(self, actor: Actor, file: IO[bytes], *, as_lines: bool = False) -> None:
        """Write every event as it was written, the checkpoints, the public key and a program that verifies them without
        this one, as a ZIP archive; `as_lines`: all but the program, one JSON object a line.

        It ends with the last event that a checkpoint seals; where sealing fails, with the newest.
        """
        authorise(actor, Permission.AUDIT)
        with self._auditor.disclosure(actor, "audit.export"):
            sealed: Checkpoint | None = None
            with suppress(BackendUnavailableError):
                sealed = self.seal()
            rows = self._log.rows()
            write = write_lines if as_lines else write_bundle
            last = sealed.seq if sealed else self._log.head().seq
            write(file, rows=(row.body for row in rows if row.seq <= last), checkpoints=self._seals.lines())

    def seal(self, *, if_alone: bool = False) -> Checkpoint | None:
        """Have the newest event signed, unless `if_alone` and a sealer runs that will do it within a minute.

        Raises BackendUnavailableError with the sealer's sentence.
        """
        return self._seals.last() if if_alone and self._seals.is_running() else self._seals.seal()

    def renew_key(self, actor: Actor) -> None:
        """Have the sealer change its key: the old one signs that the new one follows."""
        authorise(actor, Permission.MANAGE_SYSTEM)
        with self._auditor.change(actor, "audit.renew_key"):
            self._seals.run("--renew-key")
