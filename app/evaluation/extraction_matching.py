"""When a triple counts as a gold pair or a gold fact; the criteria are those of the published formats' README."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import product

from app.domain.graph import Assertion, VerifiedTriple
from app.evaluation.datasets import GoldPair, SourceText
from app.pipeline.words import content_stems, words

LIKE_ENOUGH = 0.5
COVERED_ENOUGH = 0.6


def token_f1(first: str, second: str) -> float:
    """Harmonic mean of precision and recall of the folded words, each counted once."""
    one, other = set(words(first)), set(words(second))
    shared = len(one & other)
    return 2 * shared / (len(one) + len(other)) if shared else 0.0


def names_occur(names: Iterable[str], text: str) -> bool:
    """Whether any of the names stands in `text` as whole words."""
    padded = f" {' '.join(words(text))} "
    return any(f" {' '.join(found)} " in padded for name in names if (found := words(name)))


def stated(form: str, triples: Sequence[VerifiedTriple]) -> list[VerifiedTriple]:
    """What counts for a format: bc5cdr's gold relations are affirmed, so negated triples are left out there."""
    return [one for one in triples if form != "bc5cdr" or one.assertion is not Assertion.NEGATED]


def count_pairs(form: str, source: SourceText, triples: Sequence[VerifiedTriple]) -> int:
    """How many gold pairs are joined by one triple, in either direction."""
    return sum(any(_joins(form, triple, pair) for triple in triples) for pair in source.pairs)


def count_between_entities(form: str, source: SourceText, triples: Sequence[VerifiedTriple]) -> tuple[int, int]:
    """Triples that join a gold pair, and triples that join any two gold entities (bc5cdr: chemical and disease)."""
    gold = {frozenset((pair.head, pair.tail)) for pair in source.pairs}
    right = joining = 0
    for triple in triples:
        found = [
            (one, other)
            for one, other in product(range(len(source.entities)), repeat=2)
            if one != other and _may_join(source, one, other) and _ends(form, triple, source, one, other)
        ]
        joining += bool(found)
        right += any(_is_gold(source, gold, one, other) for one, other in found)
    return right, joining


def count_facts(source: SourceText, triples: Sequence[VerifiedTriple]) -> tuple[int, int]:
    """How many listed facts one triple covers, and how many the triples of one sentence cover together."""
    single = [_stems(triple) for triple in triples]
    together: dict[object, set[str]] = defaultdict(set)
    for triple, stems in zip(triples, single, strict=True):
        together[triple.sentence] |= stems
    facts = [set(content_stems(fact)) for fact in source.facts]
    return (
        sum(any(covers(stems, fact) for stems in single) for fact in facts),
        sum(any(covers(stems, fact) for stems in together.values()) for fact in facts),
    )


def covers(stems: set[str], fact: set[str]) -> bool:
    return bool(fact) and len(stems & fact) >= COVERED_ENOUGH * len(fact)


def _stems(triple: VerifiedTriple) -> set[str]:
    return set(content_stems(f"{triple.subject} {triple.relation} {triple.object}"))


def _joins(form: str, triple: VerifiedTriple, pair: GoldPair) -> bool:
    if form == "tekgen":
        return any(
            token_f1(one, pair.head[0]) >= LIKE_ENOUGH and token_f1(other, pair.tail[0]) >= LIKE_ENOUGH
            for one, other in ((triple.subject, triple.object), (triple.object, triple.subject))
        )
    return any(names_occur(pair.head, one) and names_occur(pair.tail, other) for one, other in _places(form, triple))


def _places(form: str, triple: VerifiedTriple) -> list[tuple[str, str]]:
    """Ordered pairs of different places in which the two names may stand."""
    texts = [triple.subject, triple.object] + ([triple.relation] if form == "bc5cdr" else [])
    return [(one, other) for one, other in product(texts, repeat=2) if one is not other]


def _ends(form: str, triple: VerifiedTriple, source: SourceText, one: int, other: int) -> bool:
    return any(
        names_occur(source.entities[one], first) and names_occur(source.entities[other], second)
        for first, second in _places(form, triple)
    )


def _may_join(source: SourceText, one: int, other: int) -> bool:
    if not source.entity_types:
        return one < other
    return (source.entity_types[one], source.entity_types[other]) == ("Chemical", "Disease")


def _is_gold(source: SourceText, gold: set[frozenset[tuple[str, ...]]], one: int, other: int) -> bool:
    if frozenset((source.entities[one], source.entities[other])) in gold:
        return True
    return (
        any(
            set(source.entities[one]) & set(pair.head) and set(source.entities[other]) & set(pair.tail)
            for pair in source.pairs
        )
        if source.entity_types
        else False
    )
