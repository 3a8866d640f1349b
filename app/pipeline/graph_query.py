"""Answers from the graph alone: entities linked, relations matched, two hops at most; no model writes a query."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from app.domain.graph import Entity, Subgraph, Triple
from app.domain.ids import EntityId, TripleId, VersionId, WorkspaceId
from app.pipeline.lexical import inverse_frequency
from app.pipeline.retrieval import Retrieved
from app.pipeline.words import content_stems
from backends.embeddings.base import Embedder
from backends.graph.base import GraphStore

MOST_FACTS = 6
_NEAR_ENOUGH = 0.62
"""Cosine of question and fact from which a fact counts as asked for although no word of its relation is in it."""
_COVERED_ENOUGH = 0.34
_MOST_TRIPLES = 400
_COMPARED = 40
_MOST_SEEDS = 8


@dataclass(frozen=True, slots=True)
class Fact:
    """A triple with its ends; `hop` counts from 1 at the question's entities."""

    triple: Triple
    subject: Entity
    object: Entity
    hop: int

    @property
    def text(self) -> str:
        return f"{self.subject.name} {self.triple.relation} {self.object.name}"


@dataclass(frozen=True, slots=True)
class GraphFinding:
    """`facts` answer the question, in the order of their paths; `nearest` are about its entities but do not."""

    facts: tuple[Fact, ...]
    nearest: tuple[Fact, ...]
    coverage: float = 0.0


@dataclass(frozen=True, slots=True)
class _Path:
    facts: tuple[Fact, ...]
    coverage: float
    similarity: float


class GraphQuery:
    """One question against the permitted part of one graph."""

    def __init__(self, graph: GraphStore, *, embedder: Embedder) -> None:
        self._graph = graph
        self._embedder = embedder

    def find(self, retrieved: Retrieved, *, workspace_id: WorkspaceId, permitted: frozenset[VersionId]) -> GraphFinding:
        """Facts for the question that `retrieved` was found for; without linked entities there are none."""
        seeds = [entity for entity in retrieved.seeds if entity.type not in {"Date", "Amount"}][:_MOST_SEEDS]
        if not seeds:
            return GraphFinding((), ())
        near = self._around([seed.id for seed in seeds], workspace_id, permitted)
        asked = _Asked(retrieved, seeds)
        groups = _groups(seeds)
        first = _facts(near, hop=1)
        paths = [_Path((fact,), asked.coverage([fact]), 0.0) for fact in first]
        neighbours = {end for fact in first for end in (fact.subject.id, fact.object.id)} - {seed.id for seed in seeds}
        if neighbours:
            far = self._around(sorted(neighbours), workspace_id, permitted)
            paths += _two_hops(first, far, asked, {seed.id for seed in seeds})
        if len(groups) > 1 and (joining := _joining(paths, groups)):
            return GraphFinding(joining[:MOST_FACTS], (), 1.0)
        return self._choose(paths, first, retrieved)

    def _around(
        self, entity_ids: Sequence[EntityId], workspace_id: WorkspaceId, permitted: frozenset[VersionId]
    ) -> Subgraph:
        return self._graph.find_triples(
            workspace_id=workspace_id, permitted=permitted, entity_ids=entity_ids, limit=_MOST_TRIPLES
        )

    def _choose(self, paths: Sequence[_Path], first: Sequence[Fact], retrieved: Retrieved) -> GraphFinding:
        """The best covered paths, ties by likeness to the question; a single hop goes before two that say no more."""
        ranked = sorted(paths, key=lambda path: (-path.coverage, len(path.facts)))[:_COMPARED]
        texts = ["; ".join(fact.text for fact in path.facts) for path in ranked]
        similarities = self._embedder.embed_passages(texts) @ retrieved.question_vector if texts else np.zeros(0)
        compared = [
            _Path(path.facts, path.coverage, float(similarity))
            for path, similarity in zip(ranked, similarities, strict=True)
        ]
        compared.sort(key=lambda path: (-round(path.coverage, 2), len(path.facts), -path.similarity))
        nearest = tuple(dict.fromkeys(fact for path in compared for fact in path.facts if fact.hop == 1))[:3]
        best = [path for path in compared if _is_asked(path)]
        if not best:
            return GraphFinding((), nearest or tuple(first[:3]))
        kept = [
            path for path in best if path.coverage >= best[0].coverage - 0.05 and len(path.facts) == len(best[0].facts)
        ]
        facts = tuple(dict.fromkeys(fact for path in kept for fact in path.facts))[:MOST_FACTS]
        return GraphFinding(facts, nearest, best[0].coverage)


class _Asked:
    """What the question asks beside its entities, and how much of that facts say."""

    def __init__(self, retrieved: Retrieved, seeds: Sequence[Entity]) -> None:
        named = {stem for seed in seeds for name in (seed.name, *seed.aliases) for stem in content_stems(name)}
        self._rarity = {stem: inverse_frequency(stem, retrieved.postings) for stem in set(retrieved.stems) - named}
        self._total = sum(self._rarity.values())

    def coverage(self, facts: Sequence[Fact]) -> float:
        """Share of what is asked, by idf, found in relations and in the names and types between."""
        if not self._total:
            return 0.0
        said = {stem for fact in facts for stem in content_stems(f"{fact.triple.relation} {fact.text}")}
        said |= {stem for fact in facts for end in (fact.subject, fact.object) for stem in content_stems(end.type)}
        return sum(rarity for stem, rarity in self._rarity.items() if stem in said) / self._total


def _is_asked(path: _Path) -> bool:
    if path.coverage >= _COVERED_ENOUGH:
        return True
    return len(path.facts) == 1 and path.similarity >= _NEAR_ENOUGH and path.coverage > 0


def _two_hops(first: Sequence[Fact], far: Subgraph, asked: _Asked, seeds: set[EntityId]) -> Iterable[_Path]:
    """Chains seed – middle – end whose second fact adds something that is asked."""
    by_end: dict[EntityId, list[Fact]] = {}
    for fact in _facts(far, hop=2):
        for end in (fact.subject.id, fact.object.id):
            by_end.setdefault(end, []).append(fact)
    known = {fact.triple.id for fact in first}
    for fact in first:
        middle = fact.object.id if fact.subject.id in seeds else fact.subject.id
        if middle in seeds:
            continue
        alone = asked.coverage([fact])
        for second in by_end.get(middle, ()):
            if second.triple.id in known:
                continue
            together = asked.coverage([fact, second])
            if together > alone or {second.subject.id, second.object.id} & seeds:
                yield _Path((fact, second), together, 0.0)


def _joining(paths: Sequence[_Path], groups: Sequence[frozenset[EntityId]]) -> tuple[Fact, ...]:
    """Facts on paths that touch at least two different entities of the question, shortest first."""
    found: dict[TripleId, Fact] = {}
    for path in sorted(paths, key=lambda path: (len(path.facts), -path.coverage)):
        ends = {end for fact in path.facts for end in (fact.subject.id, fact.object.id)}
        if sum(bool(ends & group) for group in groups) > 1:
            for fact in path.facts:
                found.setdefault(fact.triple.id, fact)
    return tuple(found.values())


def _groups(seeds: Sequence[Entity]) -> list[frozenset[EntityId]]:
    """Seeds of one name and different types are one entity of the question."""
    by_key: dict[str, set[EntityId]] = {}
    for seed in seeds:
        by_key.setdefault(seed.key, set()).add(seed.id)
    return [frozenset(ids) for ids in by_key.values()]


def _facts(subgraph: Subgraph, *, hop: int) -> list[Fact]:
    ends = {entity.id: entity for entity in subgraph.entities}
    return [Fact(triple, ends[triple.subject_id], ends[triple.object_id], hop) for triple in subgraph.triples]
