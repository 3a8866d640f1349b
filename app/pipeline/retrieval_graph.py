"""The graph that retrieval walks: the permitted chunks of a workspace joined by the names in them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.domain.graph import Entity
from app.domain.ids import ChunkId
from app.pipeline.adjacency import Adjacency
from app.pipeline.pagerank import walk


@dataclass(frozen=True, slots=True)
class RetrievalGraph:
    """Entities of one name and different types are one name."""

    adjacency: Adjacency
    permitted: NDArray[np.bool_]
    """For each chunk of the adjacency."""
    key: bytes
    """That names are coded with."""

    def count_chunks(self, entities: Sequence[Entity]) -> dict[int, int]:
        """The names of these entities by number, each with how many permitted chunks hold it; at least one."""
        names = np.unique(self.adjacency.find_names([entity.key for entity in entities], key=self.key))
        names = names[names >= 0]
        owners, chunks, _ = self.adjacency.chunks_of(names)
        counts = np.bincount(owners[self.permitted[chunks]], minlength=len(names))
        return {int(name): int(count) for name, count in zip(names, counts, strict=True) if count}

    def number_of(self, entity: Entity) -> int:
        """The number of its name; -1 when no chunk holds it."""
        return int(self.adjacency.find_names([entity.key], key=self.key)[0])

    def number_chunks(self, ids: Sequence[ChunkId]) -> dict[ChunkId, int]:
        """The chunks that can be walked to, by number."""
        found = self.adjacency.find_chunks(ids)
        return {id_: int(number) for id_, number in zip(ids, found, strict=True) if number >= 0}

    def rank(
        self, *, names: Mapping[int, float], chunks: Mapping[int, float], limit: int
    ) -> list[tuple[ChunkId, float]]:
        """The chunks where most of a walk from these seeds ends, most first, ties by id."""
        mass = walk(self.adjacency, permitted=self.permitted, names=names, chunks=chunks)
        best = np.argpartition(-mass, min(limit, len(mass)) - 1)[:limit] if len(mass) else np.zeros(0, dtype=np.int64)
        least = mass[best].min(initial=0.0)
        reached = np.flatnonzero((mass >= least) & (mass > 0))
        ranked = sorted(((self.adjacency.chunk_id(int(place)), float(mass[place])) for place in reached), key=_by_mass)
        return ranked[:limit]


def _by_mass(found: tuple[ChunkId, float]) -> tuple[float, ChunkId]:
    return (-found[1], found[0])
