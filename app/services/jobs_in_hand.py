"""Which jobs the threads of one worker are doing."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from app.domain.ids import JobId


class JobsInHand:
    """To the job records the threads of a process are one worker: this keeps two of them from the same job."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._jobs: set[JobId] = set()

    @contextmanager
    def take(self, job_id: JobId) -> Iterator[bool]:
        """True where no other thread has it; then nobody else gets it until the block ends."""
        with self._lock:
            mine = job_id not in self._jobs
            self._jobs.add(job_id)
        try:
            yield mine
        finally:
            if mine:
                with self._lock:
                    self._jobs.remove(job_id)
