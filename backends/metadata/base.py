"""The contract of the metadata store: one bundle of record sets over one database."""

from abc import ABC, abstractmethod

from backends.metadata.base_content import AccessRecords, ChunkRecords, DocumentRecords, HistoryRecords, JobRecords
from backends.metadata.base_counts import CountRecords
from backends.metadata.base_embeddings import EmbeddingRecords
from backends.metadata.base_models import ModelRecords
from backends.metadata.base_moving import MovableRecords
from backends.metadata.base_people import SessionRecords, UserRecords, WorkspaceRecords
from backends.metadata.base_schedules import ScheduleRecords
from backends.sql.base import Replica


class MetadataStore(ABC):
    """Documents and who may see them, chunks, jobs, history, workspaces, users, sessions, models, embeddings. A call is
    one transaction."""

    identity: str = ""
    """Tells this database from every other one; empty for the one that lies in the data folder."""

    replica: Replica | None = None
    """Where reads of much go; None where none is set."""

    documents: DocumentRecords
    access: AccessRecords
    chunks: ChunkRecords
    history: HistoryRecords
    jobs: JobRecords
    schedules: ScheduleRecords
    workspaces: WorkspaceRecords
    users: UserRecords
    sessions: SessionRecords
    models: ModelRecords
    embeddings: EmbeddingRecords
    counts: CountRecords
    movable: MovableRecords

    @abstractmethod
    def check(self) -> None:
        """Raise BackendUnavailableError or IntegrityError when the database cannot be used as it is."""

    @abstractmethod
    def wipe(self) -> None:
        """Overwrite what deleted records left in files, unused parts of pages and logs of the database included.

        Raises BackendUnavailableError when that must wait, because somebody is still reading an older state or the disk
        lacks room for it.
        """

    @abstractmethod
    def owe_wipe(self) -> None:
        """Note that a `wipe` is to be done, for `complete_wiping`, in whatever process."""

    @abstractmethod
    def complete_wiping(self) -> None:
        """Do a `wipe` that was asked for, in whatever process, and is not done; nothing otherwise. Raises as that."""

    @abstractmethod
    def close(self) -> None:
        """Free what this object holds; a second call does nothing."""
