"""Which jobs the threads of one worker are doing."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from app.domain.ids import JobId


class JobsInHand:
    """To the job records the threads of a process are one worker: this keeps two of them from the same job.

    A worker that dies had several jobs in hand, and which of them ended it is not known. Those are suspected, and only
    one of them is done at a time: of an innocent one no further end is counted while it waits, and the others go on.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._jobs: set[JobId] = set()
        self._suspect: JobId | None = None

    @contextmanager
    def take(self, job_id: JobId, *, suspected: bool) -> Iterator[bool]:
        """True where it may be done now; then nobody else gets it until the block ends."""
        with self._lock:
            mine = job_id not in self._jobs and not (suspected and self._suspect)
            if mine:
                self._jobs.add(job_id)
                self._suspect = job_id if suspected else self._suspect
        try:
            yield mine
        finally:
            if mine:
                with self._lock:
                    self._jobs.remove(job_id)
                    self._suspect = None if suspected else self._suspect
