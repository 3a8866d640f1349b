"""The contract of a vector store: ids and vectors, never text."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.domain.ids import ChunkId, VersionId, WorkspaceId

Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Match:
    """`similarity` is the cosine, in [-1, 1]."""

    chunk_id: ChunkId
    similarity: float


class VectorStore(ABC):
    """Vectors of one embedding space (model name and dimension, given at construction; never mixed)."""

    @abstractmethod
    def upsert(
        self, chunk_ids: Sequence[ChunkId], vectors: Vectors, *, workspace_id: WorkspaceId, version_id: VersionId
    ) -> None:
        """Store one unit-length row of `vectors` (n x dimension) per id; an id already there is replaced.

        Raises InvalidInputError when counts or the dimension do not fit.
        """

    @abstractmethod
    def search(
        self, vector: Vectors, *, workspace_id: WorkspaceId, permitted: frozenset[VersionId], limit: int
    ) -> list[Match]:
        """The `limit` nearest chunks of permitted versions, best first, ties by id; empty when none is there.

        Settings whose `exact` is False may miss one of the nearest now and then; none that is not permitted is shown.
        """

    @abstractmethod
    def get(
        self, chunk_ids: Sequence[ChunkId], *, workspace_id: WorkspaceId, permitted: frozenset[VersionId]
    ) -> tuple[list[ChunkId], Vectors]:
        """The permitted ones among them, in the order asked, and one row for each as it was stored, to the last digits
        of a float; others are left out in silence."""

    @abstractmethod
    def delete_versions(self, version_ids: Sequence[VersionId], *, workspace_id: WorkspaceId) -> None:
        """Remove every vector of these versions for good, whatever its space; unknown versions are no error."""

    @abstractmethod
    def delete_workspace(self, workspace_id: WorkspaceId) -> None:
        """Remove everything of a workspace; an unknown one is no error."""

    @abstractmethod
    def delete_other_spaces(self, *, workspace_id: WorkspaceId) -> None:
        """Remove the workspace's vectors of every other embedding space; where there are none nothing happens."""

    @abstractmethod
    def count(self, *, workspace_id: WorkspaceId, permitted: frozenset[VersionId]) -> int:
        """How many vectors the permitted versions have."""

    @abstractmethod
    def close(self) -> None:
        """Free what this object holds; a second call does nothing."""
