"""The record sets for documents, chunks, jobs and asked questions."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from app.domain.answers import AskedQuestion
from app.domain.documents import Chunk, ChunkState, Coverage, Document, DocumentStatus, DocumentVersion
from app.domain.ids import ChunkId, DocumentId, JobId, QuestionId, UserId, VersionId, WorkspaceId
from app.domain.jobs import Job, JobKind, JobState, Stage


@dataclass(frozen=True, slots=True)
class DocumentFilter:
    """Conditions that must all hold for a document's newest version; the defaults hold always."""

    text: str = ""
    """Found anywhere in the name, case folded."""
    name: str | None = None
    sha256: str | None = None
    """Of any version of the document."""
    statuses: frozenset[DocumentStatus] = frozenset()
    to_redo: bool = False
    """Only those that are indexed and to be read again."""
    limit: int | None = None
    offset: int = 0


class DocumentRecords(ABC):
    """`reader` sees what no access list keeps from them; what they may not see is to them as if it did not exist.

    None sees everything: the program's own work, and the operator.
    """

    @abstractmethod
    def add_version(self, version: DocumentVersion, *, reader: UserId | None, rereads: bool = False) -> Document:
        """Add a version, and its document when `version.number` is 1.

        Raises ConflictError when that number is taken or a document that `reader` sees in the workspace already holds
        the same content (sha256), unless the version `rereads` what its own document holds; NotFoundError for a
        further version of a document that they do not see.
        """

    @abstractmethod
    def get(self, document_id: DocumentId, *, workspace_id: WorkspaceId, reader: UserId | None) -> Document:
        """Raises NotFoundError, also for a document of another workspace."""

    @abstractmethod
    def find(
        self, document_filter: DocumentFilter, *, workspace_id: WorkspaceId, reader: UserId | None
    ) -> tuple[list[Document], int]:
        """One page of the documents that fit, newest upload first, and how many fit in all."""

    @abstractmethod
    def find_versions(self, document_id: DocumentId, *, workspace_id: WorkspaceId) -> list[DocumentVersion]:
        """Newest first, whoever may see them: `get` tells that. Empty for an unknown document."""

    @abstractmethod
    def update_version(
        self,
        version_id: VersionId,
        *,
        workspace_id: WorkspaceId,
        status: DocumentStatus | None = None,
        error: str | None = None,
        coverage: Coverage | None = None,
        title: str | None = None,
        to_redo: bool | None = None,
    ) -> None:
        """Change what is given; a new status without `error` clears the error. Raises NotFoundError."""

    @abstractmethod
    def publish(self, version_id: VersionId, *, workspace_id: WorkspaceId) -> None:
        """Make it `indexed` and, unless a later one is that already, the document's visible version, in one update.

        Raises NotFoundError.
        """

    @abstractmethod
    def find_visible(self, *, workspace_id: WorkspaceId, reader: UserId | None) -> dict[VersionId, DocumentId]:
        """The visible version of each document that has one: the permitted set of `reader`."""

    @abstractmethod
    def delete(self, document_id: DocumentId, *, workspace_id: WorkspaceId) -> None:
        """Remove the document, its versions and chunks, and its name from its jobs; an unknown one is no error.

        Its access list stays for its jobs.
        """


class AccessRecords(ABC):
    """Who may see a document: everybody in its workspace, unless it has a list of people."""

    @abstractmethod
    def get(self, document_id: DocumentId, *, workspace_id: WorkspaceId) -> frozenset[UserId] | None:
        """The people on its list; None without a list. An empty list means nobody."""

    @abstractmethod
    def set(self, document_id: DocumentId, readers: Collection[UserId] | None, *, workspace_id: WorkspaceId) -> None:
        """Give the document this list instead of the one before; None takes it away.

        Raises NotFoundError for a document that is not in the workspace.
        """


@dataclass(frozen=True, slots=True)
class Postings:
    """Word statistics of the permitted chunks, for BM25 (Robertson and Zaragoza 2009) computed by the caller."""

    chunks: int
    mean_length: float
    """In stems."""
    frequencies: dict[str, dict[ChunkId, int]] = field(default_factory=dict)
    """Stem to chunk to count; a stem found nowhere has an empty dict."""
    lengths: dict[ChunkId, int] = field(default_factory=dict)
    """Of the chunks that hold any of the stems."""


class ChunkRecords(ABC):
    @abstractmethod
    def upsert(self, chunks: Sequence[Chunk]) -> None:
        """Write chunks and their stems; an id already there is replaced. All of one version.

        Raises ConflictError when an id is another workspace's.
        """

    @abstractmethod
    def update_states(self, states: Mapping[ChunkId, ChunkState], *, workspace_id: WorkspaceId) -> None:
        """Set what became of chunks; unknown ids are no error."""

    @abstractmethod
    def get(
        self, chunk_ids: Sequence[ChunkId], *, workspace_id: WorkspaceId, permitted: frozenset[VersionId]
    ) -> list[Chunk]:
        """The permitted ones among them, in the order asked; others are left out in silence."""

    @abstractmethod
    def find(self, version_id: VersionId, *, workspace_id: WorkspaceId) -> list[Chunk]:
        """A version's chunks by ordinal, visible or not."""

    @abstractmethod
    def find_postings(
        self, stems: Collection[str], *, workspace_id: WorkspaceId, permitted: frozenset[VersionId]
    ) -> Postings:
        """Word statistics over permitted chunks only."""

    @abstractmethod
    def count(self, *, workspace_id: WorkspaceId, permitted: frozenset[VersionId]) -> int:
        """How many chunks the permitted versions have."""

    @abstractmethod
    def delete_version(self, version_id: VersionId, *, workspace_id: WorkspaceId) -> None:
        """Remove a version's chunks and stems; an unknown one is no error."""


class JobRecords(ABC):
    """The truth about jobs. A worker holds a running job through a lease it must renew.

    `reader` sees the jobs of documents that no access list keeps from them, deleted documents too, and of exports
    their own; None sees all.
    """

    @abstractmethod
    def add(self, job: Job) -> None:
        """Raises ConflictError when the id exists."""

    @abstractmethod
    def get(self, job_id: JobId, *, reader: UserId | None) -> Job:
        """Raises NotFoundError."""

    @abstractmethod
    def find(
        self,
        *,
        reader: UserId | None,
        workspace_id: WorkspaceId | None = None,
        document_id: DocumentId | None = None,
        states: Collection[JobState] = (),
        kinds: Collection[JobKind] = (),
        created_by: UserId | None = None,
        limit: int | None = None,
    ) -> list[Job]:
        """Newest first; None and empty mean any."""

    @abstractmethod
    def claim(self, job_id: JobId, *, worker: str, lease_seconds: float) -> Job | None:
        """Take the job: state running, one attempt more. None when it is finished or another worker's lease still runs.

        A job that was to stop when its worker died is given as it is, `stopping`: end it. All workers give the same
        `lease_seconds`; when the clock is set back, a lease runs for twice as long at most.
        """

    @abstractmethod
    def record(
        self,
        job_id: JobId,
        *,
        worker: str,
        lease_seconds: float,
        stage: Stage,
        done: int,
        total: int,
        eta_seconds: float | None,
        attempts: int | None = None,
    ) -> bool:
        """Store progress and renew the lease. False when the job is to stop or no longer this worker's: stop now.

        `attempts` takes the place of those counted.
        """

    @abstractmethod
    def finish(
        self,
        job_id: JobId,
        *,
        worker: str,
        state: JobState,
        error: str | None = None,
        attempts: int | None = None,
        waits: int | None = None,
    ) -> bool:
        """End the job and its lease, or put it back with state waiting; `attempts` and `waits` take the place of those
        counted.

        Not this worker's any more, or to be put back although it is to stop: nothing happens, and False is returned.
        """

    @abstractmethod
    def stop(self, job_id: JobId) -> Job:
        """Ask for an end: a waiting job is stopped at once, a running one turns `stopping`; finished ones stay."""

    @abstractmethod
    def retry(self, job_id: JobId, *, attempts: int | None = None) -> Job:
        """Put a stopped or failed job back to waiting with its stage kept, and its attempts unless they are given; it
        has not waited yet.

        Raises ConflictError in other states.
        """


class HistoryRecords(ABC):
    """Whoever asked sees a question as long as `reader` sees every document that its answer shows; None sees all."""

    @abstractmethod
    def add(self, question: AskedQuestion) -> None:
        """Store a finished question and its answer, unless it shows a document or version that was deleted or replaced
        while it was being written."""

    @abstractmethod
    def get(
        self, question_id: QuestionId, *, workspace_id: WorkspaceId, asked_by: UserId, reader: UserId | None
    ) -> AskedQuestion:
        """Raises NotFoundError, also for somebody else's question."""

    @abstractmethod
    def find(
        self, *, workspace_id: WorkspaceId, asked_by: UserId, reader: UserId | None, limit: int
    ) -> list[AskedQuestion]:
        """That person's questions, newest first."""

    @abstractmethod
    def delete_citing(
        self, document_id: DocumentId, *, workspace_id: WorkspaceId, keep: VersionId | None = None
    ) -> int:
        """Remove every answer that cites the document, whoever asked, but for those that cite only its version `keep`;
        how many went."""
