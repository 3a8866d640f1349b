"""Verifies the audit log of this installation, and keeps what came of it: how far it was sound, and what was found."""

from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from app.domain.audit import AuditFinding, AuditVerification, LastVerification, timestamp
from app.domain.jobs import Job, JobKind, JobState
from app.errors import BackendUnavailableError, IntegrityError
from app.security.audit_chain import Checkpoint
from app.security.audit_log import AuditLog
from app.security.audit_seals import Seals
from app.security.audit_verification import verify_log
from app.security.keyed_note import KeyedNote
from app.security.keys import Keys
from app.security.second_device import SecondDevice
from app.security.verified_point import VerifiedPoint, VerifiedPoints
from backends.lock_files import exclusive
from backends.metadata.base import MetadataStore

_CLOCKS_DIFFER = timedelta(minutes=1)
_FOUND = b"dafe-audit-found-v1\0"
_FORGED = "The note of what was found last is not as it was written."
_MOST_NAMED = 3
_ENDED = (JobState.DONE, JobState.FAILED)
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
_TIMES = ("at", "sound_at", "complete_at")


@dataclass(frozen=True, slots=True)
class Part:
    """What one part of a verification came to, and where the next one begins."""

    result: AuditVerification
    reached: VerifiedPoint
    is_last: bool


class AuditChecks:
    """Its notes lie in the data folder, which all processes share; where hosts do not, the jobs tell."""

    def __init__(self, *, log: AuditLog, keys: Keys, seals: Seals, folder: Path, metadata: MetadataStore) -> None:
        self._log = log
        self._mac_key = keys.audit_mac
        self._seals = seals
        self._verified = VerifiedPoints(folder / "audit.verified", key=keys.audit_mac)
        self._found = KeyedNote(folder / "audit.found", key=keys.audit_mac, domain=_FOUND)
        self._lock = folder / "audit.found.lock"
        self._metadata = metadata

    def verify(self, *, incremental: bool, trusted: Checkpoint | None, second_device: Path | None) -> AuditVerification:
        """As `AuditService.verify`. What came of comparing with something brought along is not kept."""
        device = SecondDevice(second_device) if second_device else self._log.second_device
        known, forged = self._known()
        since = datetime.now(UTC)
        result = verify_log(
            self._log,
            mac_key=self._mac_key,
            seals=self._seals,
            known=known,
            trusted=trusted,
            second_device=device,
            incremental=incremental,
        )
        result = self._with(result, self._late_beginning())
        if result.ok and not (incremental and trusted):  # else what lies between the two was not read
            self._remember(result)
        result = self._with(result, forged)
        if trusted is None and second_device is None:
            self.keep(result, complete=not incremental or known is None, by_itself=False, since=since)
        return result

    def verify_part(self, begin: VerifiedPoint | None, *, events: int) -> Part:
        """Read so many events from `begin` on, or from the first. Nothing of it is kept."""
        known, forged = self._known()
        until = (begin.seq if begin else 0) + events
        is_last = self.count() <= until
        result = verify_log(
            self._log,
            mac_key=self._mac_key,
            seals=self._seals,
            known=known,
            begin=begin,
            second_device=self._log.second_device,
            until=None if is_last else until,
        )
        result = self._with(result, forged, self._late_beginning())
        return Part(result, _point(result), is_last)

    def keep(self, result: AuditVerification, *, complete: bool, by_itself: bool, since: datetime) -> None:
        """As what was found last: a finding is replaced by another one, or when all was read `since` and is sound. Of a
        sound log the next verification may begin at its end."""
        if by_itself and result.ok:
            self._remember(result)
        with suppress(OSError), exclusive(self._lock):
            last = self.last()
            clears = result.ok is False or (result.ok and complete and (last is None or last.at < since))
            if last is not None and last.ok is False and not clears:
                return
            now = datetime.now(UTC)
            kept = LastVerification(
                at=now,
                ok=result.ok,
                verified_to=result.verified_to,
                findings=len(result.findings),
                detail=sentence(result),
                by_itself=by_itself,
                sound_at=since if result.ok else (last.sound_at if last else None),
                complete_at=since if result.ok and complete else (last.complete_at if last else None),
            )
            record = asdict(kept)
            self._found.write(record | {name: timestamp(record[name]) for name in _TIMES if record[name]})

    def last(self) -> LastVerification | None:
        """What came of it last: as it was noted, or, where the note is missing, older or on another host, as the newest
        job that ended says. None where nothing was verified yet."""
        noted = self._noted()
        ended = self._metadata.jobs.find(reader=None, kinds=(JobKind.VERIFY,), states=_ENDED, limit=1)
        if not ended or ended[0].updated_at is None:
            return noted
        if noted is not None and ended[0].updated_at < noted.at + _CLOCKS_DIFFER:
            return noted
        return _as_ended(ended[0], ended[0].updated_at, noted)

    def verified(self) -> VerifiedPoint | None:
        """How far the log was found sound the last time. None where it never was, or the note cannot be read or is not
        as it was written."""
        try:
            return self._verified.last()
        except (IntegrityError, BackendUnavailableError):
            return None

    def begun(self) -> datetime | None:
        """When the first event was written. None where there is none, or none that can be read."""
        first = self._log.first()
        return first.at if first else None

    def due_since(self) -> datetime | None:
        """From when the first verification is waited for: long ago where the log's beginning was damaged, or all of it
        is gone. None where there is nothing to verify yet."""
        if self._log.first() is None and self._seals.last() is None:
            return None
        return self.begun() or _LONG_AGO

    def count(self) -> int:
        """How many events there are."""
        return self._log.head().seq

    def problem(self) -> str:
        """Why it could not be told now whether the log is sound, as far as this is known without reading it; nothing
        where the sealer found something itself, which the log is to be read for."""
        if self._seals.complaint():
            return ""
        _, device = self._log.in_step()
        return self._seals.problem() or (device.detail if device and not device.ok else "")

    def _known(self) -> tuple[VerifiedPoint | None, AuditFinding | None]:
        try:
            return self._verified.last(), None
        except IntegrityError as error:
            return None, AuditFinding(1, "seal", error.message)

    def _noted(self) -> LastVerification | None:
        """A note that is not as it was written is itself a finding."""
        try:
            record: dict[str, Any] | None = self._found.read()
            if record is None:
                return None
            times = {name: datetime.fromisoformat(record[name]) for name in _TIMES if record[name]}
            return LastVerification(**record | times)
        except (ValueError, KeyError, TypeError):
            with suppress(OSError):
                return _unsure(_FORGED, ok=False, at=self._found.changed_at())
            return None
        except BackendUnavailableError as error:
            return _unsure(error.message, ok=None, at=datetime.now(UTC))

    def _remember(self, result: AuditVerification) -> None:
        if result.verified_to:
            with suppress(OSError):
                self._verified.save(_point(result))

    def _with(self, result: AuditVerification, *wrong: AuditFinding | None) -> AuditVerification:
        found = [one for one in wrong if one]
        return replace(result, ok=False, findings=(*found, *result.findings), verified_to=0) if found else result

    def _late_beginning(self) -> AuditFinding | None:
        """Making a workspace or a person is recorded: a log that begins after the first of them was begun anew."""
        made = [one.created_at for one in self._metadata.workspaces.find() if one.created_at]
        made += [one.created_at for one in self._metadata.users.find() if one.created_at]
        begun = self.begun()
        if not made or (begun is not None and begun <= min(made) + _CLOCKS_DIFFER):
            return None
        return AuditFinding(1, "truncated", "the log begins after the first workspace or person was made")


def _unsure(detail: str, *, ok: bool | None, at: datetime) -> LastVerification:
    return LastVerification(at, ok, 0, int(ok is False), detail, by_itself=False, sound_at=None, complete_at=None)


def _as_ended(job: Job, at: datetime, noted: LastVerification | None) -> LastVerification:
    """What the job says of a verification whose note is not here. The sentence of one that failed tells a finding."""
    sound = job.state is JobState.DONE
    return LastVerification(
        at=at,
        ok=True if sound else None,
        verified_to=job.done if sound else 0,
        findings=0,
        detail="" if sound else job.error or "",
        by_itself=True,
        sound_at=at if sound else (noted.sound_at if noted else None),
        complete_at=noted.complete_at if noted else None,
    )


def _point(result: AuditVerification) -> VerifiedPoint:
    return VerifiedPoint(
        seq=result.verified_to,
        head=result.head,
        checkpoint=result.checkpoint,
        checkpoint_hash=result.checkpoint_hash,
        at=datetime.now(UTC),
    )


def sentence(result: AuditVerification) -> str:
    """The first findings, or why it cannot be told; empty when it is sound."""
    named = [f"Event {one.seq:,}: {one.detail.rstrip('.')}" for one in result.findings[:_MOST_NAMED]]
    more = len(result.findings) - len(named)
    if more > 0:
        named.append(f"and {more:,} more")
    return f"{'; '.join(named)}." if named else result.doubt
