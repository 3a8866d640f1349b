"""Checks the audit log: chain, MAC, signed checkpoints, the second device, and what was verified before."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from app.domain.audit import GENESIS, AuditFinding, AuditVerification
from app.security.audit_chain import Checkpoint, event_macs, key_id
from app.security.audit_log import AuditLog
from app.security.audit_seals import Seals
from app.security.audit_verification_files import DeviceCopy, Point, read_checkpoints
from app.security.second_device import SecondDevice
from app.security.verified_point import VerifiedPoint
from backends.audit.base import StoredEvent

_MOST_FINDINGS = 100


@dataclass(frozen=True, slots=True)
class Claim:
    """Somebody says that event `seq` had this hash: a checkpoint, one kept elsewhere, or an earlier verification."""

    seq: int
    head: str
    detail: str
    """What is wrong when it had not."""
    sound_to: int = 0


@dataclass(slots=True)
class _Reading:
    """What the pass over the rows has found so far."""

    expected: int
    previous: str
    links: bool = True
    """Whether the next row is to follow this hash: not where reading begins, nor behind a row that is wrong itself."""
    events: int = 0
    findings: list[AuditFinding] = field(default_factory=list)

    def add(self, finding: AuditFinding | None) -> None:
        if finding is not None and len(self.findings) < _MOST_FINDINGS:
            self.findings.append(finding)


def verify_log(
    log: AuditLog,
    *,
    mac_key: bytes,
    seals: Seals,
    known: VerifiedPoint | None = None,
    trusted: Checkpoint | None = None,
    second_device: SecondDevice | None = None,
    incremental: bool = False,
    begin: VerifiedPoint | None = None,
    until: int | None = None,
) -> AuditVerification:
    """Read the log from its first event; `incremental`: from the `trusted` checkpoint, else from the `known` point.

    `trusted` is a checkpoint kept elsewhere and `known` the last good verification: the log must hold both. A part of a
    verification is read from `begin`, where the part before it ended, and no further than the event `until`.
    """
    points = [*_points(None, begin), *_points(trusted, known)]
    starts = bool(points) and (begin.checkpoint > 0 if begin else incremental)
    checkpoints, findings = read_checkpoints(
        seals, points=points, start=points[0] if starts else None, second_device=second_device, until=until
    )
    end, _ = log.in_step()  # After the checkpoints: what is sealed from now on is not asked for.
    last = end.seq if until is None else min(until, end.seq)
    is_part = last < end.seq
    claims = [*_sealed(checkpoints), *_kept(trusted, checkpoints, findings), *_verified(known), *_verified(begin)]
    if is_part:
        checkpoints = [one for one in checkpoints if one.seq <= last]
        claims = [one for one in claims if one.seq <= last]
    start = _start(None, begin) if begin else (_start(trusted, known) if incremental else 0)
    reading = _Reading(max(start, 1), previous=GENESIS, links=start == 0, findings=findings)
    copy = DeviceCopy(second_device, after=reading.expected - 1) if second_device else None
    _read_rows(log, last, reading, event_macs(mac_key), claims, copy)
    if not is_part:
        _read_end(log, reading, claims, copy)
    elif reading.expected <= last:
        reading.add(AuditFinding(reading.expected, "missing", _missing(reading.expected, last)))
    doubt = "" if is_part else _doubt(checkpoints, seals, reading.events)
    doubt = doubt or (copy.doubt if copy else "")
    return _result(reading, checkpoints, verified_from=max(start, 1), doubt=doubt)


def _read_rows(
    log: AuditLog,
    last: int,
    reading: _Reading,
    mac: Callable[[bytes], str],
    claims: Iterable[Claim],
    copy: DeviceCopy | None,
) -> None:
    claimed = {claim.seq: [one for one in claims if one.seq == claim.seq] for claim in claims}
    for row in log.rows(after=reading.expected - 1):
        if row.seq > last:
            break
        if finding := _check_row(row, reading, mac):
            reading.add(finding)
        for claim in claimed.get(row.seq, ()):
            if claim.head != reading.previous:
                reading.add(AuditFinding(claim.seq, "seal", claim.detail, claim.sound_to))
        if copy is not None:
            reading.add(copy.compare(row))


def _read_end(log: AuditLog, reading: _Reading, claims: Iterable[Claim], copy: DeviceCopy | None) -> None:
    last = reading.expected - 1
    reading.add(_cut(claims, last))
    if copy is not None:
        reading.add(copy.end(log.rows(after=last), last=last))


def _check_row(row: StoredEvent, reading: _Reading, mac: Callable[[bytes], str]) -> AuditFinding | None:
    seq, body = row.seq, row.body.encode()
    finding = None
    if seq != reading.expected:
        finding = AuditFinding(reading.expected, "missing", _missing(reading.expected, seq - 1))
    elif mac(body) != row.mac:
        finding = AuditFinding(seq, "modified", "the event is not as it was written")
    elif f',"prev":"{reading.previous}","purpose":"","seq":{seq},"session":' not in row.body:
        finding = _check_place(row, reading)
    reading.previous = hashlib.sha256(body).hexdigest()
    reading.links = finding is None
    reading.expected = seq + 1
    reading.events += 1
    return finding


def _missing(first: int, last: int) -> str:
    return f"events {first} to {last} are not there" if last > first else "the event is not there"


def _check_place(row: StoredEvent, reading: _Reading) -> AuditFinding | None:
    """The body is canonical JSON, so what stands behind the details in it is found by its text."""
    if f',"seq":{row.seq},"session":' not in row.body:
        return AuditFinding(row.seq, "reordered", "the event was written with another number")
    if reading.links and f',"prev":"{reading.previous}","purpose":' not in row.body:
        return AuditFinding(row.seq, "inserted", "the event does not follow the one before it")
    return None


def _sealed(checkpoints: Iterable[Checkpoint]) -> Iterator[Claim]:
    before = 0
    for one in checkpoints:
        events = f"one of the events {before + 1} to {one.seq} is" if one.seq > before + 1 else "the event is"
        yield Claim(one.seq, one.head, f"{events} not as checkpoint {one.number} sealed it", before)
        before = one.seq


def _kept(trusted: Checkpoint | None, checkpoints: list[Checkpoint], findings: list[AuditFinding]) -> Iterator[Claim]:
    if trusted is None:
        return
    keys = {one.key for one in checkpoints} | {one.key_after for one in checkpoints}
    if not trusted.is_signed() or (keys and trusted.key not in keys):
        detail = "the checkpoint given was not signed by this installation"
        findings.append(AuditFinding(trusted.seq, "seal", detail, 0))
    else:
        detail = f"the events to here are not those of the checkpoint given, which was signed on {trusted.at:%Y-%m-%d}"
        yield Claim(trusted.seq, trusted.head, detail)


def _verified(known: VerifiedPoint | None) -> Iterator[Claim]:
    if known is not None and known.seq:
        detail = f"the events to here are not those that were verified on {known.at:%Y-%m-%d}"
        yield Claim(known.seq, known.head, detail)


def _points(trusted: Checkpoint | None, known: VerifiedPoint | None) -> Iterator[Point]:
    """The checkpoint to begin at first."""
    if trusted is not None and trusted.is_signed():
        detail = f"checkpoint {trusted.number} is not the one given"
        yield Point(trusted.number, trusted.hash, trusted.seq, detail)
    if known is not None and known.checkpoint:
        detail = f"checkpoint {known.checkpoint} is not the one that was verified on {known.at:%Y-%m-%d}"
        yield Point(known.checkpoint, known.checkpoint_hash, known.seq, detail)


def _start(trusted: Checkpoint | None, known: VerifiedPoint | None) -> int:
    """The event to begin at; 0 where none was vouched for."""
    if trusted is not None:
        return trusted.seq
    return known.seq if known is not None else 0


def _cut(claims: Iterable[Claim], last: int) -> AuditFinding | None:
    """Events that are known to have been there, behind the last one."""
    beyond = max((claim.seq for claim in claims), default=0)
    if beyond <= last:
        return None
    return AuditFinding(last + 1, "truncated", f"the log is known to have had {beyond} events and ends before it")


def _doubt(checkpoints: list[Checkpoint], seals: Seals, events: int) -> str:
    if not checkpoints:
        return "No checkpoint seals the log yet: verify again in a minute." if events else ""
    return seals.silence(checkpoints[-1]) if seals.is_expected() else ""


def _result(reading: _Reading, checkpoints: list[Checkpoint], *, verified_from: int, doubt: str) -> AuditVerification:
    findings = sorted(reading.findings, key=lambda one: one.seq)
    wrong = {one.seq for one in findings if one.sound_to is None}
    sound = [one.seq - 1 if one.seq in wrong or one.sound_to is None else one.sound_to for one in findings]
    newest = checkpoints[-1] if checkpoints else None
    return AuditVerification(
        ok=False if findings else (None if doubt else True),
        events=reading.events,
        verified_to=max(0, min([*sound, reading.expected - 1])),
        findings=tuple(findings),
        verified_from=verified_from,
        sealed_to=newest.seq if newest else 0,
        key_id=key_id(newest.key_after) if newest else "",
        doubt=doubt,
        head=reading.previous,
        checkpoint=newest.number if newest else 0,
        checkpoint_hash=newest.hash if newest else GENESIS,
    )
