"""Finds the passages that may answer a question: by words and meaning, or by a walk over the graph."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from app.domain.answers import Mode, Passage
from app.domain.graph import Entity, RecognisedEntity
from app.domain.ids import ChunkId, VersionId, WorkspaceId
from app.pipeline.fusion import fuse
from app.pipeline.lexical import rank_by_words
from app.pipeline.linking import Link, link
from app.pipeline.pagerank import spread
from app.pipeline.parsing import SentenceParser
from app.pipeline.question_reading import ReadQuestion, read_question
from app.pipeline.retrieval_graph import UNNAMED, RetrievalGraph, RetrievalGraphs
from app.pipeline.vector_cache import VectorCache
from app.pipeline.words import content_stems
from backends.embeddings.base import Embedder, Vectors
from backends.graph.base import GraphStore
from backends.metadata.base import MetadataStore
from backends.metadata.base_content import Postings
from backends.vectors.base import Match, VectorStore

_DEPTH = 100
_MEANING_SHARE = 0.1
_MEANING_SHARE_WITHOUT_NAMES = 0.9
"""Things without a name are in too many chunks to lead anywhere."""


@dataclass(frozen=True, slots=True)
class Retrieved:
    """What was found for a question, and what answering it needs to know about the question."""

    passages: tuple[Passage, ...]
    """Best first; without document names."""
    seeds: tuple[Entity, ...]
    """The entities the question names, in its order."""
    unknown_entities: tuple[str, ...]
    """Names in the question that no permitted chunk holds."""
    question_entities: tuple[RecognisedEntity, ...]
    question_vector: Vectors
    stems: tuple[str, ...]
    postings: Postings
    """Of the question's stems, over the permitted chunks."""
    read: ReadQuestion = field(default_factory=ReadQuestion)
    timings: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Scope:
    workspace_id: WorkspaceId
    permitted: frozenset[VersionId]


class Retriever:
    """Everything is computed from permitted versions only. Threads may share this object."""

    def __init__(
        self,
        *,
        metadata: MetadataStore,
        vectors: VectorStore,
        graph: GraphStore,
        embedder: Embedder,
        parser: SentenceParser,
        vector_cache: VectorCache | None = None,
    ) -> None:
        self._metadata = metadata
        self._vector_cache = vector_cache
        self._vectors = vectors
        self._embedder = embedder
        self._parser = parser
        self._graphs = RetrievalGraphs(graph)

    def retrieve(
        self,
        question: str,
        *,
        workspace_id: WorkspaceId,
        permitted: frozenset[VersionId],
        mode: Mode,
        limit: int = 10,
    ) -> Retrieved:
        """The `limit` best passages. RAG joins words and meaning; every other mode walks the graph from the question's
        entities, and without any from the passages nearest in meaning."""
        scope = _Scope(workspace_id, permitted)
        timings: dict[str, float] = {}
        with _timed(timings, "linking"):
            recognised = tuple(self._parser.find_entities(question))
            graph = self._graphs.get(workspace_id=workspace_id, permitted=permitted)
            links = link(question, recognised=recognised, index=graph.index)
        with _timed(timings, "searching"):
            stems = tuple(content_stems(question))
            postings = self._metadata.chunks.find_postings(set(stems), workspace_id=workspace_id, permitted=permitted)
            vector = self._embed(question, workspace_id)
            nearest = self._search_meaning(vector, scope)
        with _timed(timings, "ranking"):
            if mode is Mode.RAG:
                ranked = _rank_by_words_and_meaning(stems, postings, nearest, limit=limit)
            else:
                ranked = _rank_by_graph(graph, links, nearest, limit=limit)
            passages = self._read(ranked, scope)
        return Retrieved(
            passages=passages,
            seeds=_seeds(graph, links),
            unknown_entities=_unknown(links, postings),
            question_entities=recognised,
            question_vector=vector,
            stems=stems,
            postings=postings,
            read=read_question(self._parser.parse([question])[0]),
            timings=timings,
        )

    def forget(self, workspace_id: WorkspaceId) -> None:
        """Drop what is kept in memory of a workspace: it was deleted, or its facts were extracted again."""
        self._graphs.forget(workspace_id)

    def _embed(self, question: str, workspace_id: WorkspaceId) -> Vectors:
        if self._vector_cache is None:
            return self._embedder.embed_question(question)
        return self._vector_cache.embed_question(question, workspace_id=workspace_id)

    def _search_meaning(self, vector: Vectors, scope: _Scope) -> list[Match]:
        return self._vectors.search(vector, workspace_id=scope.workspace_id, permitted=scope.permitted, limit=_DEPTH)

    def _read(self, ranked: Sequence["_Ranked"], scope: _Scope) -> tuple[Passage, ...]:
        by_id = {found.chunk_id: found for found in ranked}
        chunks = self._metadata.chunks.get(list(by_id), workspace_id=scope.workspace_id, permitted=scope.permitted)
        return tuple(
            Passage(chunk, rank, by_id[chunk.id].weight, by_id[chunk.id].found_by)
            for rank, chunk in enumerate(chunks, start=1)
        )


@dataclass(frozen=True, slots=True)
class _Ranked:
    chunk_id: ChunkId
    weight: float
    found_by: tuple[str, ...]


def _rank_by_words_and_meaning(
    stems: Sequence[str], postings: Postings, nearest: Sequence[Match], *, limit: int
) -> list[_Ranked]:
    by_words = [chunk_id for chunk_id, _ in rank_by_words(stems, postings, limit=_DEPTH)]
    by_meaning = [match.chunk_id for match in nearest]
    lists = {"words": set(by_words), "meaning": set(by_meaning)}
    return [
        _Ranked(chunk_id, weight, tuple(name for name, ids in lists.items() if chunk_id in ids))
        for chunk_id, weight in fuse([by_words, by_meaning], limit=limit)
    ]


def _rank_by_graph(
    graph: RetrievalGraph, links: Sequence[Link], nearest: Sequence[Match], *, limit: int
) -> list[_Ranked]:
    named = _entity_seeds(graph, [found for found in links if _is_name(graph, found)])
    seeds = named or _entity_seeds(graph, links)
    by_entities = 1 - (_MEANING_SHARE if named else _MEANING_SHARE_WITHOUT_NAMES) if seeds else 0.0
    total = sum(seeds.values())
    shares = {node: by_entities * weight / total for node, weight in seeds.items()}
    for node, share in _meaning_seeds(graph, nearest).items():
        shares[node] = shares.get(node, 0.0) + (1 - by_entities) * share
    mass = spread(graph.transition, shares)[graph.names :]
    best = np.lexsort((np.arange(len(mass)), -mass))[:limit]
    ranked = [_Ranked(graph.chunk_ids[place], float(mass[place]), ("graph",)) for place in best if mass[place] > 0]
    listed = {found.chunk_id for found in ranked}
    rest = [_Ranked(match.chunk_id, 0.0, ("meaning",)) for match in nearest if match.chunk_id not in listed]
    return [*ranked, *rest][:limit]


def _is_name(graph: RetrievalGraph, found: Link) -> bool:
    """Written as a name in the question, and known as one: "Bone Turnover" in a question set in capitals is none."""
    entities = [graph.index.entities[position] for position in found.entities]
    return found.named and any(entity.type not in UNNAMED or not entity.name.islower() for entity in entities)


def _entity_seeds(graph: RetrievalGraph, links: Sequence[Link]) -> dict[int, float]:
    """Rare names weigh more: likeness ÷ number of chunks that hold the name."""
    seeds: dict[int, float] = {}
    for found in links:
        for entity in found.entities:
            node = graph.nodes[entity]
            if chunks := int(graph.chunks_naming[node]):
                seeds[node] = max(seeds.get(node, 0.0), found.similarity / chunks)
    return seeds


def _meaning_seeds(graph: RetrievalGraph, nearest: Sequence[Match]) -> dict[int, float]:
    """Shares that fall from the most similar passage to none at the last of the list."""
    known = [match for match in nearest if match.chunk_id in graph.chunk_nodes]
    if not known:
        return {}
    lowest = known[-1].similarity
    weights = {graph.chunk_nodes[match.chunk_id]: match.similarity - lowest + 1e-6 for match in known}
    total = sum(weights.values())
    return {node: weight / total for node, weight in weights.items()}


def _seeds(graph: RetrievalGraph, links: Sequence[Link]) -> tuple[Entity, ...]:
    positions = dict.fromkeys(entity for found in links for entity in found.entities)
    return tuple(graph.index.entities[position] for position in positions)


def _unknown(links: Sequence[Link], postings: Postings) -> tuple[str, ...]:
    unknown = []
    for found in links:
        if found.entities and found.similarity == 1.0:
            continue
        holding = [set(postings.frequencies.get(stem, ())) for stem in content_stems(found.text)]
        if holding and not set.intersection(*holding):
            unknown.append(found.text)
    return tuple(dict.fromkeys(unknown))


@contextmanager
def _timed(timings: dict[str, float], stage: str) -> Iterator[None]:
    started = time.perf_counter()
    try:
        yield
    finally:
        timings[stage] = timings.get(stage, 0.0) + time.perf_counter() - started
