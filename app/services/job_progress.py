"""How far a job is, as its record shows it, and the lease that a worker keeps on it."""

import time
from threading import Event, Thread

from app.domain.jobs import Job, Stage
from app.errors import BackendUnavailableError
from app.pipeline.indexing import Pace
from backends.metadata.base import MetadataStore

LEASE_SECONDS = 20.0
_RECORD_EVERY_SECONDS = 0.5
_STAGES = list(Stage)
_Reached = tuple[Stage, int, int]


class WorkerEnds(Exception):  # noqa: N818 - no error: it unwinds the job in hand
    """The process was told to end."""


class JobProgress:
    """Stores progress twice a second at most and at the end of a stage, tells whether to go on, and keeps the lease
    while a step takes long.

    A run after another shows the place that was reached until it is further. Then the job counts as tried once:
    whatever ended the runs before, this file did not.
    """

    def __init__(self, metadata: MetadataStore, job: Job, *, worker: str, pace: Pace, ending: Event) -> None:
        self._metadata = metadata
        self._job = job
        self._worker = worker
        self._pace = pace
        self._ending = ending
        self.attempts = job.attempts
        """How often the job was tried without getting further."""
        self.waits = job.waits
        """How often in a row, without getting further, a server was away."""
        self._again = job.attempts > 1 or job.waits > 0
        self._reached: _Reached = (job.stage, job.done, job.total) if self._again else (Stage.WAITING, 0, 0)
        self._stage = job.stage
        self._eta_seconds: float | None = None
        self._recorded = 0.0
        self._ended = Event()
        self._heart = Thread(target=self._beat, name="job-lease", daemon=True)

    def __enter__(self) -> "JobProgress":
        self._heart.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._ended.set()
        self._heart.join()

    def __call__(self, stage: Stage, done: int, total: int) -> bool:
        if self._ending.is_set():
            raise WorkerEnds
        new_stage = stage is not self._stage
        self._stage = stage
        self._eta_seconds = self._pace.note(stage, done, total)
        further = _order(stage, done) > _order(*self._reached[:2])
        if further or not self._again:
            self._reached = (stage, done, total)
        got_over = further and self._again
        if got_over:
            self._again = False
            self.attempts, self.waits = 1, 0
        now = time.monotonic()
        ended = total > 0 and done >= total
        if not (new_stage or got_over or ended) and now - self._recorded < _RECORD_EVERY_SECONDS:
            return True
        self._recorded = now
        return self._record(attempts=1 if got_over else None)

    def _record(self, *, attempts: int | None = None) -> bool:
        stage, done, total = self._reached
        return self._metadata.jobs.record(
            self._job.id,
            worker=self._worker,
            lease_seconds=LEASE_SECONDS,
            stage=stage,
            done=done,
            total=total,
            eta_seconds=self._eta_seconds,
            attempts=attempts,
        )

    def _beat(self) -> None:
        while not self._ended.wait(LEASE_SECONDS / 4):
            try:
                self._record()
            except BackendUnavailableError:
                continue


def _order(stage: Stage, done: int) -> tuple[int, int]:
    return _STAGES.index(stage), done
