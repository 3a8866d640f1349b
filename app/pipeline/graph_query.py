"""Answers from the graph alone: entities linked, relations matched, two hops at most; no model writes a query."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

import numpy as np

from app.domain.graph import Assertion, Entity, Subgraph, Triple
from app.domain.ids import EntityId, VersionId, WorkspaceId
from app.pipeline.lexical import inverse_frequency
from app.pipeline.parsing import VALUES
from app.pipeline.retrieval import Retrieved
from app.pipeline.words import content_stems
from backends.graph.base import GraphStore

MOST_FACTS = 6
_NEAR_ENOUGH = 0.62
"""Cosine of question and fact from which a fact counts as asked for although no word of its relation is in it."""
_COVERED_ENOUGH = 0.34
_NO_WAY = frozenset({Assertion.NEGATED, Assertion.FAMILY})
"""What is denied, or said of a relative, joins nothing."""
_NO_FACTS = frozenset({"why", "may"})
"""Questions for a reason, or for what is allowed: a single fact answers neither."""
_CONNECTING = frozenset({"connect", "link", "relat", "associ", "tie", "involv", "know", "tell", "say", "happen"})
"""Stems of verbs that ask for no relation of their own."""
_COMMON = frozenset({"Concept", "Topic"})
_SHORTEST_ROOT = 5
_ENDINGS = frozenset({"", "e", "i", "or", "er", "ee", "ion", "ic", "y"})
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
    """`facts` answer the question, in the order of their paths; `nearest` are about its entities but do not;
    `between` join its entities, whatever they say of them."""

    facts: tuple[Fact, ...]
    nearest: tuple[Fact, ...]
    coverage: float = 0.0
    between: tuple[Fact, ...] = ()


@dataclass(frozen=True, slots=True)
class _Path:
    facts: tuple[Fact, ...]
    coverage: float
    similarity: float


class GraphQuery:
    """One question against the permitted part of one graph."""

    def __init__(self, graph: GraphStore) -> None:
        self._graph = graph

    def find(self, retrieved: Retrieved, *, workspace_id: WorkspaceId, permitted: frozenset[VersionId]) -> GraphFinding:
        """Facts for the question that `retrieved` was found for; without linked entities there are none."""
        seeds = list(_seeds(retrieved))[:_MOST_SEEDS]
        if not seeds:
            return GraphFinding((), ())
        near = self._around([seed.id for seed in seeds], workspace_id, permitted)
        asked = _Asked(retrieved, seeds)
        groups = _groups(seeds)
        first = _facts(near, hop=1)
        paths = [_Path((fact,), asked.coverage([fact]), 0.0) for fact in first]
        neighbours = {end.id for fact in first for end in (fact.subject, fact.object) if end.type not in VALUES} - {
            seed.id for seed in seeds
        }
        if neighbours:
            far = self._around(sorted(neighbours), workspace_id, permitted)
            paths += _two_hops(first, far, asked, {seed.id: seed.key for seed in seeds})
        joining = _joining(paths, groups) if len(groups) > 1 else []
        said = [path for path in joining if asked.is_said(path.facts)]
        if said:
            return GraphFinding(_facts_of(said, only_shortest=True), (), 1.0, _facts_of(joining))
        finding = self._choose(_about_names(paths, seeds), asked, retrieved)
        if len(groups) > 1 and asked.wants_yes_or_no:
            return GraphFinding((), finding.nearest, 0.0, _facts_of(joining))
        return replace(finding, between=_facts_of(joining))

    def _around(
        self, entity_ids: Sequence[EntityId], workspace_id: WorkspaceId, permitted: frozenset[VersionId]
    ) -> Subgraph:
        return self._graph.find_triples(
            workspace_id=workspace_id, permitted=permitted, entity_ids=entity_ids, limit=_MOST_TRIPLES
        )

    def _choose(self, paths: Sequence[_Path], asked: "_Asked", retrieved: Retrieved) -> GraphFinding:
        """The best covered paths, ties by likeness to the question; a single hop goes before two that say no more."""
        ranked = sorted(paths, key=lambda path: (-path.coverage, len(path.facts)))[:_COMPARED]
        texts = ["; ".join(fact.text for fact in path.facts) for path in ranked]
        embedder = retrieved.space.embedder
        similarities = embedder.embed_passages(texts) @ retrieved.question_vector if texts else np.zeros(0)
        compared = [
            _Path(path.facts, path.coverage, float(similarity))
            for path, similarity in zip(ranked, similarities, strict=True)
        ]
        compared.sort(key=lambda path: (-round(path.coverage, 2), len(path.facts), -path.similarity))
        nearest = tuple(dict.fromkeys(fact for path in compared for fact in path.facts if fact.hop == 1))[:3]
        best = [path for path in compared if _is_asked(path, asked)]
        if not best:
            return GraphFinding((), nearest)
        kept = [
            path for path in best if path.coverage >= best[0].coverage - 0.05 and len(path.facts) == len(best[0].facts)
        ]
        stated = {fact.triple.assertion for path in kept for fact in path.facts}
        kept += [path for path in best if len(path.facts) == 1 and path.facts[0].triple.assertion not in stated]
        return GraphFinding(_facts_of(kept), nearest, best[0].coverage)


class _Asked:
    """What the question asks beside its entities, and how much of that facts say."""

    def __init__(self, retrieved: Retrieved, seeds: Sequence[Entity]) -> None:
        predicate = set(retrieved.read.predicate)
        named = {
            stem for seed in seeds for name in (seed.name, *seed.aliases) for stem in content_stems(name)
        } - predicate
        self._rarity = {stem: inverse_frequency(stem, retrieved.postings) for stem in set(retrieved.stems) - named}
        self._rarity = {
            stem: rarity for stem, rarity in self._rarity.items() if stem not in _CONNECTING and stem.isalpha()
        }
        self._total = sum(self._rarity.values())
        self._predicate = predicate - _CONNECTING
        self._connects = bool(predicate & _CONNECTING)
        self._common = set(retrieved.stems) - {
            stem for seed in seeds if seed.type not in _COMMON for stem in content_stems(seed.name)
        }
        self._asks = "" if predicate & _CONNECTING else retrieved.read.asks

    @property
    def wants_passages(self) -> bool:
        return self._asks in _NO_FACTS

    @property
    def wants_yes_or_no(self) -> bool:
        """Of two things: facts of one of them alone answer it neither way."""
        return not self._asks and not self._connects

    def is_said(self, facts: Sequence[Fact]) -> bool:
        """Whether a relation among these facts is the one that the question's verb asks for, and enough else is in."""
        said = {stem for fact in facts for stem in content_stems(fact.triple.relation)}
        if self.wants_passages or (self._predicate and not any(_holds(said, stem) for stem in self._predicate)):
            return False
        if not self._total:
            return not self._asks
        return self.coverage(facts) >= _COVERED_ENOUGH

    def mentions(self, fact: Fact) -> bool:
        """Whether the relation stands in the question, be it as a noun such as "the guarantor of"."""
        said = set(content_stems(fact.triple.relation))
        return any(_holds(said, stem) for stem in self._common)

    def coverage(self, facts: Sequence[Fact]) -> float:
        """Share of what is asked, by idf, found in relations and in the names and types between."""
        if not self._total:
            return 0.0
        said = {stem for fact in facts for stem in content_stems(fact.triple.relation)}
        for end in {end for fact in facts for end in (fact.subject, fact.object) if end.type not in VALUES}:
            said.update(content_stems(f"{end.name} {end.type}"))
        return sum(rarity for stem, rarity in self._rarity.items() if _holds(said, stem)) / self._total


def _seeds(retrieved: Retrieved) -> Iterable[Entity]:
    """The question's entities without values, its verb, and nouns that only stand for what is asked."""
    predicate = set(retrieved.read.predicate)
    for entity in retrieved.seeds:
        stems = set(content_stems(entity.key))
        is_verb = predicate and stems <= predicate
        if entity.type not in VALUES and not is_verb and entity.key not in retrieved.read.placeholders:
            yield entity


def _holds(said: set[str], stem: str) -> bool:
    """Whether the stem is there, or one of the same root: guarantor and guarantee, allergic and allergy."""
    return stem in said or any(_same_root(stem, other) for other in said)


def _same_root(one: str, other: str) -> bool:
    pairs = zip(one, other, strict=False)
    shared = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    return shared >= _SHORTEST_ROOT and {one[shared:], other[shared:]} <= _ENDINGS


def _is_asked(path: _Path, asked: _Asked) -> bool:
    near = len(path.facts) == 1 and path.similarity >= _NEAR_ENOUGH and path.coverage > 0
    return (near and not asked.wants_passages) or (path.coverage >= _COVERED_ENOUGH and asked.is_said(path.facts))


def _facts_of(paths: Sequence[_Path], *, only_shortest: bool = False) -> tuple[Fact, ...]:
    """The facts of the paths in order; of the shortest alone where nothing longer is wanted."""
    shortest = min((len(path.facts) for path in paths), default=0)
    chosen = [path for path in paths if len(path.facts) == shortest] if only_shortest else paths
    return tuple({fact.triple.id: fact for path in chosen for fact in path.facts}.values())[:MOST_FACTS]


def _about_names(paths: Sequence[_Path], seeds: Sequence[Entity]) -> Sequence[_Path]:
    """Where the question has a name, paths that touch none of its names say nothing of it."""
    names = {seed.id for seed in seeds if seed.type not in _COMMON}
    if not names:
        return paths
    return [path for path in paths if any({fact.subject.id, fact.object.id} & names for fact in path.facts)]


def _two_hops(first: Sequence[Fact], far: Subgraph, asked: _Asked, seeds: Mapping[EntityId, str]) -> Iterable[_Path]:
    """Chains seed - middle - end whose facts each say something that is asked, or that end in another seed."""
    by_end: dict[EntityId, list[Fact]] = {}
    for fact in _facts(far, hop=2):
        for end in (fact.subject.id, fact.object.id):
            by_end.setdefault(end, []).append(fact)
    for fact in first:
        start, through = (fact.subject, fact.object) if fact.subject.id in seeds else (fact.object, fact.subject)
        middle = through.id
        if middle in seeds or through.type in VALUES or fact.triple.assertion in _NO_WAY:
            continue
        alone = asked.coverage([fact])
        for second in by_end.get(middle, ()):
            far_end = second.object if second.subject.id == middle else second.subject
            if far_end.id == start.id or seeds.get(far_end.id, "") == start.key:
                continue
            if second.triple.assertion in _NO_WAY or _share_a_cell(fact, second):
                continue
            together = asked.coverage([fact, second])
            if (together > alone and asked.mentions(fact)) or far_end.id in seeds:
                yield _Path((fact, second), together, 0.0)


def _share_a_cell(one: Fact, other: Fact) -> bool:
    """Two rows of tables that hold the same in the same column ("Once daily") are not joined by it."""
    same = one.object.id == other.object.id and one.triple.relation == other.triple.relation
    return same and all(evidence.kind == "table" for fact in (one, other) for evidence in fact.triple.evidence)


def _joining(paths: Sequence[_Path], groups: Sequence[frozenset[EntityId]]) -> list[_Path]:
    """Paths that touch at least two different entities of the question, shortest first."""
    found = []
    for path in sorted(paths, key=lambda path: (len(path.facts), -path.coverage)):
        ends = {end for fact in path.facts for end in (fact.subject.id, fact.object.id)}
        if sum(bool(ends & group) for group in groups) > 1:
            found.append(path)
    return found


def _groups(seeds: Sequence[Entity]) -> list[frozenset[EntityId]]:
    """Seeds of one name and different types are one entity of the question."""
    by_key: dict[str, set[EntityId]] = {}
    for seed in seeds:
        by_key.setdefault(seed.key, set()).add(seed.id)
    return [frozenset(ids) for ids in by_key.values()]


def _facts(subgraph: Subgraph, *, hop: int) -> list[Fact]:
    ends = {entity.id: entity for entity in subgraph.entities}
    return [Fact(triple, ends[triple.subject_id], ends[triple.object_id], hop) for triple in subgraph.triples]
