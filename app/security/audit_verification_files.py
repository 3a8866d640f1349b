"""Checks what lies beside the audit log: the file of checkpoints, and the copies on the second device."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from app.domain.audit import GENESIS, AuditFinding
from app.errors import InvalidInputError
from app.security.audit_chain import Checkpoint, read_checkpoint
from app.security.audit_seals import Seals
from app.security.grown_file import read_lines
from app.security.second_device import CHECKPOINTS, SecondDevice
from backends.audit.base import StoredEvent

_SEQ = re.compile(rb',"seq":(\d+),"session":')
_NUMBER = re.compile(rb'\\"number\\":(\d+),')


@dataclass(frozen=True, slots=True)
class Point:
    """A checkpoint that the file must hold, because it was verified or kept elsewhere: its number and hash."""

    number: int
    hash: str
    seq: int
    detail: str
    """What is wrong when it is another one."""


def read_checkpoints(
    seals: Seals,
    *,
    points: Sequence[Point],
    start: Point | None,
    second_device: SecondDevice | None,
    until: int | None = None,
) -> tuple[list[Checkpoint], list[AuditFinding]]:
    """Those from `start` on, or all, that are signed by the right key and follow each other, and what is wrong; up to
    the first one behind the event `until`."""
    first = start.number if start else 1
    copies = _copies(second_device, first, until) if second_device else []  # Before the file, which is written first.
    lines = _lines_from(seals.path, first, until)
    good: list[Checkpoint] = []
    findings: list[AuditFinding] = []
    for number, line in enumerate(lines, start=first):
        last = good[-1] if good else None
        checkpoint = _read(line)
        follows = checkpoint is not None and (
            _begins(start, checkpoint) if last is None else _follows(last, checkpoint)
        )
        if checkpoint is None or not follows or not checkpoint.is_signed():
            place = checkpoint.seq if checkpoint else (last.seq if last else 0) + 1
            detail = f"checkpoint {number} is not as it was signed"
            findings.append(AuditFinding(place, "seal", detail, last.seq if last else 0))
            break
        good.append(checkpoint)
    if not findings:
        hashes = {one.number: one.hash for one in good}
        is_cut = until is not None and bool(good) and good[-1].seq > until
        asked = [one for one in points if one.number >= first and not (is_cut and one.number > good[-1].number)]
        wrong = [one for one in asked if hashes.get(one.number) != one.hash]
        findings += [AuditFinding(one.seq, "seal", one.detail, 0) for one in wrong]
    if not findings:
        findings += _compare_copies(lines, copies, first)
    return good, findings


def _lines_from(path: Path, number: int, until: int | None) -> list[str]:
    try:
        lines = read_lines(path, offset=_offset_behind(path, number - 1, _NUMBER))
        return list(lines if until is None else _up_to(lines, until))
    except FileNotFoundError:
        return []


def _up_to(lines: Iterator[str], until: int) -> Iterator[str]:
    for line in lines:
        yield line
        checkpoint = _read(line)
        if checkpoint is not None and checkpoint.seq > until:
            return


def _begins(start: Point | None, checkpoint: Checkpoint) -> bool:
    if start is not None:
        return checkpoint.number == start.number
    return checkpoint.number == 1 and checkpoint.previous == GENESIS


def _read(line: str) -> Checkpoint | None:
    try:
        return read_checkpoint(line)
    except InvalidInputError:
        return None


def _follows(last: Checkpoint, checkpoint: Checkpoint) -> bool:
    right = checkpoint.number == last.number + 1 and checkpoint.previous == last.hash
    return right and checkpoint.seq >= last.seq and checkpoint.key == last.key_after


def _copies(device: SecondDevice, first: int, until: int | None) -> list[str]:
    try:
        return _lines_from(device.events.with_name(CHECKPOINTS), first, until)
    except OSError:
        return []


def _compare_copies(lines: list[str], copies: list[str], first: int) -> list[AuditFinding]:
    """A copy may lack the newest; it never holds one that is missing or different here."""
    for number, (here, copied) in enumerate(zip_longest(lines, copies), start=first):
        if copied is not None and here != copied:
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
            self._lines = read_lines(device.events, offset=_offset_behind(device.events, after, _SEQ))
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


def _offset_behind(path: Path, number: int, pattern: re.Pattern[bytes]) -> int:
    """Where the lines behind that number begin, by halving: `pattern` finds a line's number, and they are in order."""
    low, high = 0, path.stat().st_size
    if number == 0:
        return 0
    with path.open("rb") as file:
        while low < high:
            middle = (low + high) // 2
            file.seek(middle - 1 if middle > low else low)
            if middle > low:
                file.readline()
            place = file.tell()
            line = file.readline()
            found = pattern.search(line)
            if not line or place >= high:
                high = middle
            elif found is None or int(found[1]) <= number:
                low = place + len(line)
            else:
                high = middle
        return low
