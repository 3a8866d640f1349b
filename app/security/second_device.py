"""The second device: a folder on another disk that holds a copy of every audit event and every checkpoint."""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from time import monotonic, sleep

from app.domain.audit import GENESIS, sha256_hex
from app.errors import IntegrityError
from app.security.grown_file import append_lines, last_lines
from backends.audit.base import Head, StoredEvent
from backends.lock_files import exclusive

EVENTS, CHECKPOINTS = "events.jsonl", "checkpoints.jsonl"
_MOST_AT_ONCE = 20_000
_MOMENT_SECONDS = 0.5
_PATIENCE_SECONDS = 5
"""So long another process may be writing there."""


@dataclass(frozen=True, slots=True)
class DeviceState:
    """`ok`: it holds every event of the log. `behind` is how many it lacks; None where that cannot be told."""

    ok: bool
    behind: int | None
    detail: str


class SecondDevice:
    """Written in step by whoever holds the log's lock; what it lacks, after a failure, is copied before what is new."""

    def __init__(self, path: Path) -> None:
        """`path` is the folder; to be read only, a copy of its file of events will do."""
        self.events = path if path.is_file() else path / EVENTS
        self._known: tuple[int, int, Head] | None = None
        """The file's number and size when its last line was read or written."""

    def write(self, rows: Sequence[StoredEvent], *, earlier: Callable[[int], Iterable[StoredEvent]]) -> int:
        """Copy `rows`, the newest of the log, and before them what is missing: `earlier(seq)` gives every row of the
        log behind `seq`. Returns how many are missing still, because a long way is caught up in steps.

        Raises OSError, and IntegrityError when it holds other events than the log: then nothing is written there.
        """
        with self._alone():
            last = self._last()
            if last.seq >= rows[-1].seq and rows[-1].body in last_lines(self.events):
                return 0  # Others, who held the log meanwhile, copied it.
            wanted = list(rows) if last.seq == rows[0].seq - 1 else list(islice(earlier(last.seq), _MOST_AT_ONCE))
            if last.seq >= rows[-1].seq or not wanted or _previous(wanted[0]) != last.hash:
                raise IntegrityError(
                    f"The second device holds other events than the log, from event {last.seq} or before: run dafe"
                    " audit verify; when the log was restored from a backup, give the second device a new folder."
                )
            append_lines(self.events, [row.body for row in wanted])
            newest = Head(wanted[-1].seq, sha256_hex(wanted[-1].body))
            status = self.events.stat()
            self._known = status.st_ino, status.st_size, newest
        return rows[-1].seq - newest.seq

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Also where the log's lock was taken from a process that hung and now goes on. Raises OSError."""
        until = monotonic() + _PATIENCE_SECONDS
        with ExitStack() as held:
            while True:
                try:
                    held.enter_context(exclusive(self.events.with_suffix(".lock"), wait=False))
                    break
                except BlockingIOError:
                    if monotonic() > until:
                        raise
                    sleep(_MOMENT_SECONDS / 50)
            yield

    def state(self, head: Head, *, hash_at: Callable[[int], str | None]) -> DeviceState:
        """Compared with `head`, which was the log's newest event a moment ago; `hash_at` gives the hash of any event,
        None where there is none. An event is copied just after it is written, so what is missing gets that moment."""
        until = monotonic() + _MOMENT_SECONDS
        try:
            while (last := self._last()).seq < head.seq and monotonic() < until:
                sleep(_MOMENT_SECONDS / 50)
            writable = os.access(self.events if self.events.exists() else self.events.parent, os.W_OK)
        except OSError as error:
            return DeviceState(False, None, f"The second device cannot be read: {error.strerror}.")
        if last.seq and hash_at(last.seq) != last.hash:
            return DeviceState(False, None, "The second device holds other events than the log: run dafe audit verify.")
        if last.seq < head.seq:
            behind = head.seq - last.seq
            return DeviceState(False, behind, f"The second device lacks the newest {behind:,} events.")
        if not writable:
            return DeviceState(False, 0, "The second device cannot be written.")
        return DeviceState(True, 0, "The second device holds every event.")

    def _last(self) -> Head:
        if not self.events.parent.is_dir():
            raise FileNotFoundError(2, "there is no such folder", str(self.events.parent))
        try:
            with self.events.open("rb") as file:  # A network folder tells others' writes to whoever opens the file.
                status = os.fstat(file.fileno())
        except FileNotFoundError:
            return Head()
        if self._known is None or self._known[:2] != (status.st_ino, status.st_size):
            self._known = status.st_ino, status.st_size, _newest(last_lines(self.events))
        return self._known[2]


def _newest(lines: Sequence[str]) -> Head:
    """The last line that is an event; one that was cut off is none."""
    for line in lines:
        try:
            return Head(int(json.loads(line)["seq"]), sha256_hex(line))
        except (ValueError, KeyError, TypeError):
            continue
    return Head()


def _previous(row: StoredEvent) -> str:
    try:
        return str(json.loads(row.body)["prev"])
    except (ValueError, KeyError, TypeError):
        return GENESIS if row.seq == 1 else ""
