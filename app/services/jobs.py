"""Jobs as people see them: list, stop, try again."""

from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from app.domain.access import Actor, Permission
from app.domain.documents import DocumentStatus
from app.domain.ids import JobId, VersionId, WorkspaceId
from app.domain.jobs import Job, JobKind, JobState
from app.errors import ConflictError, NotFoundError
from app.security.access import authorise
from app.security.auditor import Auditor
from app.services.new_jobs import put_job
from backends.metadata.base import MetadataStore
from backends.metadata.base_content import DocumentFilter
from backends.queue.base import NO_WORKSPACE, JobQueue


class JobService:
    """What the program does for the whole installation by itself are the jobs of `NO_WORKSPACE`."""

    def __init__(self, *, metadata: MetadataStore, queue: JobQueue, auditor: Auditor) -> None:
        self._metadata = metadata
        self._queue = queue
        self._auditor = auditor

    def list(
        self, actor: Actor, *, workspace_id: WorkspaceId, states: Collection[JobState] = (), limit: int = 200
    ) -> list[Job]:
        """Newest first; no states means all."""
        _authorise(actor, Permission.READ, workspace_id)
        found = self._metadata.jobs.find(reader=actor.reader, workspace_id=workspace_id, states=states, limit=limit)
        return [_as_seen(job, actor) for job in found]

    def get(self, actor: Actor, *, workspace_id: WorkspaceId, job_id: JobId) -> Job:
        _authorise(actor, Permission.READ, workspace_id)
        job = self._metadata.jobs.get(job_id, reader=actor.reader)
        if job.workspace_id != workspace_id:
            raise NotFoundError("This job does not exist any more.", job_id=job_id)
        return _as_seen(job, actor)

    def stop(self, actor: Actor, *, workspace_id: WorkspaceId, job_id: JobId) -> Job:
        """The running step ends, what this run added is removed, the file stays.

        Raises ConflictError for a removal, for vectors that are made anew, and for a version that is indexed already
        and only replaces an older one.
        """
        _authorise(actor, Permission.WRITE, workspace_id)
        job = self.get(actor, workspace_id=workspace_id, job_id=job_id)
        if job.kind is JobKind.DELETE:
            raise ConflictError("The document is deleted already; removing what is left of it cannot be stopped.")
        if job.kind is JobKind.EMBED:
            raise ConflictError("Search needs these vectors: set the embedding model of before again to do without.")
        if self._is_published(job):
            raise ConflictError("The document is indexed already; removing the version before it cannot be stopped.")
        with self._auditor.change(actor, "jobs.stop", workspace_id=workspace_id, objects=(job_id, job.document_id)):
            stopped = self._metadata.jobs.stop(job_id)
            if stopped.state is JobState.STOPPED and stopped.kind is JobKind.INDEX:
                self._set_status(stopped, DocumentStatus.STOPPED)
        return stopped

    def retry(self, actor: Actor, *, workspace_id: WorkspaceId, job_id: JobId) -> Job:
        """Raises ConflictError unless the job stopped or failed."""
        _authorise(actor, Permission.WRITE, workspace_id)
        job = self.get(actor, workspace_id=workspace_id, job_id=job_id)
        with self._auditor.change(actor, "jobs.retry", workspace_id=workspace_id, objects=(job_id, job.document_id)):
            waiting = self._metadata.jobs.retry(job_id, attempts=0)
            if waiting.kind is JobKind.INDEX:
                self._set_status(waiting, DocumentStatus.WAITING)
            put_job(self._queue, waiting)
        return waiting

    def dead(self, actor: Actor, *, workspace_id: WorkspaceId) -> Sequence[Job]:
        """What was given up and waits for somebody, newest first: the last job of each version that failed, with its
        reason in `error`."""
        _authorise(actor, Permission.READ, workspace_id)
        here: dict[str, Any] = {"workspace_id": workspace_id, "reader": actor.reader}
        wanted = DocumentFilter(statuses=frozenset({DocumentStatus.FAILED}))
        failed = {document.version.id for document in self._metadata.documents.find(wanted, **here)[0]}
        last: dict[VersionId, Job] = {}
        for job in self._metadata.jobs.find(states=(JobState.FAILED,), **here) if failed else ():
            last.setdefault(job.version_id, job)
        return [job for version_id, job in last.items() if version_id in failed]

    def retry_all(self, actor: Actor, *, workspace_id: WorkspaceId) -> Sequence[Job]:
        """Try everything again that was given up; what somebody else has begun or deleted meanwhile is left out."""
        _authorise(actor, Permission.WRITE, workspace_id)
        waiting = []
        for job in self.dead(actor, workspace_id=workspace_id):
            with suppress(ConflictError, NotFoundError):
                waiting.append(self.retry(actor, workspace_id=workspace_id, job_id=job.id))
        return waiting

    def _is_published(self, job: Job) -> bool:
        versions = self._metadata.documents.find_versions(job.document_id, workspace_id=job.workspace_id)
        published = any(one.id == job.version_id and one.status is DocumentStatus.INDEXED for one in versions)
        return published and not job.state.finished

    def _set_status(self, job: Job, status: DocumentStatus) -> None:
        self._metadata.documents.update_version(job.version_id, workspace_id=job.workspace_id, status=status)


def _authorise(actor: Actor, permission: Permission, workspace_id: WorkspaceId) -> None:
    if workspace_id == NO_WORKSPACE:
        authorise(actor, Permission.MANAGE_SYSTEM)
    else:
        authorise(actor, permission, workspace_id)


def _as_seen(job: Job, actor: Actor) -> Job:
    """How far a job about all documents is would tell whoever may not see some of them how many passages these have."""
    if job.kind is not JobKind.EMBED or actor.reader is None:
        return job
    return replace(job, done=0, total=0, eta_seconds=None)
