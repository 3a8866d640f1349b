"""The graph that retrieval walks: permitted entities and chunks joined by mentions."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.domain.graph import Entity, Mention
from app.domain.ids import ChunkId, VersionId, WorkspaceId
from app.pipeline.linking import EntityIndex
from app.pipeline.pagerank import make_transition
from app.pipeline.recent import Recent
from backends.graph.base import GraphStore

_TOPIC_WEIGHT = 3
_UNNAMED_WEIGHT = 0.2
UNNAMED = frozenset({"Concept", "Date", "Amount"})
"""Types of things that no recogniser took for a name."""
_KEPT = 4
_MAX_AGE_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class RetrievalGraph:
    """Nodes are names, then the chunks in their order; entities of one name and different types share a node."""

    index: EntityIndex
    nodes: tuple[int, ...]
    """The node of each entity of the index."""
    names: int
    """How many of the nodes are names."""
    chunk_ids: tuple[ChunkId, ...]
    chunk_nodes: dict[ChunkId, int]
    chunks_naming: NDArray[np.int64]
    """For each name, in how many permitted chunks it stands; 0 for a name that is not walked over."""
    transition: Any


def build_retrieval_graph(
    graph: GraphStore, *, workspace_id: WorkspaceId, permitted: frozenset[VersionId]
) -> RetrievalGraph:
    """Edges weigh 1 + ln(times named), three times that where the entity is the chunk's topic."""
    index = EntityIndex(graph.find_entities(workspace_id=workspace_id, permitted=permitted))
    by_key: dict[str, int] = {}
    nodes = tuple(by_key.setdefault(entity.key, len(by_key)) for entity in index.entities)
    positions = {entity.id: position for position, entity in enumerate(index.entities)}
    mentions = [
        (positions[mention.entity_id], mention)
        for mention in graph.find_mentions(workspace_id=workspace_id, permitted=permitted)
        if mention.entity_id in positions
    ]
    chunk_nodes: dict[ChunkId, int] = {}
    for _, mention in mentions:
        chunk_nodes.setdefault(mention.chunk_id, len(by_key) + len(chunk_nodes))
    edges: dict[tuple[int, int], float] = {}
    for (position, mention), weight in zip(mentions, _weights(mentions, index.entities), strict=True):
        edge = (nodes[position], chunk_nodes[mention.chunk_id])
        edges[edge] = max(edges.get(edge, 0.0), weight)
    rows, columns = [edge[0] for edge in edges], [edge[1] for edge in edges]
    return RetrievalGraph(
        index=index,
        nodes=nodes,
        names=len(by_key),
        chunk_ids=tuple(chunk_nodes),
        chunk_nodes=chunk_nodes,
        chunks_naming=np.bincount(np.asarray(rows, dtype=np.int64), minlength=len(by_key)),
        transition=make_transition(rows, columns, list(edges.values()), nodes=len(by_key) + len(chunk_nodes)),
    )


def _weights(mentions: Sequence[tuple[int, Mention]], entities: Sequence[Entity]) -> Iterator[float]:
    """Of the edge of each mention. What has no name hardly draws the walk away where a chunk has a topic and names,
    and carries it where a question or a chunk knows nothing else."""
    with_topic = {mention.chunk_id for _, mention in mentions if mention.topic}
    for position, mention in mentions:
        weight = 1 + math.log(max(1, mention.count))
        if mention.topic:
            weight *= _TOPIC_WEIGHT
        elif entities[position].type in UNNAMED and mention.chunk_id in with_topic:
            weight *= _UNNAMED_WEIGHT
        yield weight


class RetrievalGraphs:
    """The last few graphs, one for each workspace and permitted set."""

    def __init__(self, graph: GraphStore, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._graph = graph
        self._recent: Recent[tuple[WorkspaceId, frozenset[VersionId]], RetrievalGraph]
        self._recent = Recent(most=_KEPT, seconds=_MAX_AGE_SECONDS, clock=clock)

    def get(self, *, workspace_id: WorkspaceId, permitted: frozenset[VersionId]) -> RetrievalGraph:
        return self._recent.get(
            (workspace_id, permitted),
            lambda: build_retrieval_graph(self._graph, workspace_id=workspace_id, permitted=permitted),
        )

    def forget(self, workspace_id: WorkspaceId) -> None:
        self._recent.forget(lambda key: key[0] == workspace_id)
