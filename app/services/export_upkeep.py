"""Removes exports whose time is over, and what a killed process left of others."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from app.domain.ids import JobId
from app.domain.jobs import JobState
from app.errors import NotFoundError
from app.services.export_files import ExportFiles
from backends.files.base import FileStore
from backends.metadata.base import MetadataStore

_EVERY_SECONDS = 60.0


class ExportUpkeep:
    """For recovery. See decisions/0009."""

    def __init__(
        self,
        *,
        metadata: MetadataStore,
        files: FileStore,
        kept: timedelta,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        every_seconds: float = _EVERY_SECONDS,
    ) -> None:
        self._metadata = metadata
        self._exports = ExportFiles(files)
        self._kept = kept
        self._now = now
        self._every_seconds = every_seconds
        self._looked_at: float | None = None

    def sweep(self) -> None:
        """Call it now and then: it looks once a minute."""
        now = time.monotonic()
        if self._looked_at is not None and now - self._looked_at < self._every_seconds:
            return
        self._looked_at = now
        for workspace_id, job_id in self._exports.find():
            if self._is_over(job_id):
                self._exports.delete(workspace_id, job_id)

    def _is_over(self, job_id: JobId) -> bool:
        try:
            job = self._metadata.jobs.get(job_id, reader=None)
        except NotFoundError:
            return True
        if job.state is JobState.DONE:
            return (job.updated_at or job.created_at) + self._kept <= self._now()
        return job.state.finished
