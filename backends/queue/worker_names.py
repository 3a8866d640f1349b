"""Names for workers that a living process holds alone, and that the next process gets after it."""

import fcntl
import hashlib
import platform
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from app.errors import BackendUnavailableError

_MOST_WORKERS = 1_000


class WorkerName:
    """The kernel frees the name with its process, however that ended: its next holder knows that the last is gone."""

    def __init__(self, folder: Path) -> None:
        """Takes the first free name of the folder: `text` is its own there, and with `machine` everywhere.

        Raises BackendUnavailableError.
        """
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for number in range(1, _MOST_WORKERS + 1):
                file = (folder / f"worker-{number}.lock").open("w")
                if _is_ours(file):
                    self.text = f"worker-{number}"
                    self.machine = _machine(folder)
                    self._file = file
                    return
                file.close()
        except OSError as error:
            raise BackendUnavailableError(
                f"The worker's place in the data folder cannot be taken ({error.strerror}): give this user the right"
                " to write there."
            ) from error
        raise BackendUnavailableError(f"{_MOST_WORKERS:,} workers run already: stop some of them.")

    def give_back(self) -> None:
        self._file.close()


def _machine(folder: Path) -> str:
    """Twelve characters for the folder on this machine until that starts again: with them no two living workers share a
    name, even where machines are clones or share the folder."""
    machine = platform.node()
    with suppress(OSError):
        machine = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")
    place = folder.stat()
    return hashlib.sha256(f"{machine}/{place.st_dev}/{place.st_ino}".encode()).hexdigest()[:12]


def _is_ours(file: TextIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
