"""Exports as people have them made: start, see how far they are, download."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ulid import ULID

from app.domain.access import Actor, Permission
from app.domain.ids import DocumentId, JobId, VersionId, WorkspaceId
from app.domain.jobs import Job, JobKind, JobState, Priority
from app.errors import InvalidInputError, NotFoundError
from app.pipeline.exporting import FORMATS
from app.security.access import authorise
from app.security.auditor import Auditor
from app.services.export_files import Export, ExportFiles, format_of
from app.services.new_jobs import put_job
from app.services.permitted import permitted_versions
from backends.files.base import FileStore
from backends.metadata.base import MetadataStore
from backends.queue.base import JobQueue

_GONE = "This export is not there any more: its time is over, or something in it was deleted or changed. Export anew."


@dataclass(frozen=True, slots=True)
class ExportState:
    """Its id is that of its job. `until` is when the file goes; None while there is none."""

    job: Job
    format: str
    until: datetime | None


class ExportService:
    """Everybody has their own: nobody sees, or gets, what somebody else had made."""

    def __init__(
        self, *, metadata: MetadataStore, files: FileStore, queue: JobQueue, auditor: Auditor, kept: timedelta
    ) -> None:
        self._metadata = metadata
        self._exports = ExportFiles(files)
        self._queue = queue
        self._auditor = auditor
        self._kept = kept

    def start(self, actor: Actor, *, workspace_id: WorkspaceId, format: str) -> ExportState:
        """All facts that the actor may see, with document, page and quote: csv, graphml, cypher or jsonld. One that is
        being made already is given as it is; an earlier file of the same format goes."""
        authorise(actor, Permission.READ, workspace_id)
        if format not in FORMATS:
            raise InvalidInputError(f"Choose one of {', '.join(FORMATS)} as export format.")
        if actor.reader is None:
            raise InvalidInputError("The command line exports at once: use dafe graph export.")
        earlier = [job for job in self._own(actor, workspace_id) if format_of(job) == format]
        for job in earlier:
            if not job.state.finished:
                return self._state(job)
        job = _new_job(actor, workspace_id, format)
        with self._auditor.change(
            actor, "exports.start", workspace_id=workspace_id, objects=(job.id,), details={"format": format}
        ):
            for one in earlier:
                if self._ends(one) > job.created_at:
                    self._exports.delete(workspace_id, one.id)
            self._metadata.jobs.add(job)
            put_job(self._queue, job)
        return self._state(job)

    def list(self, actor: Actor, *, workspace_id: WorkspaceId) -> Sequence[ExportState]:
        """One's own, the newest of each format; without those that ended long ago or whose file is gone."""
        authorise(actor, Permission.READ, workspace_id)
        newest: dict[str, Job] = {}
        for job in self._own(actor, workspace_id):
            newest.setdefault(format_of(job), job)
        now, done = datetime.now(UTC), any(job.state is JobState.DONE for job in newest.values())
        stored = {job_id for _, job_id in self._exports.find()} if done else set()
        return [
            self._state(job)
            for job in newest.values()
            if not job.state.finished
            or (self._ends(job) > now and (job.state is not JobState.DONE or job.id in stored))
        ]

    def download(self, actor: Actor, *, workspace_id: WorkspaceId, export_id: JobId) -> Export:
        """Raises NotFoundError for somebody else's, and for one that is not done or not there any more: one of whose
        documents the actor may not see any more goes now."""
        authorise(actor, Permission.READ, workspace_id)
        job = next((one for one in self._own(actor, workspace_id) if one.id == export_id), None)
        if job is None or job.state is not JobState.DONE or self._ends(job) <= datetime.now(UTC):
            raise NotFoundError(_GONE, export_id=export_id)
        export = self._get(workspace_id, export_id)
        if not export.versions <= permitted_versions(self._metadata, actor, workspace_id).keys():
            self._exports.delete(workspace_id, export_id)
            raise NotFoundError(_GONE, export_id=export_id)
        with self._auditor.disclosure(
            actor,
            "exports.download",
            workspace_id=workspace_id,
            objects=(export_id, *export.documents),
            details={"format": export.format},
        ):
            return export

    def _get(self, workspace_id: WorkspaceId, job_id: JobId) -> Export:
        try:
            return self._exports.get(workspace_id, job_id)
        except NotFoundError as error:
            raise NotFoundError(_GONE, export_id=job_id) from error

    def _own(self, actor: Actor, workspace_id: WorkspaceId) -> Sequence[Job]:
        """Newest first."""
        return self._metadata.jobs.find(
            reader=actor.reader, workspace_id=workspace_id, kinds=(JobKind.EXPORT,), created_by=actor.user_id
        )

    def _ends(self, job: Job) -> datetime:
        return (job.updated_at or job.created_at) + self._kept

    def _state(self, job: Job) -> ExportState:
        return ExportState(job, format_of(job), self._ends(job) if job.state is JobState.DONE else None)


def _new_job(actor: Actor, workspace_id: WorkspaceId, format: str) -> Job:
    return Job(
        id=JobId(str(ULID())),
        kind=JobKind.EXPORT,
        workspace_id=workspace_id,
        document_id=DocumentId(""),
        version_id=VersionId(""),
        document_name=f"facts.{format}",
        created_by=actor.user_id,
        created_at=datetime.now(UTC),
        priority=Priority.NORMAL,
    )
