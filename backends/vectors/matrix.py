"""Exact search over a matrix of unit vectors under a mask."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from app.domain.ids import ChunkId, VersionId
from app.errors import InvalidInputError
from backends.vectors.base import Match, Vectors


class VectorMatrix:
    """Rows that only grow; versions are kept as numbers so that a mask is one look-up."""

    def __init__(self, dimension: int) -> None:
        self._rows = np.zeros((0, dimension), dtype=np.float32)
        self._used = 0
        self._chunk_ids: list[ChunkId] = []
        self._version_numbers: dict[VersionId, int] = {}
        self._row_versions = np.zeros(0, dtype=np.int32)

    def append(self, chunk_ids: Sequence[ChunkId], version_ids: Sequence[VersionId], vectors: Vectors) -> None:
        needed = self._used + len(chunk_ids)
        if needed > len(self._rows):
            room = max(1024, needed + needed // 4)
            rows = np.zeros((room, self._rows.shape[1]), dtype=np.float32)
            rows[: self._used] = self._rows[: self._used]
            row_versions = np.zeros(room, dtype=np.int32)
            row_versions[: self._used] = self._row_versions[: self._used]
            self._rows, self._row_versions = rows, row_versions
        self._rows[self._used : needed] = vectors
        numbers = [self._version_numbers.setdefault(id_, len(self._version_numbers)) for id_ in version_ids]
        self._row_versions[self._used : needed] = numbers
        self._chunk_ids.extend(chunk_ids)
        self._used = needed

    def search(self, vector: Vectors, *, permitted: frozenset[VersionId], limit: int) -> list[Match]:
        """As `VectorStore.search`."""
        allowed = np.zeros(len(self._version_numbers) + 1, dtype=bool)
        allowed[[self._version_numbers[id_] for id_ in permitted if id_ in self._version_numbers]] = True
        places = np.flatnonzero(allowed[self._row_versions[: self._used]])
        if limit <= 0 or not len(places):
            return []
        whole = len(places) == self._used
        similarities = (self._rows[: self._used] if whole else self._rows[places]) @ vector
        best = self._best(similarities, places, limit)
        return [Match(self._chunk_ids[places[i]], float(np.clip(similarities[i], -1.0, 1.0))) for i in best]

    def _best(self, similarities: Vectors, places: NDArray[np.intp], limit: int) -> list[int]:
        if limit < len(similarities):
            bound = np.partition(similarities, len(similarities) - limit)[len(similarities) - limit]
            near = np.flatnonzero(similarities >= bound)
        else:
            near = np.arange(len(similarities))
        ordered = sorted(near.tolist(), key=lambda i: (-float(similarities[i]), self._chunk_ids[places[i]]))
        return ordered[:limit]


def check_shape(chunk_ids: Sequence[ChunkId], vectors: Vectors, *, dimension: int) -> None:
    """Raise InvalidInputError unless there is one row of the right width per id."""
    if vectors.shape != (len(chunk_ids), dimension):
        raise InvalidInputError(
            f"The embedder made vectors of shape {vectors.shape}, {(len(chunk_ids), dimension)} was expected:"
            " check the embeddings settings and index again."
        )


def in_order(
    chunk_ids: Sequence[ChunkId], found: Mapping[ChunkId, Vectors], *, dimension: int
) -> tuple[list[ChunkId], Vectors]:
    """As `VectorStore.get`, from the rows that were found."""
    ids = [id_ for id_ in chunk_ids if id_ in found]
    rows = np.array([found[id_] for id_ in ids], dtype=np.float32)
    return ids, rows.reshape(len(ids), dimension)
