"""Makes the edges of a walk from the mentions that a graph store holds."""

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.domain.graph import Entity, Mention
from app.domain.ids import ChunkId, VersionId, WorkspaceId
from app.pipeline.adjacency import Codes, Part, Places, Rows, codes_of, find_sorted
from backends.graph.base import GraphStore

UNNAMED = frozenset({"Concept", "Date", "Amount"})
"""Types of things that no recogniser took for a name."""
_TOPIC_WEIGHT = 3
_UNNAMED_WEIGHT = 0.2
_VERSIONS_TOGETHER = 500


@dataclass(frozen=True, slots=True)
class Edges:
    """The edges of whole versions, each once. Chunks and versions are given by their place in the lists."""

    versions: tuple[VersionId, ...]
    chunk_ids: NDArray[np.bytes_]
    chunk_versions: NDArray[np.int32]
    chunks: Places
    names: Codes
    weights: NDArray[np.float32]


def read_edges(graph: GraphStore, *, workspace_id: WorkspaceId, versions: Collection[VersionId], key: bytes) -> Edges:
    """Edges weigh 1 + ln(times named), three times that where the entity is the chunk's topic; entities of one name
    and different types are one name."""
    ordered = sorted(versions)
    chunk_ids: dict[ChunkId, int] = {}
    chunk_versions: list[int] = []
    places = {version: place for place, version in enumerate(ordered)}
    edges: dict[tuple[int, str], float] = {}
    for start in range(0, len(ordered), _VERSIONS_TOGETHER):
        scope: dict[str, Any] = {
            "workspace_id": workspace_id,
            "permitted": frozenset(ordered[start : start + _VERSIONS_TOGETHER]),
        }
        entities = {entity.id: entity for entity in graph.find_entities(**scope)}
        mentions = [one for one in graph.find_mentions(**scope) if one.entity_id in entities]
        for mention, entity, weight in _weigh([(one, entities[one.entity_id]) for one in mentions]):
            chunk = chunk_ids.setdefault(mention.chunk_id, len(chunk_ids))
            if chunk == len(chunk_versions):
                chunk_versions.append(places[mention.version_id])
            edge = (chunk, entity.key)
            edges[edge] = max(edges.get(edge, 0.0), weight)
    return Edges(
        versions=tuple(ordered),
        chunk_ids=np.array([chunk_id.encode() for chunk_id in chunk_ids], dtype=np.bytes_),
        chunk_versions=np.array(chunk_versions, dtype=np.int32),
        chunks=np.fromiter((chunk for chunk, _ in edges), np.int64, len(edges)),
        names=codes_of((name for _, name in edges), key=key),
        weights=np.fromiter(edges.values(), np.float32, len(edges)),
    )


def _weigh(mentions: Sequence[tuple[Mention, Entity]]) -> Iterator[tuple[Mention, Entity, float]]:
    """What has no name hardly draws the walk away where a chunk has a topic and names, and carries it where a question
    or a chunk knows nothing else."""
    with_topic = {mention.chunk_id for mention, _ in mentions if mention.topic}
    for mention, entity in mentions:
        weight = 1 + math.log(max(1, mention.count))
        if mention.topic:
            weight *= _TOPIC_WEIGHT
        elif entity.type in UNNAMED and mention.chunk_id in with_topic:
            weight *= _UNNAMED_WEIGHT
        yield mention, entity, weight


def assemble(edges: Edges, *, after: Part | None = None) -> Part:
    """The part with these edges; with `after` the second one, numbered on from that."""
    first_chunk = len(after.chunk_ids) if after else 0
    first_name = len(after.name_codes) if after else 0
    order = np.argsort(edges.chunk_ids)
    number_of = np.empty_like(order)
    number_of[order] = np.arange(len(order))
    chunks = number_of[edges.chunks]
    name_codes, names = _number_names(edges.names, after)
    return Part(
        versions=edges.versions,
        chunk_ids=edges.chunk_ids[order],
        chunk_versions=edges.chunk_versions[order],
        name_codes=name_codes,
        by_chunk=_rows(chunks, names, edges.weights, count=len(order)),
        by_name=_rows(names, chunks + first_chunk, edges.weights, count=first_name + len(name_codes)),
        first_chunk=first_chunk,
        first_name=first_name,
    )


def edges_of(part: Part, *, but: Collection[VersionId] = (), names: Codes | None = None) -> Edges:
    """What `assemble` made the part of, without what is `but`'s; `names` are the codes that it numbers, unless its
    own."""
    codes = part.name_codes if names is None else names
    left = np.array([version not in but for version in part.versions], dtype=bool)
    chunk_left = left[part.chunk_versions]
    version_number, chunk_number = np.cumsum(left) - 1, np.cumsum(chunk_left) - 1
    sizes = np.diff(part.by_chunk.starts)
    chunks = np.repeat(np.arange(len(sizes)), sizes)
    edge_left = chunk_left[chunks]
    return Edges(
        versions=tuple(version for version, stays in zip(part.versions, left, strict=True) if stays),
        chunk_ids=part.chunk_ids[chunk_left],
        chunk_versions=version_number[part.chunk_versions[chunk_left]].astype(np.int32),
        chunks=chunk_number[chunks[edge_left]],
        names=codes[part.by_chunk.columns[edge_left]],
        weights=part.by_chunk.weights[edge_left],
    )


def join(one: Edges, other: Edges) -> Edges:
    """Both; they have no version in common."""
    return Edges(
        versions=(*one.versions, *other.versions),
        chunk_ids=np.concatenate([one.chunk_ids, other.chunk_ids]),
        chunk_versions=np.concatenate([one.chunk_versions, other.chunk_versions + np.int32(len(one.versions))]),
        chunks=np.concatenate([one.chunks, other.chunks + len(one.chunk_ids)]),
        names=np.concatenate([one.names, other.names]),
        weights=np.concatenate([one.weights, other.weights]),
    )


def _number_names(codes: Codes, after: Part | None) -> tuple[Codes, Places]:
    """The codes that are new, in order, and the number of each name."""
    unique, places = np.unique(codes, return_inverse=True)
    if after is None:
        return unique, places
    known, there = find_sorted(unique, after.name_codes)
    numbers = np.where(there, known, 0)
    numbers[~there] = len(after.name_codes) + np.arange(int((~there).sum()))
    return unique[~there], numbers[places]


def _rows(rows: Places, columns: Places, weights: NDArray[np.float32], *, count: int) -> Rows:
    order = np.lexsort((columns, rows))
    starts = np.zeros(count + 1, dtype=np.int64)
    np.cumsum(np.bincount(rows, minlength=count), out=starts[1:])
    return Rows(starts, columns[order].astype(np.int32), weights[order])
