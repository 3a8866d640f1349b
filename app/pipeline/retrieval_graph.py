"""The graph that retrieval walks: the permitted chunks of a workspace joined by the names in them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from app.domain.graph import Entity
from app.domain.ids import ChunkId
from app.pipeline.pagerank import walk
from app.pipeline.permitted_edges import PermittedEdges


@dataclass(frozen=True, slots=True)
class RetrievalGraph:
    """Entities of one name and different types are one name."""

    edges: PermittedEdges
    key: bytes
    """That names are coded with."""

    def number_of(self, entity: Entity) -> int:
        """The number of its name; -1 when no chunk holds it."""
        return int(self.edges.adjacency.find_names([entity.key], key=self.key)[0])

    def count_chunks(self, name: int) -> int:
        """How many permitted chunks hold the name."""
        return int(self.edges.degrees[name]) if name >= 0 else 0

    def number_chunks(self, ids: Sequence[ChunkId]) -> dict[ChunkId, int]:
        """The chunks that can be walked to, by number."""
        found = self.edges.adjacency.find_chunks(ids)
        return {id_: int(number) for id_, number in zip(ids, found, strict=True) if number >= 0}

    def rank(
        self, *, names: Mapping[int, float], chunks: Mapping[int, float], limit: int
    ) -> list[tuple[ChunkId, float]]:
        """The chunks where most of a walk from these seeds ends, most first, ties by id."""
        mass = walk(self.edges, names=names, chunks=chunks)
        best = np.argpartition(-mass, min(limit, len(mass)) - 1)[:limit] if len(mass) else np.zeros(0, dtype=np.int64)
        least = mass[best].min(initial=0.0)
        reached = np.flatnonzero((mass >= least) & (mass > 0))
        chunk_id = self.edges.adjacency.chunk_id
        ranked = sorted(((chunk_id(int(place)), float(mass[place])) for place in reached), key=_by_mass)
        return ranked[:limit]


def _by_mass(found: tuple[ChunkId, float]) -> tuple[float, ChunkId]:
    return (-found[1], found[0])
