"""What the program does again and again without being asked, and the jobs that are made of it in time."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.domain.jobs import JobKind
from app.services.new_jobs import new_upkeep_job, put_job
from backends.metadata.base import MetadataStore
from backends.queue.base import NO_WORKSPACE, JobQueue

_LOOK_EVERY_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Schedule:
    kind: JobKind
    """Of the job that is made."""
    every: timedelta
    """Zero: never."""
    since: Callable[[], datetime | None]
    """Before the first job the time counts from then; None before there is anything to do."""


class ScheduleUpkeep:
    """For recovery: of all workers that look one makes the job."""

    def __init__(
        self,
        *,
        schedules: Sequence[Schedule],
        metadata: MetadataStore,
        queue: JobQueue,
        every_seconds: float = _LOOK_EVERY_SECONDS,
    ) -> None:
        self._schedules = [one for one in schedules if one.every]
        self._metadata = metadata
        self._queue = queue
        self._every_seconds = every_seconds
        self._looked_at: float | None = None

    def begin(self) -> None:
        """Queue the jobs that are due; call it now and then: it looks once a minute. Raises BackendUnavailableError."""
        now = time.monotonic()
        if self._looked_at is not None and now - self._looked_at < self._every_seconds:
            return
        for schedule in self._schedules:
            since = schedule.since()
            job = new_upkeep_job(schedule.kind, workspace_id=NO_WORKSPACE)
            if since is not None and self._metadata.schedules.add(job, every=schedule.every, since=since):
                put_job(self._queue, job)
        self._looked_at = now
