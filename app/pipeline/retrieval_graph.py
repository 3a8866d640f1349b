"""The graph that retrieval walks: permitted entities and chunks joined by mentions."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.domain.graph import Entity, Mention
from app.domain.ids import ChunkId, VersionId, WorkspaceId
from app.pipeline.linking import EntityIndex
from app.pipeline.pagerank import make_transition
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


@dataclass(slots=True)
class _Place:
    lock: Lock = field(default_factory=Lock)
    graph: RetrievalGraph | None = None
    built_at: float = 0.0


class RetrievalGraphs:
    """The last few graphs, one for each workspace and permitted set; threads that want the same one build it once.

    A version never changes once it is visible, except that its facts may be extracted again: so a graph lives five
    minutes at most, and `forget` drops a workspace's at once.
    """

    def __init__(self, graph: GraphStore, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._graph = graph
        self._clock = clock
        self._lock = Lock()
        self._places: OrderedDict[tuple[WorkspaceId, frozenset[VersionId]], _Place] = OrderedDict()

    def get(self, *, workspace_id: WorkspaceId, permitted: frozenset[VersionId]) -> RetrievalGraph:
        with self._lock:
            place = self._places.setdefault((workspace_id, permitted), _Place())
            self._places.move_to_end((workspace_id, permitted))
            while len(self._places) > _KEPT:
                self._places.popitem(last=False)
        with place.lock:
            now = self._clock()
            if place.graph is None or now - place.built_at > _MAX_AGE_SECONDS:
                place.graph = build_retrieval_graph(self._graph, workspace_id=workspace_id, permitted=permitted)
                place.built_at = now
            return place.graph

    def forget(self, workspace_id: WorkspaceId) -> None:
        with self._lock:
            for key in [key for key in self._places if key[0] == workspace_id]:
                del self._places[key]
