"""Which chunks name what: the edges that a walk over a workspace goes along, as arrays that may lie in files."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.domain.ids import ChunkId, VersionId

Codes = NDArray[np.uint64]
Places = NDArray[np.int64]
Weights = NDArray[np.float64]


def codes_of(names: Iterable[str], *, key: bytes) -> Codes:
    """64 bits for each name (BLAKE2b, RFC 7693) that depend on a key: without it nobody who reads the files can test a
    guessed one. Two names of one code would be one to the walk: of 10 million workspaces with a million names, less
    than one has such a pair."""
    digests = (hashlib.blake2b(name.encode(), key=key[:64], digest_size=8).digest() for name in names)
    return np.frombuffer(b"".join(digests), dtype="<u8")


@dataclass(frozen=True, slots=True)
class Rows:
    """A sparse matrix by rows: row r holds `columns[starts[r]:starts[r + 1]]` with their `weights`."""

    starts: NDArray[np.int64]
    columns: NDArray[np.int32]
    weights: NDArray[np.float32]

    def count(self, rows: Places) -> Places:
        """How many entries each of these rows has."""
        return self.starts[rows + 1] - self.starts[rows]

    def gather(self, rows: Places) -> tuple[Places, Places, Weights]:
        """Every entry of these rows: the place in `rows` of its row, its column, its weight."""
        starts = self.starts[rows]
        counts = self.starts[rows + 1] - starts
        owners = np.repeat(np.arange(len(rows)), counts)
        places = np.arange(len(owners)) + (starts - (np.cumsum(counts) - counts))[owners]
        return owners, self.columns[places].astype(np.int64), self.weights[places].astype(np.float64)


@dataclass(frozen=True, slots=True)
class Part:
    """The edges of some versions, the first part of an adjacency or numbered after the first: its chunks are the
    numbers from `first_chunk`, in the order of their ids, the names that only it has those from `first_name`, in the
    order of their codes."""

    versions: tuple[VersionId, ...]
    chunk_ids: NDArray[np.bytes_]
    chunk_versions: NDArray[np.int32]
    """For each chunk the place of its version in `versions`."""
    name_codes: Codes
    by_chunk: Rows
    """Row r: the names of the chunk `first_chunk` + r."""
    by_name: Rows
    """Row r: the chunks of the name r, whether the first part has that name too or not."""
    first_chunk: int = 0
    first_name: int = 0

    @property
    def edges(self) -> int:
        return len(self.by_chunk.columns)

    def holds(self, chunks: Places) -> NDArray[np.bool_]:
        """Which of these chunks are of this part."""
        return (chunks >= self.first_chunk) & (chunks < self.first_chunk + len(self.chunk_ids))


@dataclass(frozen=True, eq=False)
class Adjacency:
    """One part, mostly memory-mapped, and perhaps a second with the little that came since."""

    parts: tuple[Part, ...]
    generation: str = ""
    """Of the files that the first part is from; empty when it is from none."""

    @cached_property
    def versions(self) -> frozenset[VersionId]:
        return frozenset(version for part in self.parts for version in part.versions)

    @property
    def chunks(self) -> int:
        return self.parts[-1].first_chunk + len(self.parts[-1].chunk_ids)

    @property
    def names(self) -> int:
        return self.parts[-1].first_name + len(self.parts[-1].name_codes)

    def permit(self, permitted: frozenset[VersionId]) -> NDArray[np.bool_]:
        """For each chunk whether it is of a permitted version."""
        masks = []
        for part in self.parts:
            versions = np.fromiter((version in permitted for version in part.versions), bool, len(part.versions))
            masks.append(versions[part.chunk_versions] if len(versions) else np.zeros(0, dtype=bool))
        return np.concatenate(masks)

    def find_chunks(self, ids: Sequence[ChunkId]) -> Places:
        """Their numbers; -1 for one that names nothing."""
        wanted = np.array([id_.encode() for id_ in ids], dtype=np.bytes_)
        return _find(wanted, [(part.chunk_ids, part.first_chunk) for part in self.parts])

    def find_names(self, keys: Sequence[str], *, key: bytes) -> Places:
        """Their numbers; -1 for one that no chunk names."""
        return _find(codes_of(keys, key=key), [(part.name_codes, part.first_name) for part in self.parts])

    def chunk_id(self, chunk: int) -> ChunkId:
        part = next(part for part in reversed(self.parts) if chunk >= part.first_chunk)
        return ChunkId(part.chunk_ids[chunk - part.first_chunk].decode())

    def count_names(self, chunks: Places) -> Places:
        """How many names each of these chunks has."""
        counts = np.zeros(len(chunks), dtype=np.int64)
        for part in self.parts:
            inside = np.flatnonzero(part.holds(chunks))
            counts[inside] = part.by_chunk.count(chunks[inside] - part.first_chunk)
        return counts

    def names_of(self, chunks: Places) -> tuple[Places, Places, Weights]:
        """The edges of these chunks: the place of the chunk in `chunks`, the name, the weight."""
        found = []
        for part in self.parts:
            places = np.flatnonzero(part.holds(chunks))
            owners, names, weights = part.by_chunk.gather(chunks[places] - part.first_chunk)
            found.append((places[owners], names, weights))
        return _joined(found)

    def chunks_of(self, names: Places) -> tuple[Places, Places, Weights]:
        """The edges of these names: the place of the name in `names`, the chunk, the weight."""
        found = []
        for part in self.parts:
            places = np.flatnonzero(names < len(part.by_name.starts) - 1)
            owners, chunks, weights = part.by_name.gather(names[places])
            found.append((places[owners], chunks, weights))
        return _joined(found)


def find_sorted(wanted: Any, among: Any) -> tuple[Places, NDArray[np.bool_]]:
    """For each that is wanted its place among the sorted ones, and whether it is there; codes or ids."""
    places = np.searchsorted(among, wanted)
    inside = places < len(among)
    there = np.zeros(len(wanted), dtype=bool)
    there[inside] = among[places[inside]] == wanted[inside]
    return places, there


def _find(wanted: Any, parts: Sequence[tuple[Any, int]]) -> Places:
    found = np.full(len(wanted), -1, dtype=np.int64)
    for among, first in parts:
        places, there = find_sorted(wanted, among)
        found[there] = places[there] + first
    return found


def _joined(found: Sequence[tuple[Places, Places, Weights]]) -> tuple[Places, Places, Weights]:
    if len(found) == 1:
        return found[0]
    owners, others, weights = zip(*found, strict=True)
    return np.concatenate(owners), np.concatenate(others), np.concatenate(weights)
