"""Checks what lies beside the audit log: the file of checkpoints, and the copies on the second device."""

import re
from collections.abc import Iterator
from pathlib import Path

from app.domain.audit import AuditFinding
from app.errors import InvalidInputError
from app.security.audit_chain import GENESIS, Checkpoint, read_checkpoint
from app.security.audit_reader import StoredEvent
from app.security.audit_seals import Seals
from app.security.grown_file import read_lines
from app.security.second_device import CHECKPOINTS, SecondDevice
from app.security.verified_point import VerifiedPoint

_SEQ = re.compile(r',"seq":(\d+),"session":')


def read_checkpoints(
    seals: Seals, *, known: VerifiedPoint | None, second_device: SecondDevice | None
) -> tuple[list[Checkpoint], list[AuditFinding]]:
    """Those that are signed by the right key and follow each other, and what is wrong with the file."""
    good: list[Checkpoint] = []
    findings: list[AuditFinding] = []
    lines = list(seals.lines())
    for number, line in enumerate(lines, start=1):
        last = good[-1] if good else None
        checkpoint = _read(line)
        if checkpoint is None or not checkpoint.is_signed() or not _follows(last, checkpoint):
            place = checkpoint.seq if checkpoint else (last.seq if last else 0) + 1
            detail = f"checkpoint {number} is not as it was signed"
            findings.append(AuditFinding(place, "seal", detail, last.seq if last else 0))
            break
        good.append(checkpoint)
    if known is not None and known.checkpoint and not findings:
        hashes = [one.hash for one in good[known.checkpoint - 1 : known.checkpoint]]
        if hashes != [known.checkpoint_hash]:
            detail = f"checkpoint {known.checkpoint} is not the one that was verified on {known.at:%Y-%m-%d}"
            findings.append(AuditFinding(known.seq, "seal", detail, 0))
    if second_device is not None and not findings:
        findings += _compare_copies(lines, second_device.events.with_name(CHECKPOINTS))
    return good, findings


def _read(line: str) -> Checkpoint | None:
    try:
        return read_checkpoint(line)
    except InvalidInputError:
        return None


def _follows(last: Checkpoint | None, checkpoint: Checkpoint) -> bool:
    if last is None:
        return checkpoint.number == 1 and checkpoint.previous == GENESIS
    right = checkpoint.number == last.number + 1 and checkpoint.previous == last.hash
    return right and checkpoint.seq >= last.seq and checkpoint.key == last.key_after


def _compare_copies(lines: list[str], path: Path) -> list[AuditFinding]:
    """A copy may lack the newest; it never holds one that is missing or different here."""
    try:
        copies = list(read_lines(path))
    except OSError:
        return []
    for number, copied in enumerate(copies, start=1):
        here = lines[number - 1] if number <= len(lines) else None
        if here != copied:
            checkpoint = _read(copied)
            problem = "is missing here" if here is None else "is another one here"
            detail = f"checkpoint {number}, which lies on the second device, {problem}"
            return [AuditFinding(checkpoint.seq if checkpoint else 1, "seal", detail, 0)]
    return []


class DeviceCopy:
    """The second device's events, read beside the log's rows; after the first difference it is not read on."""

    def __init__(self, device: SecondDevice, *, after: int) -> None:
        self.doubt = ""
        self._lines: Iterator[str] | None = None
        try:
            self._lines = read_lines(device.events, offset=_offset_behind(device.events, after))
        except OSError as error:
            self.doubt = f"The second device cannot be read: {error.strerror}."

    def compare(self, row: StoredEvent) -> AuditFinding | None:
        line = self._next()
        if self._lines is None or line == row.body:
            return None
        self._lines = None
        if line is None:
            self.doubt = f"The second device lacks event {row.seq} and those after it."
            return None
        return AuditFinding(row.seq, "device", "the event differs from its copy on the second device")

    def end(self, newer: Iterator[StoredEvent], *, last: int) -> AuditFinding | None:
        """After the last row: what is copied beyond it must have been written meanwhile."""
        line = self._next()
        row = next(newer, None) if line is not None else None
        if line is None or (row is not None and row.body == line):
            return None
        return AuditFinding(last + 1, "truncated", "the second device holds events that the log lacks")

    def _next(self) -> str | None:
        try:
            return next(self._lines, None) if self._lines is not None else None
        except OSError as error:
            self._lines = None
            self.doubt = f"The second device cannot be read: {error.strerror}."
            return None


def _offset_behind(path: Path, seq: int) -> int:
    """Where the line of event `seq` + 1 begins, by halving: lines are in the order of their numbers."""
    low, high = 0, path.stat().st_size
    if seq == 0:
        return 0
    with path.open("rb") as file:
        while low < high:
            middle = (low + high) // 2
            file.seek(middle)
            if middle:
                file.readline()
            place = file.tell()
            line = file.readline()
            found = _SEQ.search(line.decode("ascii", errors="replace"))
            if not line or place >= high:
                high = middle
            elif found is None or int(found[1]) <= seq:
                low = place + len(line)
            else:
                high = middle
        return low
