"""Queued work and how far it is."""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum

from app.domain.ids import DocumentId, JobId, UserId, VersionId, WorkspaceId


class JobKind(StrEnum):
    INDEX = "index"
    DELETE = "delete"
    EMBED = "embed"
    """Vectors of a whole workspace made anew for another embedding model: of no document and no version. It counts
    thousandths."""
    EXPORT = "export"
    """The facts of a workspace as a file for whoever asked: of no document and no version. `document_name` is the name
    of the file."""
    VERIFY = "verify"
    """The audit log, read by the program itself: of no workspace. It counts events."""

    @property
    def is_of_a_document(self) -> bool:
        return self in {JobKind.INDEX, JobKind.DELETE}


class JobState(StrEnum):
    WAITING = "waiting"
    RUNNING = "running"
    STOPPING = "stopping"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"

    @property
    def finished(self) -> bool:
        return self in {JobState.DONE, JobState.FAILED, JobState.STOPPED}


OPEN_STATES = tuple(state for state in JobState if not state.finished)
"""Of jobs that wait or are in work."""


class Priority(IntEnum):
    """What comes first; among equals workspaces take turns, and in one of them the oldest comes first."""

    URGENT = 0
    """What must go."""
    NORMAL = 1
    """A person waits for it."""
    BULK = 2
    """Many at once."""


class Stage(StrEnum):
    """The steps of indexing in order; the words people see are in components."""

    WAITING = "waiting"
    READING = "reading"
    CHUNKING = "chunking"
    EMBEDDING = "embedding"
    EXTRACTING = "extracting"
    STORING = "storing"


@dataclass(frozen=True, slots=True)
class Job:
    """The truth about queued work; the queue only carries its id. `done` of `total` counts the stage's own unit."""

    id: JobId
    kind: JobKind
    workspace_id: WorkspaceId
    document_id: DocumentId
    version_id: VersionId
    document_name: str
    created_by: UserId
    created_at: datetime
    state: JobState = JobState.WAITING
    stage: Stage = Stage.WAITING
    done: int = 0
    total: int = 0
    eta_seconds: float | None = None
    """None while it is being measured."""
    attempts: int = 0
    """How often it was tried without getting further than before."""
    error: str | None = None
    updated_at: datetime | None = None
    priority: Priority = Priority.NORMAL
    waits: int = 0
    """How often in a row a server that it needs was away."""

    @property
    def is_suspected(self) -> bool:
        """Whether it may have ended the worker that tried it before."""
        return self.attempts > 0 and self.kind is not JobKind.DELETE and self.state is not JobState.STOPPING
