"""Makes the record of a job, queues it when it is stored, and tells how long it waits before another try."""

from datetime import UTC, datetime
from random import SystemRandom

from ulid import ULID

from app.domain.documents import DocumentVersion
from app.domain.ids import DocumentId, JobId, UserId, VersionId, WorkspaceId
from app.domain.jobs import Job, JobKind, JobState, Priority
from app.errors import DafeError
from backends.metadata.base import MetadataStore
from backends.queue.base import JobQueue

_PROGRAM = UserId("system")
_SHORTEST_PAUSE_SECONDS = 2.0
_LONGEST_PAUSE_SECONDS = 600.0
_MOST_DOUBLINGS = 7
_CHANCE = SystemRandom()


def new_job(
    version: DocumentVersion, kind: JobKind, *, created_by: UserId, priority: Priority = Priority.NORMAL
) -> Job:
    """One that waits to be done with this version."""
    return Job(
        id=JobId(str(ULID())),
        kind=kind,
        workspace_id=version.workspace_id,
        document_id=version.document_id,
        version_id=version.id,
        document_name=version.name,
        created_by=created_by,
        created_at=datetime.now(UTC),
        priority=priority,
    )


def new_upkeep_job(kind: JobKind, *, workspace_id: WorkspaceId) -> Job:
    """One that the program makes by itself, of no document; everything else comes before it."""
    return Job(
        id=JobId(str(ULID())),
        kind=kind,
        workspace_id=workspace_id,
        document_id=DocumentId(""),
        version_id=VersionId(""),
        document_name="",
        created_by=_PROGRAM,
        created_at=datetime.now(UTC),
        priority=Priority.BULK,
    )


def put_job(queue: JobQueue, job: Job, *, delay_seconds: float = 0.0) -> None:
    """Enqueue a recorded job in its lane and its workspace's turn."""
    queue.put(job.id, workspace_id=job.workspace_id, priority=job.priority, delay_seconds=delay_seconds)


def put_back(
    metadata: MetadataStore, queue: JobQueue, job: Job, *, attempts: int, waits: int, error: DafeError | None = None
) -> bool:
    """A claimed job waits again; it is not queued yet. False for one that was to stop meanwhile, or that another worker
    has: that is not put back, and a message for it does no harm."""
    return metadata.jobs.finish(
        job.id,
        worker=queue.worker_name(),
        state=JobState.WAITING,
        error=error.message if error else None,
        attempts=attempts,
        waits=waits,
    )


def pause_after_end(job: Job) -> float:
    """How long a job still waits whose worker ended while it was done: 2 seconds after the second time, then twice as
    long each time, so that others come first and what ends workers for a moment does not use up one file's tries."""
    if job.attempts < 2 or job.updated_at is None or job.state is not JobState.RUNNING:
        return 0.0
    pause = 2.0 ** (min(job.attempts, _MOST_DOUBLINGS) - 1)
    since = (datetime.now(UTC) - job.updated_at).total_seconds()
    return pause - since if 0.0 <= since < pause else 0.0


def pause_seconds(times: int) -> float:
    """How long a job waits that could not go on so many times in a row: about 3 seconds at first, ten minutes at most.

    By chance up to half of it is left away, so that jobs that stopped together do not all come again together.
    """
    longest = min(_SHORTEST_PAUSE_SECONDS * 2.0 ** min(times, 20), _LONGEST_PAUSE_SECONDS)
    return _CHANCE.uniform(longest / 2, longest)
