"""Runs the jobs in which the program verifies its own audit log."""

import time
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from threading import Event

from app.domain.access import Actor
from app.domain.audit import AuditVerification, timestamp
from app.domain.ids import JobId
from app.domain.jobs import OPEN_STATES, Job, JobKind, JobState, Stage
from app.errors import BackendUnavailableError, CancelledError, ConfigurationError, DafeError
from app.logs import get_logger
from app.pipeline.indexing import Pace
from app.security.auditor import Auditor, Details
from app.security.keyed_note import KeyedNote
from app.security.verified_point import VerifiedPoint
from app.services.audit_checks import AuditChecks, sentence
from app.services.job_progress import JobProgress, LeaseKeeper, WorkerEnds, insist
from app.services.new_jobs import pause_seconds, put_back, put_job
from backends.metadata.base import MetadataStore
from backends.queue.base import JobQueue

_SLICE_SECONDS = 5.0
"""Then the job lets others go first."""
_TOGETHER = 50_000
"""Events that are read between two looks at whether to go on: about a second."""
_COMPLETE_EVERY = timedelta(days=7)
_CLOCKS_DIFFER = timedelta(hours=1)
_MOST_ATTEMPTS = 5
_MOST_WAITS = 6
"""For a sealer that has just started, or a second device that is being caught up: about three minutes."""
_RUN = b"dafe-audit-verifying-v1\0"
_GIVEN_UP = "Verifying the audit log ended the worker again and again and was set aside: run dafe audit verify."
_UNEXPECTED = "Verifying the audit log failed unexpectedly: run dafe audit verify; reference {reference}."
_log = get_logger("verifying")


@dataclass(frozen=True, slots=True)
class _Run:
    """How far a job is."""

    complete: bool
    """It began at the first event."""
    since: datetime
    """When it began."""
    begin: VerifiedPoint | None = None
    events: int = 0
    doubt: str = ""


class AuditVerifying:
    """For the worker. It reads some seconds at a time, and goes on where it was; a run whose place is not known begins
    again, and nothing comes of that but time."""

    def __init__(
        self,
        *,
        checks: AuditChecks,
        key: bytes,
        folder: Path,
        metadata: MetadataStore,
        queue: JobQueue,
        auditor: Auditor,
    ) -> None:
        self._checks = checks
        self._note = KeyedNote(folder / "audit.verifying", key=key, domain=_RUN)
        self._metadata = metadata
        self._queue = queue
        self._auditor = auditor
        self._leases = LeaseKeeper()

    def run(self, job: Job, *, ending: Event) -> None:
        """Go on with a claimed job, and record how far it is or how it ended."""
        if job.state is JobState.STOPPING:
            self._end(job, JobState.STOPPED)
            return
        if self._is_another_open(job):
            self._metadata.jobs.finish(job.id, worker=self._queue.worker_name(), state=JobState.STOPPED)
            return
        if job.attempts > _MOST_ATTEMPTS:
            self._end(job, JobState.FAILED, _GIVEN_UP)
            return
        worker, keeper = self._queue.worker_name(), self._leases
        with JobProgress(self._metadata, job, worker=worker, pace=Pace(), ending=ending, keeper=keeper) as progress:
            try:
                result = self._go_on(job, progress)
            except CancelledError:
                self._end(job, JobState.STOPPED)
            except WorkerEnds:
                self._put_back(job, attempts=progress.attempts - 1, waits=progress.waits)
            except (BackendUnavailableError, ConfigurationError) as error:
                insist(partial(self._wait, job, progress, error), ending=ending)
            except DafeError as error:
                self._end(job, JobState.FAILED, error.message)
            except Exception as error:  # noqa: BLE001 - the boundary of the worker, as for indexing
                reference = _log.unexpected("verifying", error, job_id=job.id)
                self._end(job, JobState.FAILED, _UNEXPECTED.format(reference=reference))
            else:
                if result is None:
                    self._put_back(job, attempts=progress.attempts - 1, waits=progress.waits)
                elif result.ok:
                    self._end(job, JobState.DONE)
                else:
                    self._end(job, JobState.FAILED, sentence(result))

    def _go_on(self, job: Job, progress: JobProgress) -> AuditVerification | None:
        """What came of it; None while some of it is left."""
        resumed, until = self._resumed(job.id), time.monotonic() + _SLICE_SECONDS
        if resumed is None and job.waits < _MOST_WAITS and (problem := self._checks.problem()):
            raise BackendUnavailableError(problem)
        run = resumed or self._begun()
        while True:
            done, total = run.begin.seq if run.begin else 0, self._checks.count()
            if not progress(Stage.READING, done, max(total, done + 1)):
                raise CancelledError("Verifying the audit log was stopped.")
            part = self._checks.verify_part(run.begin, events=_TOGETHER)
            again = 1 if run.events else 0  # The event that the part before ended with is read twice.
            events, doubt = run.events + part.result.events - again, run.doubt or part.result.doubt
            run = replace(run, begin=part.reached, events=events, doubt=doubt)
            if part.is_last or part.result.ok is False:
                progress(Stage.READING, part.reached.seq, max(total, part.reached.seq))
                return self._keep(job, run, part.result)
            if time.monotonic() >= until:
                self._note_run(job.id, run)
                return None

    def _is_another_open(self, job: Job) -> bool:
        """One that was tried again while the next was made: the older one of the two goes on."""
        found = self._metadata.jobs.find(reader=None, kinds=(JobKind.VERIFY,), states=OPEN_STATES)
        return any(other.id < job.id for other in found)

    def _begun(self) -> _Run:
        """All of it when that was not done for a week, or something was found."""
        last, point, now = self._checks.last(), self._checks.verified(), datetime.now(UTC)
        if last is None or not last.ok or last.complete_at is None or point is None:
            return _Run(complete=True, since=now)
        recent = now - _COMPLETE_EVERY < last.complete_at < now + _CLOCKS_DIFFER
        return _Run(complete=not recent, since=now, begin=point if recent else None)

    def _keep(self, job: Job, run: _Run, result: AuditVerification) -> AuditVerification:
        """What was found is shown, whether or not the log that was found changed takes another event."""
        result = replace(result, events=run.events, doubt=run.doubt)
        if result.ok and run.doubt:
            result = replace(result, ok=None)
        self._checks.keep(result, complete=run.complete, by_itself=True, since=run.since)
        details: Details = {
            "job": job.id,
            "ok": bool(result.ok),
            "complete": run.complete,
            "events": result.events,
            "verified_to": result.verified_to,
            "findings": len(result.findings),
        }
        with self._auditor.disclosure(Actor(job.created_by, "", channel="worker"), "worker.verify", details=details):
            return result

    def _resumed(self, job_id: JobId) -> _Run | None:
        """Where the job's last slice ended. None for one that begins, or whose note is not as it was written."""
        try:
            record = self._note.read()
            if record is None or record["job"] != job_id:
                return None
            begin, since = VerifiedPoint.of(record["begin"]), datetime.fromisoformat(record["since"])
            return _Run(record["complete"], since, begin, record["events"], record["doubt"])
        except (ValueError, KeyError, TypeError):
            return None

    def _note_run(self, job_id: JobId, run: _Run) -> None:
        assert run.begin is not None
        record = {"job": job_id, "complete": run.complete, "since": timestamp(run.since)}
        record |= {"begin": run.begin.as_record(), "events": run.events, "doubt": run.doubt}
        try:
            self._note.write(record)
        except OSError as error:
            raise BackendUnavailableError(
                f"The data folder cannot be written ({error.strerror}): free some room or give this user the right."
            ) from error

    def _end(self, job: Job, state: JobState, error: str | None = None) -> None:
        """Of a job that another worker has by now the note is that one's."""
        worker = self._queue.worker_name()
        if self._metadata.jobs.finish(job.id, worker=worker, state=state, error=error, attempts=job.attempts):
            with suppress(OSError):
                self._note.delete()

    def _wait(self, job: Job, progress: JobProgress, error: DafeError) -> None:
        waits = progress.waits + 1
        pause = pause_seconds(waits)
        self._put_back(job, error, attempts=progress.attempts - 1, waits=waits, delay_seconds=pause)

    def _put_back(
        self, job: Job, error: DafeError | None = None, *, attempts: int, waits: int, delay_seconds: float = 0.0
    ) -> None:
        put_back(self._metadata, self._queue, job, attempts=attempts, waits=waits, error=error)
        put_job(self._queue, job, delay_seconds=delay_seconds)
