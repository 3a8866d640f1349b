"""Checks the audit log: chain, MAC, signed checkpoints, and the copy on the second device."""

import json
from collections.abc import Iterable, Sequence
from itertools import zip_longest
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from app.domain.audit import AuditFinding, AuditVerification
from app.security.audit_chain import GENESIS, Checkpoint, event_mac, sha256_hex
from app.security.audit_log import AuditLog, StoredEvent

_MOST_FINDINGS = 100


def verify_log(
    log: AuditLog,
    *,
    mac_key: bytes,
    public_key: Ed25519PublicKey,
    trusted: Checkpoint | None = None,
    second_device: Path | None = None,
) -> AuditVerification:
    """Read the whole log. `trusted` is a checkpoint kept elsewhere: the log must hold it; `second_device` a copy that
    must be equal line by line. `ok` None: nothing is wrong, but no checkpoint covers any event."""
    findings: list[AuditFinding] = []
    hashes: dict[int, str] = {}
    events = verified_to = 0
    for seq, head, finding in _check_rows(log.rows(), mac_key):
        events += 1
        hashes[seq] = head
        if finding is not None:
            findings.append(finding)
        elif not findings:
            verified_to = seq
    checkpoints = log.checkpoints()
    findings += _check_checkpoints(checkpoints, hashes, public_key)
    if trusted is not None:
        findings += _check_trusted(trusted, hashes, public_key)
    if second_device is not None:
        findings += _check_copy(log.rows(), second_device)
    ok = False if findings else (True if checkpoints or not events else None)
    return AuditVerification(ok=ok, events=events, verified_to=verified_to, findings=tuple(findings[:_MOST_FINDINGS]))


def _check_rows(rows: Iterable[StoredEvent], mac_key: bytes) -> Iterable[tuple[int, str, AuditFinding | None]]:
    expected, previous = 1, GENESIS
    for row in rows:
        finding = None
        try:
            stored = json.loads(row.body)
            named, before = stored["seq"], stored["prev"]
        except (ValueError, KeyError, TypeError):
            named, before = None, None
        if row.seq != expected:
            finding = AuditFinding(expected, "missing", f"events {expected} to {row.seq - 1} are not there")
        elif event_mac(row.body, key=mac_key) != row.mac:
            finding = AuditFinding(row.seq, "modified", "the event is not as it was written")
        elif named != row.seq:
            finding = AuditFinding(row.seq, "reordered", f"this event was written as number {named}")
        elif before != previous:
            finding = AuditFinding(row.seq, "inserted", "the event does not follow the one before it")
        previous = sha256_hex(row.body)
        expected = row.seq + 1
        yield row.seq, previous, finding


def _check_checkpoints(
    checkpoints: Sequence[Checkpoint], hashes: dict[int, str], public_key: Ed25519PublicKey
) -> list[AuditFinding]:
    findings = []
    before = GENESIS
    for number, checkpoint in enumerate(checkpoints, start=1):
        if not checkpoint.is_signed_by(public_key) or checkpoint.number != number or checkpoint.previous != before:
            findings.append(AuditFinding(checkpoint.seq, "seal", f"checkpoint {number} is not as it was signed"))
        else:
            findings += _check_head(checkpoint, hashes)
        before = checkpoint.hash
    return findings


def _check_trusted(checkpoint: Checkpoint, hashes: dict[int, str], public_key: Ed25519PublicKey) -> list[AuditFinding]:
    if not checkpoint.is_signed_by(public_key):
        return [AuditFinding(checkpoint.seq, "seal", "the checkpoint given was not signed by this installation")]
    return _check_head(checkpoint, hashes)


def _check_head(checkpoint: Checkpoint, hashes: dict[int, str]) -> list[AuditFinding]:
    if checkpoint.seq not in hashes:
        detail = f"the log was sealed at event {checkpoint.seq} and ends before it"
        return [AuditFinding(checkpoint.seq, "truncated", detail)]
    if hashes[checkpoint.seq] != checkpoint.head:
        return [AuditFinding(checkpoint.seq, "seal", "the events before this checkpoint are not those it sealed")]
    return []


def _check_copy(rows: Iterable[StoredEvent], path: Path) -> list[AuditFinding]:
    with path.open(encoding="ascii", errors="replace") as file:
        for place, (row, line) in enumerate(zip_longest(rows, file), start=1):
            if row is None:
                return [AuditFinding(place, "truncated", "the second device holds events that the log lacks")]
            if line is None:
                return [AuditFinding(place, "device", "the second device lacks this event and those after it")]
            if row.body != line.rstrip("\n"):
                return [AuditFinding(row.seq, "device", "the event differs from its copy on the second device")]
    return []
