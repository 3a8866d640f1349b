"""Jobs as people see them: list, stop, try again."""

from collections.abc import Collection

from app.domain.access import Actor, Permission
from app.domain.documents import DocumentStatus
from app.domain.ids import JobId, WorkspaceId
from app.domain.jobs import Job, JobKind, JobState
from app.errors import ConflictError, NotFoundError
from app.security.access import authorise
from app.security.auditor import Auditor
from app.services.new_jobs import put_job
from backends.metadata.base import MetadataStore
from backends.queue.base import JobQueue


class JobService:
    def __init__(self, *, metadata: MetadataStore, queue: JobQueue, auditor: Auditor) -> None:
        self._metadata = metadata
        self._queue = queue
        self._auditor = auditor

    def list(
        self, actor: Actor, *, workspace_id: WorkspaceId, states: Collection[JobState] = (), limit: int = 200
    ) -> list[Job]:
        """Newest first; no states means all."""
        authorise(actor, Permission.READ, workspace_id)
        return self._metadata.jobs.find(reader=actor.reader, workspace_id=workspace_id, states=states, limit=limit)

    def get(self, actor: Actor, *, workspace_id: WorkspaceId, job_id: JobId) -> Job:
        authorise(actor, Permission.READ, workspace_id)
        job = self._metadata.jobs.get(job_id, reader=actor.reader)
        if job.workspace_id != workspace_id:
            raise NotFoundError("This job does not exist any more.", job_id=job_id)
        return job

    def stop(self, actor: Actor, *, workspace_id: WorkspaceId, job_id: JobId) -> Job:
        """The running step ends, what this run added is removed, the file stays.

        Raises ConflictError for a removal, and for a version that is indexed already and only replaces an older one.
        """
        authorise(actor, Permission.WRITE, workspace_id)
        job = self.get(actor, workspace_id=workspace_id, job_id=job_id)
        if job.kind is JobKind.DELETE:
            raise ConflictError("The document is deleted already; removing what is left of it cannot be stopped.")
        if self._is_published(job):
            raise ConflictError("The document is indexed already; removing the version before it cannot be stopped.")
        with self._auditor.change(actor, "jobs.stop", workspace_id=workspace_id, objects=(job_id, job.document_id)):
            stopped = self._metadata.jobs.stop(job_id)
            if stopped.state is JobState.STOPPED and stopped.kind is JobKind.INDEX:
                self._set_status(stopped, DocumentStatus.STOPPED)
        return stopped

    def retry(self, actor: Actor, *, workspace_id: WorkspaceId, job_id: JobId) -> Job:
        """Raises ConflictError unless the job stopped or failed."""
        authorise(actor, Permission.WRITE, workspace_id)
        job = self.get(actor, workspace_id=workspace_id, job_id=job_id)
        with self._auditor.change(actor, "jobs.retry", workspace_id=workspace_id, objects=(job_id, job.document_id)):
            waiting = self._metadata.jobs.retry(job_id, attempts=0)
            if waiting.kind is JobKind.INDEX:
                self._set_status(waiting, DocumentStatus.WAITING)
            put_job(self._queue, waiting)
        return waiting

    def _is_published(self, job: Job) -> bool:
        versions = self._metadata.documents.find_versions(job.document_id, workspace_id=job.workspace_id)
        published = any(one.id == job.version_id and one.status is DocumentStatus.INDEXED for one in versions)
        return published and not job.state.finished

    def _set_status(self, job: Job, status: DocumentStatus) -> None:
        self._metadata.documents.update_version(job.version_id, workspace_id=job.workspace_id, status=status)
