"""Files that only grow, a line at a time: copies of the audit log, and its checkpoints."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from backends.disk import keep_name

_TAIL_BYTES = 1 << 18
"""More than two of the longest lines."""


def append_lines(path: Path, lines: Sequence[str]) -> None:
    """On disk when it returns. A line that a crash or a full disk cut off is left behind and never written over, so
    that the file may lie where nothing can be changed; `read_lines` passes over it. Raises OSError, and ValueError for
    what is no line of ASCII: then nothing is written."""
    if any("\n" in line for line in lines):
        raise ValueError("a line ends within itself")
    written = "".join(f"{one}\n" for one in lines).encode("ascii")
    is_new = not path.exists()
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        size = os.fstat(descriptor).st_size
        ends_within_a_line = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
        left = memoryview((b"\n" if ends_within_a_line else b"") + written)
        while left:
            left = left[os.write(descriptor, left) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    if is_new:
        keep_name(path.parent)


def read_lines(path: Path, *, offset: int = 0) -> Iterator[str]:
    """Every whole line from `offset`, where a line begins; what was cut off and then written anew comes once."""
    held: str | None = None
    with path.open("rb") as file:
        file.seek(offset)
        for raw in file:
            if not raw.endswith(b"\n"):
                break
            line = raw[:-1].decode("ascii", errors="replace")
            if held is None or (line.startswith(held) and len(line) > len(held)):
                held = line
            elif not (held.startswith(line) and len(line) < len(held)):
                yield held
                held = line
    if held is not None:
        yield held


def last_lines(path: Path) -> list[str]:
    """The whole lines at the end of the file, newest first; none when there is no file."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _TAIL_BYTES))
            lines = file.read().split(b"\n")[:-1]
    except FileNotFoundError:
        return []
    whole = lines if size <= _TAIL_BYTES else lines[1:]
    return [line.decode("ascii", errors="replace") for line in reversed(whole)]
