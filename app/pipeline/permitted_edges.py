"""The part of an adjacency that somebody may see: nothing that a walk computes depends on the rest."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.domain.ids import VersionId
from app.pipeline.adjacency import Adjacency, Places


@dataclass(frozen=True, slots=True)
class PermittedEdges:
    adjacency: Adjacency
    chunks: NDArray[np.bool_]
    """For each chunk whether it is of a permitted version."""
    degrees: Places
    """For each name in how many permitted chunks it stands."""

    @property
    def count(self) -> int:
        return int(self.degrees.sum())


def permit(adjacency: Adjacency, permitted: frozenset[VersionId]) -> PermittedEdges:
    """Goes over all edges once."""
    chunks = adjacency.permit(permitted)
    degrees = np.zeros(adjacency.names, dtype=np.int64)
    for part in adjacency.parts:
        inside = chunks[part.first_chunk : part.first_chunk + len(part.chunk_ids)]
        allowed = np.repeat(inside, np.diff(part.by_chunk.starts))
        names = part.by_chunk.columns if allowed.all() else part.by_chunk.columns[allowed]
        degrees += np.bincount(names, minlength=adjacency.names)
    return PermittedEdges(adjacency, chunks, degrees)
