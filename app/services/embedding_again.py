"""Runs the jobs that make the vectors of a workspace anew, and then have its questions search them."""

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from threading import Event

from app.domain.access import Actor
from app.domain.ids import DocumentId, JobId, VersionId, WorkspaceId
from app.domain.jobs import Job, JobState, Stage
from app.errors import CancelledError, DafeError, IntegrityError, NotFoundError
from app.logs import get_logger
from app.pipeline.cache_keys import answers_scope
from app.pipeline.embedding_spaces import EmbeddingSpaces
from app.pipeline.indexing import Pace
from app.security.auditor import Auditor
from app.services.job_progress import JobProgress, LeaseKeeper, WorkerEnds
from app.services.new_jobs import pause_seconds, put_back, put_job
from backends.cache.base import CacheStore
from backends.metadata.base import MetadataStore
from backends.queue.base import JobQueue

_SLICE_SECONDS = 5.0
"""Then the job lets others go first: what must be removed, and what people wait for."""
_PARTS = 1_000
"""What progress counts: of how many passages it is, not everybody may know who sees the job."""
_STRANGE = "The vector store counts other vectors than there are passages, although none is missing: look at its log."
_log = get_logger("embedding")


class _PauseError(Exception):
    """Others may go first."""


class _GoneError(Exception):
    """The version cannot be seen any more."""


@dataclass(slots=True)
class _Pass:
    """One way through a workspace: versions to look at, the next one last, and how many passages are done."""

    left: list[tuple[VersionId, DocumentId]]
    total: int
    done: int = 0
    wrote: bool = False

    def parts(self, more: int) -> int:
        return min(_PARTS * (self.done + more) // max(self.total, 1), _PARTS)


class EmbeddingAgain:
    """For the worker. Threads may share it; each job is in the hands of one. See decisions/0006."""

    def __init__(
        self,
        *,
        spaces: EmbeddingSpaces,
        metadata: MetadataStore,
        cache: CacheStore,
        queue: JobQueue,
        auditor: Auditor,
    ) -> None:
        self._spaces = spaces
        self._metadata = metadata
        self._cache = cache
        self._queue = queue
        self._auditor = auditor
        self._passes: dict[JobId, _Pass] = {}
        self._paces: dict[JobId, Pace] = {}
        self._leases = LeaseKeeper()

    def run(self, job: Job, *, ending: Event) -> None:
        """Go on with a claimed job, for some seconds, and record how far it is; it comes again until it is done."""
        if job.state is JobState.STOPPING:
            self._finish(job, JobState.STOPPED)
            return
        worker, pace = self._queue.worker_name(), self._paces.setdefault(job.id, Pace())
        with JobProgress(self._metadata, job, worker=worker, pace=pace, ending=ending, keeper=self._leases) as progress:
            try:
                done = self._go_on(job, progress)
            except (CancelledError, NotFoundError):
                self._stop(job)
            except WorkerEnds:
                self._put_back(job, attempts=progress.attempts - 1, waits=progress.waits)
            except DafeError as error:
                waits = progress.waits + 1
                pause = pause_seconds(waits)
                self._put_back(job, error, attempts=progress.attempts - 1, waits=waits, delay_seconds=pause)
            except Exception as error:  # noqa: BLE001 - the boundary of the worker, as for indexing
                _log.unexpected("embedding", error, job_id=job.id)
                pause = pause_seconds(job.attempts)
                self._put_back(job, attempts=progress.attempts, waits=progress.waits, delay_seconds=pause)
            else:
                if done:
                    self._finish(job, JobState.DONE)
                else:
                    self._put_back(job, attempts=progress.attempts - 1, waits=progress.waits)

    def _go_on(self, job: Job, progress: JobProgress) -> bool:
        """Whether all of it is done."""
        workspace_id = job.workspace_id
        used = self._metadata.embeddings.get(workspace_id)
        if used is None:
            raise NotFoundError("This workspace does not exist any more.", workspace_id=workspace_id)
        if used.writing is not None:
            self._sweep(used.writing, workspace_id)
        if used.searched != self._spaces.configured and not self._fill(job, progress):
            return False
        self._switch(job)
        return True

    def _fill(self, job: Job, progress: JobProgress) -> bool:
        """Whether the space is complete now. While versions come and go it is gone through again, until nothing is
        missing."""
        if job.id not in self._passes:
            self._passes[job.id] = self._new_pass(job.workspace_id)
        run = self._passes[job.id]
        until: float | None = None

        def report(done: int) -> None:
            """Before each batch and after each version, so that at least one of them is done at a time."""
            nonlocal until
            if not progress(Stage.EMBEDDING, run.parts(done), _PARTS):
                raise CancelledError("Making vectors anew was stopped.")
            if until is not None and time.monotonic() >= until:
                raise _PauseError
            until = until or time.monotonic() + _SLICE_SECONDS

        try:
            self._go_through(run, job.workspace_id, report)
        except _PauseError:
            self._metadata.embeddings.note_writing(None, workspace_id=job.workspace_id)
            return False
        except (CancelledError, WorkerEnds):
            self._metadata.embeddings.note_writing(None, workspace_id=job.workspace_id)
            raise
        del self._passes[job.id]
        self._metadata.embeddings.note_writing(None, workspace_id=job.workspace_id)
        complete = self._spaces.is_complete(job.workspace_id)
        if complete is False and not run.wrote:
            raise IntegrityError(_STRANGE)
        return bool(complete)

    def _new_pass(self, workspace_id: WorkspaceId) -> _Pass:
        visible = self._metadata.documents.find_visible(workspace_id=workspace_id, reader=None)
        total = self._metadata.chunks.count(workspace_id=workspace_id, permitted=frozenset(visible))
        return _Pass(sorted(visible.items(), reverse=True), total)

    def _go_through(self, run: _Pass, workspace_id: WorkspaceId, report: Callable[[int], None]) -> None:
        while run.left:
            version_id, document_id = run.left[-1]
            scope = {"workspace_id": workspace_id, "permitted": frozenset({version_id})}
            passages = self._metadata.chunks.count(**scope)  # type: ignore[arg-type]
            if self._spaces.vectors.count(**scope) != passages:  # type: ignore[arg-type]
                self._write(version_id, document_id, workspace_id, report)
                run.wrote = True
            run.left.pop()
            run.done += passages
            report(0)

    def _write(
        self, version_id: VersionId, document_id: DocumentId, workspace_id: WorkspaceId, report: Callable[[int], None]
    ) -> None:
        """What is deleted or replaced meanwhile is made invisible first, and its vectors are removed then: whatever was
        written before that look goes with them, and what came later goes here."""

        def before(done: int) -> None:
            self._require_visible(version_id, document_id, workspace_id)
            report(done)

        chunks = self._metadata.chunks.find(version_id, workspace_id=workspace_id)
        self._metadata.embeddings.note_writing(version_id, workspace_id=workspace_id)
        try:
            self._spaces.write_own(chunks, before=before)
            self._require_visible(version_id, document_id, workspace_id)
        except _GoneError:
            self._remove(version_id, {document_id}, workspace_id)

    def _require_visible(self, version_id: VersionId, document_id: DocumentId, workspace_id: WorkspaceId) -> None:
        try:
            document = self._metadata.documents.get(document_id, workspace_id=workspace_id, reader=None)
        except NotFoundError:
            raise _GoneError from None
        if document.visible_version_id != version_id:
            raise _GoneError

    def _sweep(self, version_id: VersionId, workspace_id: WorkspaceId) -> None:
        """What a killed process may have written after its removal."""
        if version_id not in self._metadata.documents.find_visible(workspace_id=workspace_id, reader=None):
            known = self._metadata.jobs.find(reader=None, workspace_id=workspace_id)
            self._remove(version_id, {job.document_id for job in known if job.version_id == version_id}, workspace_id)
        self._metadata.embeddings.note_writing(None, workspace_id=workspace_id)

    def _remove(self, version_id: VersionId, document_ids: Collection[DocumentId], workspace_id: WorkspaceId) -> None:
        """Its vectors, where they are stored and where they are kept for the next time."""
        self._spaces.vectors.delete_versions([version_id], workspace_id=workspace_id)
        for document_id in document_ids:
            self._cache.delete_scope(f"{workspace_id}/{document_id}")
        self._metadata.owe_wipe()

    def _switch(self, job: Job) -> None:
        """One update of the record; what questions searched before goes after it."""
        here = job.workspace_id
        with self._auditor.change(
            Actor(job.created_by, "", channel="worker"), "worker.embed", workspace_id=here, details={"job": job.id}
        ):
            self._metadata.embeddings.switch(self._spaces.configured, workspace_id=here)
            self._spaces.vectors.delete_other_spaces(workspace_id=here)
            self._cache.delete_scope(answers_scope(here))
            self._metadata.owe_wipe()

    def _stop(self, job: Job) -> None:
        """Its workspace was deleted, or another worker has it."""
        try:
            self._metadata.workspaces.get(job.workspace_id)
        except NotFoundError:
            self._spaces.vectors.delete_workspace(job.workspace_id)
            self._cache.delete_scope(job.workspace_id)
            self._metadata.owe_wipe()
        self._finish(job, JobState.STOPPED)

    def _finish(self, job: Job, state: JobState) -> None:
        self._passes.pop(job.id, None)
        self._paces.pop(job.id, None)
        self._metadata.jobs.finish(job.id, worker=self._queue.worker_name(), state=state)

    def _put_back(
        self, job: Job, error: DafeError | None = None, *, attempts: int, waits: int, delay_seconds: float = 0.0
    ) -> None:
        put_back(self._metadata, self._queue, job, attempts=attempts, waits=waits, error=error)
        put_job(self._queue, job, delay_seconds=delay_seconds)
