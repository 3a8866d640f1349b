"""The record set for the embedding spaces that questions search."""

from abc import ABC, abstractmethod

from app.domain.embeddings import EmbeddingSpace, EmbeddingUse
from app.domain.ids import VersionId, WorkspaceId


class EmbeddingRecords(ABC):
    """One row a workspace, at most. It says what the vector store at hand holds, and is not moved to another one."""

    @abstractmethod
    def get(self, workspace_id: WorkspaceId) -> EmbeddingUse | None:
        """None where nothing was recorded of it yet."""

    @abstractmethod
    def find(self) -> dict[WorkspaceId, EmbeddingUse]:
        """Of every workspace of which something was recorded."""

    @abstractmethod
    def switch(self, space: EmbeddingSpace | None, *, workspace_id: WorkspaceId) -> None:
        """From now on this is searched, in one update. Raises NotFoundError for an unknown workspace."""

    @abstractmethod
    def give_up(self, space: EmbeddingSpace, *, workspace_id: WorkspaceId) -> None:
        """Nothing is searched any more where it is this; another one stays."""

    @abstractmethod
    def note_writing(self, version_id: VersionId | None, *, workspace_id: WorkspaceId) -> None:
        """Of a recorded workspace; an unknown one is no error."""
