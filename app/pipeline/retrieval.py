"""Finds the passages that may answer a question: by words and meaning, or by a walk over the graph."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from app.domain.answers import Mode, Passage
from app.domain.graph import Entity, RecognisedEntity
from app.domain.ids import ChunkId, VersionId, WorkspaceId
from app.errors import BackendUnavailableError, ConfigurationError
from app.pipeline.adjacencies import Adjacencies
from app.pipeline.adjacency import Adjacency
from app.pipeline.adjacency_building import UNNAMED
from app.pipeline.embedding_spaces import SearchSpace
from app.pipeline.fusion import fuse
from app.pipeline.lexical import rank_by_words
from app.pipeline.linking import Link, SimilarNames, link, possible_keys
from app.pipeline.parsing import SentenceParser
from app.pipeline.permitted_edges import PermittedEdges, permit
from app.pipeline.question_reading import ReadQuestion, read_question
from app.pipeline.recent import Recent
from app.pipeline.retrieval_graph import RetrievalGraph
from app.pipeline.words import content_stems
from backends.embeddings.base import Vectors
from backends.graph.base import GraphStore
from backends.metadata.base import MetadataStore
from backends.metadata.base_content import Postings
from backends.vectors.base import Match

_DEPTH = 100
_NEAR_SHARE = 0.1
_NEAR_SHARE_WITHOUT_NAMES = 0.9
"""Things without a name are in too many chunks to lead anywhere."""
_WORDS_SHARE = 0.3
"""Of the share of the passages near the question, what goes to those near in words; the rest to those in meaning."""
_MOST_SIMILAR_NAMES = 300_000
"""Among more entities only names that are equal are found: their letters would take gigabytes in every process."""
_KEPT = 4
_MAX_AGE_SECONDS = 300.0


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
    space: SearchSpace
    """Where `question_vector` may be compared."""
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
        graph: GraphStore,
        find_space: Callable[[WorkspaceId], SearchSpace],
        parser: SentenceParser,
        adjacencies: Adjacencies | None = None,
    ) -> None:
        """`find_space` gives what a workspace is searched in now. `adjacencies` of the same graph; without them
        everything walked over stays in this object's memory."""
        self._metadata = metadata
        self.find_space = find_space
        self._graph = graph
        self._parser = parser
        self._adjacencies = adjacencies or Adjacencies(graph, key=b"")
        self._similar: Recent[_Scope, SimilarNames] = Recent(most=_KEPT, seconds=_MAX_AGE_SECONDS)
        self._edges: Recent[tuple[_Scope, Adjacency], PermittedEdges] = Recent(most=_KEPT, seconds=_MAX_AGE_SECONDS)

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
            links = self._link(question, recognised, scope)
        with _timed(timings, "searching"):
            stems = tuple(content_stems(question))
            postings = self._metadata.chunks.find_postings(set(stems), workspace_id=workspace_id, permitted=permitted)
            space, vector, nearest = self._search_meaning(question, scope)
        with _timed(timings, "ranking"):
            if mode is Mode.RAG:
                ranked = _rank_by_words_and_meaning(stems, postings, nearest, limit=limit)
            else:
                by_words = rank_by_words(stems, postings, limit=_DEPTH)
                ranked = _rank_by_graph(self._walkable(scope), links, nearest, by_words, limit=limit)
            passages = self._read(ranked, scope)
        return Retrieved(
            passages=passages,
            seeds=_seeds(links),
            unknown_entities=_unknown(links, postings),
            question_entities=recognised,
            question_vector=vector,
            stems=stems,
            postings=postings,
            space=space,
            read=read_question(self._parser.parse([question])[0]),
            timings=timings,
        )

    def forget(self, workspace_id: WorkspaceId) -> None:
        """Drop what is kept in memory of a workspace: it was deleted, or its facts were extracted again."""
        self._adjacencies.forget(workspace_id)
        self._similar.forget(lambda scope: scope.workspace_id == workspace_id)
        self._edges.forget(lambda key: key[0].workspace_id == workspace_id)

    def _link(self, question: str, recognised: Sequence[RecognisedEntity], scope: _Scope) -> list[Link]:
        here: dict[str, Any] = {"workspace_id": scope.workspace_id, "permitted": scope.permitted}
        named = self._graph.find_entities(**here, keys=possible_keys(question))

        def read_names() -> SimilarNames:
            few = self._graph.count(**here).entities <= _MOST_SIMILAR_NAMES
            return SimilarNames(self._graph.find_entities(**here) if few else ())

        def find_nearest(key: str) -> tuple[Entity, float] | None:
            return self._similar.get(scope, read_names).find_nearest(key)

        return link(question, recognised=recognised, entities=named, find_nearest=find_nearest)

    def _walkable(self, scope: _Scope) -> RetrievalGraph:
        adjacency = self._adjacencies.get(workspace_id=scope.workspace_id, permitted=scope.permitted)
        edges = self._edges.get((scope, adjacency), lambda: permit(adjacency, scope.permitted))
        return RetrievalGraph(edges, self._adjacencies.key)

    def _search_meaning(self, question: str, scope: _Scope) -> tuple[SearchSpace, Vectors, list[Match]]:
        """Vectors of a space go once another one is searched: what was found counts if it is the same afterwards."""
        asked = self.find_space(scope.workspace_id)
        while True:
            space, vector = _embed(question, asked, scope.workspace_id)
            nearest = space.search(vector, workspace_id=scope.workspace_id, permitted=scope.permitted, limit=_DEPTH)
            now = self.find_space(scope.workspace_id)
            if now.key == asked.key:
                return space, vector, nearest
            asked = now

    def _read(self, ranked: Sequence["_Ranked"], scope: _Scope) -> tuple[Passage, ...]:
        by_id = {found.chunk_id: found for found in ranked}
        chunks = self._metadata.chunks.get(list(by_id), workspace_id=scope.workspace_id, permitted=scope.permitted)
        return tuple(
            Passage(chunk, rank, by_id[chunk.id].weight, by_id[chunk.id].found_by)
            for rank, chunk in enumerate(chunks, start=1)
        )


def _embed(question: str, space: SearchSpace, workspace_id: WorkspaceId) -> tuple[SearchSpace, Vectors]:
    try:
        return space, space.embed_question(question, workspace_id=workspace_id)
    except (BackendUnavailableError, ConfigurationError):
        if space.otherwise is None:
            raise
        return space.otherwise, space.otherwise.embed_question(question, workspace_id=workspace_id)


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
    graph: RetrievalGraph,
    links: Sequence[Link],
    nearest: Sequence[Match],
    by_words: Sequence[tuple[ChunkId, float]],
    *,
    limit: int,
) -> list[_Ranked]:
    named = _entity_seeds(graph, [found for found in links if _is_name(found)])
    seeds = named or _entity_seeds(graph, links)
    by_entities = 1 - (_NEAR_SHARE if named else _NEAR_SHARE_WITHOUT_NAMES) if seeds else 0.0
    total = sum(seeds.values())
    ranked = [
        _Ranked(chunk_id, mass, ("graph",))
        for chunk_id, mass in graph.rank(
            names={name: by_entities * weight / total for name, weight in seeds.items()},
            chunks={chunk: (1 - by_entities) * share for chunk, share in _near_seeds(graph, nearest, by_words).items()},
            limit=limit,
        )
    ]
    listed = {found.chunk_id for found in ranked}
    rest = [_Ranked(match.chunk_id, 0.0, ("meaning",)) for match in nearest if match.chunk_id not in listed]
    return [*ranked, *rest][:limit]


def _is_name(found: Link) -> bool:
    """Written as a name in the question, and known as one: "Bone Turnover" in a question set in capitals is none."""
    return found.named and any(entity.type not in UNNAMED or not entity.name.islower() for entity in found.entities)


def _entity_seeds(graph: RetrievalGraph, links: Sequence[Link]) -> dict[int, float]:
    """Rare names weigh more: likeness ÷ number of chunks that hold the name."""
    seeds: dict[int, float] = {}
    for found in links:
        for entity in found.entities:
            name = graph.number_of(entity)
            if chunks := graph.count_chunks(name):
                seeds[name] = max(seeds.get(name, 0.0), found.similarity / chunks)
    return seeds


def _near_seeds(
    graph: RetrievalGraph, nearest: Sequence[Match], by_words: Sequence[tuple[ChunkId, float]]
) -> dict[int, float]:
    """Shares that fall from the best passage of each list to none at its last."""
    seeds: dict[int, float] = {}
    scored = [(match.chunk_id, match.similarity) for match in nearest]
    for ranked, part in ((scored, 1 - _WORDS_SHARE), (list(by_words), _WORDS_SHARE)):
        numbers = graph.number_chunks([chunk_id for chunk_id, _ in ranked])
        known = [(numbers[chunk_id], score) for chunk_id, score in ranked if chunk_id in numbers]
        lowest = min((score for _, score in known), default=0.0)
        total = sum(score - lowest + 1e-6 for _, score in known)
        for chunk, score in known:
            seeds[chunk] = seeds.get(chunk, 0.0) + part * (score - lowest + 1e-6) / total
    return seeds


def _seeds(links: Sequence[Link]) -> tuple[Entity, ...]:
    return tuple({entity.id: entity for found in links for entity in found.entities}.values())


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
