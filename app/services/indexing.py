"""Runs queued jobs: index a version, remove what is left of one, or make vectors anew."""

from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from threading import Event, Thread

from app.domain.access import Actor
from app.domain.documents import DocumentStatus, DocumentVersion
from app.domain.ids import JobId
from app.domain.jobs import OPEN_STATES, Job, JobKind, JobState, Stage
from app.errors import (
    BackendUnavailableError,
    CancelledError,
    ConfigurationError,
    DafeError,
    IntegrityError,
    InvalidInputError,
    MissingDependencyError,
    NotFoundError,
)
from app.logs import get_logger
from app.pipeline.indexing import Indexer, Pace
from app.security.auditor import Auditor
from app.services.job_progress import LEASE_SECONDS, JobProgress, JobRunner, LeaseKeeper, WorkerEnds, insist
from app.services.jobs_in_hand import JobsInHand
from app.services.new_jobs import pause_after_end, pause_seconds, put_job
from app.services.recovering import Recovery
from app.services.removing import Remover, gone
from app.services.walks import WalkUpkeep
from backends.metadata.base import MetadataStore
from backends.queue.base import JobQueue

_WAIT_SECONDS = 2.0
_MOST_ATTEMPTS = 5
_UNEXPECTED = "Indexing failed unexpectedly; the file is kept. Try again, and give reference {reference} if it repeats."
_log = get_logger("indexing")


class IndexingService:
    """One worker's hands: `run` is called with every delivered job id, in as many threads as jobs are done at once."""

    def __init__(
        self,
        *,
        indexer: Indexer,
        metadata: MetadataStore,
        remover: Remover,
        recovery: Recovery,
        queue: JobQueue,
        auditor: Auditor,
        walks: WalkUpkeep,
        others: Mapping[JobKind, JobRunner],
        jobs_at_once: int = 1,
    ) -> None:
        self._indexer = indexer
        self._metadata = metadata
        self._remover = remover
        self._recovery = recovery
        self._queue = queue
        self._auditor = auditor
        self._walks = walks
        self._others = others
        self._jobs_at_once = jobs_at_once
        self._rates: dict[Stage, float] = {}
        self._in_hand = JobsInHand()
        self._leases = LeaseKeeper()
        self._ending = Event()

    @property
    def _worker(self) -> str:
        return self._queue.worker_name()

    def serve(self, *, stop: Event) -> None:
        """Take jobs until `stop` is set; what a killed process left undone is looked for first and now and then.

        The jobs in hand are then put back at their next step, and go on from there when a worker comes again.
        """
        self._ending = stop
        looking = Thread(target=self._recovery.serve, kwargs={"stop": stop}, name="recovery", daemon=True)
        looking.start()
        self._queue.run(self.run, stop=stop, at_once=self._jobs_at_once)
        looking.join()

    def run(self, job_id: JobId) -> None:
        """Do one job and record how it ended; one that another worker or thread holds comes again later."""
        try:
            known = self._metadata.jobs.get(job_id, reader=None)
        except NotFoundError:
            return
        if known.state.finished:
            return
        with self._in_hand.take(job_id, suspected=known.is_suspected) as mine:
            delay = self._delay_seconds(known) if mine else _WAIT_SECONDS
            job = None if delay else self._claim(job_id)
            if job is None:
                put_job(self._queue, known, delay_seconds=delay or _WAIT_SECONDS)
            else:
                self._do(job)

    def _do(self, job: Job) -> None:
        if job.kind in self._others:
            self._others[job.kind].run(job, ending=self._ending)
        elif job.state is JobState.STOPPING:
            self._stop(job, self._version(job))
        elif job.kind is JobKind.INDEX and job.attempts > _MOST_ATTEMPTS and not self._is_published(job):
            self._fail(job, "The file ended the worker again and again and was set aside: remove it or add it anew.")
        else:
            pace = Pace(self._rates)
            with JobProgress(
                self._metadata, job, worker=self._worker, pace=pace, ending=self._ending, keeper=self._leases
            ) as progress:
                (self._index if job.kind is JobKind.INDEX else self._delete)(job, progress)

    def _claim(self, job_id: JobId) -> Job | None:
        return self._metadata.jobs.claim(job_id, worker=self._worker, lease_seconds=LEASE_SECONDS)

    def _delay_seconds(self, job: Job) -> float:
        if job.kind is not JobKind.DELETE:
            return pause_after_end(job)
        busy = self._metadata.jobs.find(reader=None, document_id=job.document_id, states=OPEN_STATES)
        return _WAIT_SECONDS * any(one.kind is JobKind.INDEX and one.version_id == job.version_id for one in busy)

    def _index(self, job: Job, progress: JobProgress) -> None:
        version = self._version(job)
        if version is None:
            self._metadata.jobs.finish(job.id, worker=self._worker, state=JobState.STOPPED)
            return
        try:
            self._index_and_publish(job, version, progress)
        except CancelledError:
            if self._is_to_stop(job):  # Else another worker took it over.
                self._stop(job, version)
        except WorkerEnds:
            self._put_back(job, version, attempts=progress.attempts - 1)
        except (InvalidInputError, MissingDependencyError, IntegrityError) as error:
            self._fail(job, error.message)
        except NotFoundError:
            self._stop(job, version)
        except (BackendUnavailableError, ConfigurationError) as error:
            insist(partial(self._wait, job, version, error, progress), ending=self._ending)
        except Exception as error:  # noqa: BLE001 - the boundary of the worker: one bad file must not end it
            reference = _log.unexpected("indexing", error, job_id=job.id)
            if self._is_published(job):
                self._put_back(job, None, attempts=progress.attempts, delay_seconds=pause_seconds(job.attempts))
            else:
                self._fail(job, _UNEXPECTED.format(reference=reference))
        else:
            self._done(job)

    def _index_and_publish(self, job: Job, version: DocumentVersion, progress: JobProgress) -> None:
        """One update makes the version visible, unless a later one is; the versions that are replaced go after it.

        A run that was killed after that update is completed, not done again, and has one event of success.
        """
        published = job.attempts > 1 and version.status is DocumentStatus.INDEXED
        if published and self._auditor.has_done("worker.index", job_id=job.id):
            return
        objects = (job.document_id, job.version_id)
        with self._auditor.change(
            _actor(job), "worker.index", workspace_id=job.workspace_id, objects=objects, details={"job": job.id}
        ):
            if not published:
                self._set_status(version, DocumentStatus.RUNNING)
                self._indexer.index_document(version, progress=progress)
                self._metadata.documents.publish(version.id, workspace_id=version.workspace_id)
            self._replace_versions(version)

    def _stop(self, job: Job, version: DocumentVersion | None) -> None:
        """What this run added goes; the file stays unless the document was deleted meanwhile. It is too late for a
        version that is visible: what it replaced has begun to go."""
        if self._is_anothers(job):
            return
        if version is not None and self._is_published(job):
            self._complete(job, version)
            return
        self._indexer.remove(version or gone(job))
        if version is not None and self._version(job) is not None:
            self._set_status(version, DocumentStatus.STOPPED)
        self._metadata.jobs.finish(job.id, worker=self._worker, state=JobState.STOPPED, attempts=job.attempts)

    def _done(self, job: Job) -> None:
        """The edges of what went are gone before anybody is told that it is."""
        self._walks.refresh(job.workspace_id)
        self._metadata.jobs.finish(job.id, worker=self._worker, state=JobState.DONE)

    def _complete(self, job: Job, version: DocumentVersion) -> None:
        try:
            self._replace_versions(version)
        except BackendUnavailableError as error:
            self._put_back(job, None, error.message, attempts=job.attempts, delay_seconds=pause_seconds(job.attempts))
        else:
            self._done(job)

    def _replace_versions(self, version: DocumentVersion) -> None:
        """It may be replaced itself: one that was added after it may have been indexed before it."""
        known = self._metadata.documents.find_versions(version.document_id, workspace_id=version.workspace_id)
        indexed = [one for one in known if one.status is DocumentStatus.INDEXED]
        self._remover.replace_versions(max(indexed, key=lambda one: one.number, default=version))

    def _is_published(self, job: Job) -> bool:
        version = self._version(job)
        return version is not None and version.status is DocumentStatus.INDEXED

    def _fail(self, job: Job, message: str) -> None:
        if self._is_anothers(job):
            return
        version = self._version(job)
        if version is not None and version.status is not DocumentStatus.INDEXED:
            self._indexer.remove(version)
            self._set_status(version, DocumentStatus.FAILED, message)
        self._metadata.jobs.finish(
            job.id, worker=self._worker, state=JobState.FAILED, error=message, attempts=job.attempts
        )

    def _is_to_stop(self, job: Job) -> bool:
        """Whether somebody asked for its end, or deleted it with its document."""
        try:
            return self._metadata.jobs.get(job.id, reader=None).state is JobState.STOPPING
        except NotFoundError:
            return True

    def _is_anothers(self, job: Job) -> bool:
        """Whether this worker was away for so long that another one has the job: what that one adds must stay."""
        try:
            self._metadata.jobs.get(job.id, reader=None)
        except NotFoundError:
            return False
        return self._claim(job.id) is None

    def _wait(self, job: Job, version: DocumentVersion, error: DafeError, progress: JobProgress) -> None:
        """A server is away: the job keeps what it has done and comes again, however long that lasts; this try does not
        count against the file."""
        waits, published = progress.waits + 1, self._is_published(job)
        self._put_back(
            job,
            None if published else version,
            error.message,
            attempts=progress.attempts if published else progress.attempts - 1,
            waits=waits,
            delay_seconds=pause_seconds(waits),
        )

    def _put_back(
        self,
        job: Job,
        version: DocumentVersion | None,
        message: str | None = None,
        *,
        attempts: int,
        waits: int | None = None,
        delay_seconds: float = 0.0,
    ) -> None:
        """`attempts` takes the place of those counted: a worker that was told to end is no fault of the file."""
        mine = self._metadata.jobs.finish(
            job.id, worker=self._worker, state=JobState.WAITING, error=message, attempts=attempts, waits=waits
        )
        if not mine and not self._is_to_stop(job):
            return
        if version is not None:
            with suppress(NotFoundError):
                self._set_status(version, DocumentStatus.WAITING, message)
        put_job(self._queue, job, delay_seconds=delay_seconds if mine else 0.0)

    def _delete(self, job: Job, progress: JobProgress) -> None:
        """Tried until it is done: what was deleted must go."""
        try:
            if job.attempts == 1 or not self._auditor.has_done("worker.delete", job_id=job.id):
                objects = (job.document_id, job.version_id)
                with self._auditor.change(
                    _actor(job),
                    "worker.delete",
                    workspace_id=job.workspace_id,
                    objects=objects,
                    details={"job": job.id},
                ):
                    self._remover.remove(job)
        except (BackendUnavailableError, ConfigurationError) as error:
            waits = job.waits + 1
            self._put_back(
                job, None, error.message, attempts=job.attempts, waits=waits, delay_seconds=pause_seconds(waits)
            )
        except Exception as error:  # noqa: BLE001 - the boundary of the worker, as for indexing
            _log.unexpected("removing", error, job_id=job.id)
            self._put_back(job, None, attempts=progress.attempts, delay_seconds=pause_seconds(job.attempts))
        else:
            self._done(job)

    def _version(self, job: Job) -> DocumentVersion | None:
        versions = self._metadata.documents.find_versions(job.document_id, workspace_id=job.workspace_id)
        return next((version for version in versions if version.id == job.version_id), None)

    def _set_status(self, version: DocumentVersion, status: DocumentStatus, error: str | None = None) -> None:
        self._metadata.documents.update_version(
            version.id, workspace_id=version.workspace_id, status=status, error=error
        )


def _actor(job: Job) -> Actor:
    return Actor(job.created_by, "", channel="worker")
