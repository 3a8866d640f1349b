"""Runs the jobs that make exports."""

from functools import partial
from threading import Event

from app.domain.access import Actor, Permission
from app.domain.jobs import Job, JobState, Stage
from app.errors import (
    BackendUnavailableError,
    CancelledError,
    ConfigurationError,
    ConflictError,
    DafeError,
    NotFoundError,
)
from app.logs import get_logger
from app.pipeline.exporting import export_graph
from app.pipeline.indexing import Pace
from app.security.access import authorise
from app.security.auditor import Auditor
from app.services.acting import worker_for
from app.services.export_files import Export, ExportFiles, format_of
from app.services.job_progress import JobProgress, LeaseKeeper, WorkerEnds, insist
from app.services.new_jobs import pause_seconds, put_back, put_job
from app.services.permitted import permitted_versions
from app.services.quoting import Quoting, rows_of
from backends.files.base import FileStore
from backends.graph.base import GraphStore
from backends.metadata.base import MetadataStore
from backends.queue.base import JobQueue

_MOST_ATTEMPTS = 5
_CHANGED = "Documents were deleted or replaced while the export was made: export anew."
_GIVEN_UP = "The export ended the worker again and again and was set aside: export anew, or choose another format."
_UNEXPECTED = "The export failed unexpectedly. Try again, and give reference {reference} if it repeats."
_log = get_logger("exporting")


class GraphExporting:
    """For the worker. Threads may share it; a run that was cut off is begun anew. See decisions/0009."""

    def __init__(
        self, *, graph: GraphStore, metadata: MetadataStore, files: FileStore, queue: JobQueue, auditor: Auditor
    ) -> None:
        self._graph = graph
        self._metadata = metadata
        self._exports = ExportFiles(files)
        self._quoting = Quoting(metadata=metadata, files=files)
        self._queue = queue
        self._auditor = auditor
        self._leases = LeaseKeeper()

    def run(self, job: Job, *, ending: Event) -> None:
        """Do a claimed job and record how it ended."""
        if job.state is JobState.STOPPING:
            self._end(job, JobState.STOPPED)
            return
        if job.attempts > _MOST_ATTEMPTS:
            self._end(job, JobState.FAILED, _GIVEN_UP)
            return
        worker, keeper = self._queue.worker_name(), self._leases
        with JobProgress(self._metadata, job, worker=worker, pace=Pace(), ending=ending, keeper=keeper) as progress:
            try:
                self._make(job, progress)
            except CancelledError:
                self._end(job, JobState.STOPPED)
            except WorkerEnds:
                self._put_back(job, attempts=progress.attempts - 1, waits=progress.waits)
            except (BackendUnavailableError, ConfigurationError) as error:
                insist(partial(self._wait, job, progress, error), ending=ending)
            except DafeError as error:
                self._end(job, JobState.FAILED, error.message)
            except Exception as error:  # noqa: BLE001 - the boundary of the worker, as for indexing
                reference = _log.unexpected("exporting", error, job_id=job.id)
                self._end(job, JobState.FAILED, _UNEXPECTED.format(reference=reference))
            else:
                self._metadata.jobs.finish(job.id, worker=worker, state=JobState.DONE)
        self._forget_orphan(job)

    def _make(self, job: Job, progress: JobProgress) -> None:
        """With the rights that the person has now. What changes while it is made is not in a file that stays: a
        deletion removes it from the records first, then the files that are there, and what is put later is looked at
        here."""
        here, actor = job.workspace_id, worker_for(self._metadata, job.created_by)
        authorise(actor, Permission.READ, here)
        permitted = frozenset(permitted_versions(self._metadata, actor, here))
        found = self._graph.find_triples(workspace_id=here, permitted=permitted)
        total = len(found.triples)

        def report(stage: Stage, done: int) -> None:
            if not progress(stage, done, total):
                raise CancelledError("The export was stopped.")

        try:
            views = self._quoting.views(
                actor, found, workspace_id=here, before=lambda done: report(Stage.READING, done)
            )
        except NotFoundError as error:
            raise ConflictError(_CHANGED) from error
        quotes = [quote for view in views for quote in view.quotes]
        report(Stage.STORING, 0)
        export = Export(
            format=format_of(job),
            versions=permitted,
            documents=tuple(sorted({quote.document_id for quote in quotes})),
            content=export_graph(rows_of(views), format=format_of(job)),
        )
        with self._auditor.change(actor, "worker.export", workspace_id=here, details={"job": job.id}):
            self._store(job, actor, export)
        report(Stage.STORING, total)

    def _store(self, job: Job, actor: Actor, export: Export) -> None:
        self._exports.put(export, workspace_id=job.workspace_id, job_id=job.id)
        if not export.versions <= permitted_versions(self._metadata, actor, job.workspace_id).keys():
            self._exports.delete(job.workspace_id, job.id)
            raise ConflictError(_CHANGED)

    def _end(self, job: Job, state: JobState, error: str | None = None) -> None:
        """Of a job that another worker has by now the file is that one's."""
        worker = self._queue.worker_name()
        if self._metadata.jobs.finish(job.id, worker=worker, state=state, error=error, attempts=job.attempts):
            self._exports.delete(job.workspace_id, job.id)

    def _wait(self, job: Job, progress: JobProgress, error: DafeError) -> None:
        waits = progress.waits + 1
        pause = pause_seconds(waits)
        self._put_back(job, error, attempts=progress.attempts - 1, waits=waits, delay_seconds=pause)

    def _put_back(
        self, job: Job, error: DafeError | None = None, *, attempts: int, waits: int, delay_seconds: float = 0.0
    ) -> None:
        if put_back(self._metadata, self._queue, job, attempts=attempts, waits=waits, error=error):
            self._exports.delete(job.workspace_id, job.id)
        put_job(self._queue, job, delay_seconds=delay_seconds)

    def _forget_orphan(self, job: Job) -> None:
        """Its workspace was deleted meanwhile, with the record of the job."""
        try:
            self._metadata.jobs.get(job.id, reader=None)
        except NotFoundError:
            self._exports.delete(job.workspace_id, job.id)
