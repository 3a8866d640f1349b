"""Which process of this machine computes what several of them are asked for at once."""

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock

_PLACES = 2**62


class FlightLocks:
    """A lock for each key, held by one process: a byte of a file that has none (POSIX.1-2017, fcntl, record locks).

    The system takes it back from a process that died. Threads of a process do not keep each other from it. Where the
    file cannot be had everybody leads, and the same is computed several times.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = Lock()
        self._file: int | None = None

    @contextmanager
    def lead(self, key: str) -> Iterator[bool]:
        """Whether no other process leads with this key; until the block ends none does."""
        place = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") % _PLACES
        file = self._open()
        leads = True
        if file is not None:
            try:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
            except OSError as error:
                leads = not isinstance(error, (BlockingIOError, PermissionError))
                file = None
        try:
            yield leads
        finally:
            if file is not None:
                with suppress(OSError):
                    fcntl.lockf(file, fcntl.LOCK_UN, 1, place)

    def close(self) -> None:
        """Ends every lock that this process has in the file; a second call does nothing."""
        with self._lock:
            if self._file is not None:
                os.close(self._file)
                self._file = None

    def _open(self) -> int | None:
        with self._lock, suppress(OSError):
            if self._file is None:
                self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            return self._file
        return None
