"""Runs queued jobs: index a version, or remove what is left of one."""

import time
from threading import Event, Thread

from ulid import ULID

from app.domain.access import Actor
from app.domain.documents import DocumentStatus, DocumentVersion
from app.domain.ids import FileId, JobId
from app.domain.jobs import Job, JobKind, JobState, Stage
from app.errors import (
    BackendUnavailableError,
    CancelledError,
    DafeError,
    IntegrityError,
    InvalidInputError,
    MissingDependencyError,
    NotFoundError,
)
from app.logs import get_logger
from app.pipeline.indexing import Indexer, Pace, layout_id
from app.security.auditor import Auditor
from backends.cache.base import CacheStore
from backends.files.base import FileStore
from backends.metadata.base import MetadataStore
from backends.queue.base import JobQueue

_LEASE_SECONDS = 20.0
_RECORD_EVERY_SECONDS = 0.5
_WAIT_SECONDS = 2.0
_MOST_ATTEMPTS = 5
_UNEXPECTED = "Indexing failed unexpectedly; the file is kept. Try again, and give reference {reference} if it repeats."
_log = get_logger("indexing")


class IndexingService:
    """One worker's hands: `run` is called with every delivered job id, in one thread."""

    def __init__(
        self,
        *,
        indexer: Indexer,
        metadata: MetadataStore,
        files: FileStore,
        cache: CacheStore,
        queue: JobQueue,
        auditor: Auditor,
    ) -> None:
        self._indexer = indexer
        self._metadata = metadata
        self._files = files
        self._cache = cache
        self._queue = queue
        self._auditor = auditor
        self._worker = str(ULID())
        self._pace = Pace()
        self._ending = Event()

    def serve(self, *, stop: Event) -> None:
        """Take jobs until `stop` is set; jobs that no message carries any more are queued again first.

        The job in hand is then put back at its next step, and goes on from there when a worker comes again.
        """
        self._ending = stop
        for job in self._metadata.jobs.find(states=(JobState.WAITING, JobState.RUNNING, JobState.STOPPING)):
            self._queue.put(job.id)
        self._queue.run(self.run, stop=stop)

    def run(self, job_id: JobId) -> None:
        """Do one job and record how it ended; one that another worker holds comes again later."""
        try:
            known = self._metadata.jobs.get(job_id)
        except NotFoundError:
            return
        if known.state.finished:
            return
        if known.kind is JobKind.DELETE and self._is_being_indexed(known):
            self._queue.put(job_id, delay_seconds=_WAIT_SECONDS)
            return
        job = self._metadata.jobs.claim(job_id, worker=self._worker, lease_seconds=_LEASE_SECONDS)
        if job is None:
            self._queue.put(job_id, delay_seconds=_WAIT_SECONDS)
        elif job.state is JobState.STOPPING:
            self._stop(job, self._version(job))
        elif job.attempts > _MOST_ATTEMPTS:
            self._fail(job, "The file ended the worker again and again and was set aside: remove it or add it anew.")
        elif job.kind is JobKind.INDEX:
            with _Progress(self._metadata, job, self._worker, self._pace, self._ending) as progress:
                self._index(job, progress)
        else:
            self._delete(job)

    def _is_being_indexed(self, job: Job) -> bool:
        busy = self._metadata.jobs.find(
            document_id=job.document_id, states=(JobState.RUNNING, JobState.STOPPING, JobState.WAITING)
        )
        return any(other.kind is JobKind.INDEX and other.version_id == job.version_id for other in busy)

    def _index(self, job: Job, progress: "_Progress") -> None:
        version = self._version(job)
        if version is None:
            self._metadata.jobs.finish(job.id, worker=self._worker, state=JobState.STOPPED)
            return
        scope = {"workspace_id": job.workspace_id, "objects": (job.document_id, job.version_id)}
        try:
            with self._auditor.change(_actor(job), "worker.index", **scope):  # type: ignore[arg-type]
                self._set_status(version, DocumentStatus.RUNNING)
                self._indexer.index_document(version, progress=progress)
                self._publish(version)
        except CancelledError:
            self._stop(job, version)
        except _WorkerEnds:
            self._put_back(job, version, attempts=job.attempts - 1)
        except (InvalidInputError, MissingDependencyError, IntegrityError) as error:
            self._fail(job, error.message)
        except NotFoundError:
            self._stop(job, version)
        except BackendUnavailableError as error:
            self._wait(job, version, error)
        except Exception as error:  # noqa: BLE001 - the boundary of the worker: one bad file must not end it
            reference = _log.unexpected("indexing", error, job_id=job.id)
            self._fail(job, _UNEXPECTED.format(reference=reference))
        else:
            self._metadata.jobs.finish(job.id, worker=self._worker, state=JobState.DONE)

    def _publish(self, version: DocumentVersion) -> None:
        """One update makes the version visible; the versions it replaces go after it."""
        self._metadata.documents.publish(version.id, workspace_id=version.workspace_id)
        for old in self._metadata.documents.find_versions(version.document_id, workspace_id=version.workspace_id):
            if old.number < version.number:
                self._indexer.remove(old)

    def _stop(self, job: Job, version: DocumentVersion | None) -> None:
        """What this run added goes; the file stays unless the document was deleted meanwhile."""
        self._indexer.remove(version or _gone(job))
        if version is not None and self._version(job) is not None:
            self._set_status(version, DocumentStatus.STOPPED)
        self._metadata.jobs.finish(job.id, worker=self._worker, state=JobState.STOPPED)

    def _fail(self, job: Job, message: str) -> None:
        version = self._version(job)
        if version is not None:
            self._indexer.remove(version)
            self._set_status(version, DocumentStatus.FAILED, message)
        self._metadata.jobs.finish(job.id, worker=self._worker, state=JobState.FAILED, error=message)

    def _wait(self, job: Job, version: DocumentVersion, error: DafeError) -> None:
        """A server is away: the job keeps what it has done and comes again."""
        if job.attempts >= _MOST_ATTEMPTS:
            self._fail(job, error.message)
            return
        self._put_back(job, version, error.message, delay_seconds=_WAIT_SECONDS * 2**job.attempts)

    def _put_back(
        self,
        job: Job,
        version: DocumentVersion,
        message: str | None = None,
        *,
        delay_seconds: float = 0.0,
        attempts: int | None = None,
    ) -> None:
        """`attempts` takes the place of those counted: a worker that was told to end is no fault of the file."""
        self._metadata.jobs.finish(job.id, worker=self._worker, state=JobState.FAILED, error=message)
        self._metadata.jobs.retry(job.id, attempts=attempts)
        self._set_status(version, DocumentStatus.WAITING, message)
        self._queue.put(job.id, delay_seconds=delay_seconds)

    def _delete(self, job: Job) -> None:
        """Everything a deleted document left: facts, vectors, files, cached results, answers that cite it."""
        scope = {"workspace_id": job.workspace_id, "objects": (job.document_id, job.version_id)}
        try:
            with self._auditor.change(_actor(job), "worker.delete", **scope):  # type: ignore[arg-type]
                self._indexer.remove(_gone(job))
                self._files.delete(layout_id(job.version_id))
                self._files.delete(_gone(job).file_id)
                self._cache.delete_scope(f"{job.workspace_id}/{job.document_id}")
                self._metadata.history.delete_citing(job.document_id, workspace_id=job.workspace_id)
        except BackendUnavailableError as error:
            self._metadata.jobs.finish(job.id, worker=self._worker, state=JobState.FAILED, error=error.message)
            self._metadata.jobs.retry(job.id)
            self._queue.put(job.id, delay_seconds=_WAIT_SECONDS * 2 ** min(job.attempts, 6))
            return
        self._metadata.jobs.finish(job.id, worker=self._worker, state=JobState.DONE)

    def _version(self, job: Job) -> DocumentVersion | None:
        versions = self._metadata.documents.find_versions(job.document_id, workspace_id=job.workspace_id)
        return next((version for version in versions if version.id == job.version_id), None)

    def _set_status(self, version: DocumentVersion, status: DocumentStatus, error: str | None = None) -> None:
        self._metadata.documents.update_version(
            version.id, workspace_id=version.workspace_id, status=status, error=error
        )


class _WorkerEnds(Exception):  # noqa: N818 - no error: it unwinds the job in hand
    """The process was told to end."""


class _Progress:
    """Stores progress twice a second at most, tells whether to go on, and keeps the lease while a step takes long."""

    def __init__(self, metadata: MetadataStore, job: Job, worker: str, pace: Pace, ending: Event) -> None:
        self._metadata = metadata
        self._job = job
        self._worker = worker
        self._pace = pace
        self._ending = ending
        self._last: tuple[Stage, int, int, float | None] = (job.stage, 0, 0, None)
        self._recorded = 0.0
        self._ended = Event()
        self._heart = Thread(target=self._beat, name="job-lease", daemon=True)

    def __enter__(self) -> "_Progress":
        self._heart.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._ended.set()
        self._heart.join()

    def __call__(self, stage: Stage, done: int, total: int) -> bool:
        if self._ending.is_set():
            raise _WorkerEnds
        known = self._last[0]
        self._last = (stage, done, total, self._pace.note(stage, done, total))
        now = time.monotonic()
        if stage is known and now - self._recorded < _RECORD_EVERY_SECONDS:
            return True
        self._recorded = now
        return self._record()

    def _record(self) -> bool:
        stage, done, total, eta_seconds = self._last
        return self._metadata.jobs.record(
            self._job.id,
            worker=self._worker,
            lease_seconds=_LEASE_SECONDS,
            stage=stage,
            done=done,
            total=total,
            eta_seconds=eta_seconds,
        )

    def _beat(self) -> None:
        while not self._ended.wait(_LEASE_SECONDS / 4):
            try:
                self._record()
            except BackendUnavailableError:
                continue


def _actor(job: Job) -> Actor:
    return Actor(job.created_by, "", channel="worker")


def _gone(job: Job) -> DocumentVersion:
    """What is left to know of a deleted version: its ids."""
    return DocumentVersion(
        id=job.version_id,
        document_id=job.document_id,
        workspace_id=job.workspace_id,
        number=0,
        name="",
        media_type="",
        sha256="",
        size_bytes=0,
        file_id=FileId(job.version_id),
        uploaded_by=job.created_by,
        uploaded_at=job.created_at,
    )
