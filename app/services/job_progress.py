"""How far a job is, as its record shows it, and the lease that a worker keeps on it."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Lock, Thread
from typing import Protocol

from app.domain.jobs import Job, Stage
from app.errors import BackendUnavailableError
from app.logs import get_logger
from app.pipeline.indexing import Pace
from backends.metadata.base import MetadataStore

LEASE_SECONDS = 20.0
_RECORD_EVERY_SECONDS = 0.5
_RENEW_AFTER_SECONDS = LEASE_SECONDS / 4
_LOOK_SECONDS = 1.0
_AGAIN_SECONDS = 1.0
_STAGES = list(Stage)
_log = get_logger("jobs")
_Reached = tuple[Stage, int, int]


class WorkerEnds(Exception):  # noqa: N818 - no error: it unwinds the job in hand
    """The process was told to end."""


class JobRunner(Protocol):
    """Does jobs of one kind."""

    def run(self, job: Job, *, ending: Event) -> None:
        """Do a claimed job, or go on with it, and record how far it is; `ending` is set when the process ends."""


class JobProgress:
    """Stores progress twice a second at most and at the end of a stage, tells whether to go on, and keeps the lease
    while a step takes long.

    A run after another shows the place that was reached until it is further. Then the job counts as tried once:
    whatever ended the runs before, this file did not.
    """

    def __init__(
        self, metadata: MetadataStore, job: Job, *, worker: str, pace: Pace, ending: Event, keeper: "LeaseKeeper"
    ) -> None:
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
        self._renewed = time.monotonic()
        self._keeper = keeper

    def __enter__(self) -> "JobProgress":
        self._keeper.add(self)
        return self

    def __exit__(self, *_error: object) -> None:
        self._keeper.remove(self)

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

    def renew(self) -> None:
        """Where nothing was recorded lately. Raises BackendUnavailableError."""
        if time.monotonic() - self._renewed >= _RENEW_AFTER_SECONDS:
            self._record()

    def _record(self, *, attempts: int | None = None) -> bool:
        self._renewed = time.monotonic()
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


class LeaseKeeper:
    """Keeps the leases of all jobs that it is given, in one thread that lives as long as there are any: a thread a job
    would keep as many connections to the database."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept: dict[JobProgress, Lock] = {}
        self._thread: Thread | None = None

    def add(self, progress: JobProgress) -> None:
        with self._lock:
            self._kept[progress] = Lock()
            if self._thread is None or not self._thread.is_alive():
                self._thread = Thread(target=self._keep, name="job-leases", daemon=True)
                self._thread.start()

    def remove(self, progress: JobProgress) -> None:
        """When this returns, nothing more is recorded of it."""
        with self._lock:
            in_use = self._kept.pop(progress)
        with in_use:
            pass

    def _keep(self) -> None:
        while not self._ended():
            for progress in tuple(self._kept):
                with self._held(progress) as is_kept:
                    if is_kept:
                        self._renew(progress)

    def _renew(self, progress: JobProgress) -> None:
        try:
            progress.renew()
        except BackendUnavailableError:
            return
        except Exception as error:  # noqa: BLE001 - the boundary of the thread, which keeps the leases of other jobs too
            _log.unexpected("leases", error)

    def _ended(self) -> bool:
        time.sleep(_LOOK_SECONDS)
        with self._lock:
            if not self._kept:
                self._thread = None
            return not self._kept

    @contextmanager
    def _held(self, progress: JobProgress) -> Iterator[bool]:
        with self._lock:
            in_use = self._kept.get(progress)
            if in_use is not None:
                in_use.acquire()
        try:
            yield in_use is not None
        finally:
            if in_use is not None:
                in_use.release()


def insist(note: Callable[[], None], *, ending: Event) -> None:
    """Call `note` until the database takes it: a try that ended because that was away counts against the file until
    it is noted, and it may go away again and again.

    Raises BackendUnavailableError when the process is to end first.
    """
    while True:
        try:
            note()
            return
        except BackendUnavailableError:
            if ending.wait(_AGAIN_SECONDS):
                raise


def _order(stage: Stage, done: int) -> tuple[int, int]:
    return _STAGES.index(stage), done
