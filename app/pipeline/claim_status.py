"""Whether a sentence says a thing the way its sources do: denied, possible, planned or plainly so."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from app.domain.answers import Verdict
from app.domain.documents import Span
from app.domain.graph import Assertion
from app.pipeline.polarity import polarity_of
from app.pipeline.words import content_stems

_PREDICATE_PLACES = frozenset({"ROOT", "attr", "acomp", "dobj", "oprd"})
_CONTRARY = frozenset({Assertion.NEGATED, Assertion.FAMILY})
Statuses = dict[str, set[Assertion]]


def compare_status(claim: Any, sources: Sequence[Any]) -> Verdict:
    """NOT_SUPPORTED when a predicate is denied, or said of a relative, on one side only; WEAK when the source is less
    certain or, without a predicate in common, only one side denies anything; else SUPPORTED. Takes spaCy parses."""
    stated = _statuses([claim])
    found = _statuses(sources)
    shared = stated.keys() & found.keys()
    apart = [stated[stem] | found[stem] for stem in shared if not stated[stem] & found[stem]]
    if any(statuses & _CONTRARY for statuses in apart):
        return Verdict.NOT_SUPPORTED
    if apart:
        return Verdict.WEAK
    if not shared and _denies(stated) != _denies(found):
        return Verdict.WEAK
    return Verdict.SUPPORTED


def _statuses(documents: Iterable[Any]) -> Statuses:
    statuses: Statuses = {}
    for document in documents:
        for token in _predicates(document):
            for stem in content_stems(token.text):
                span = Span(token.idx, token.idx + len(token))
                statuses.setdefault(stem, set()).add(polarity_of(document, span, None))
    return statuses


def _predicates(document: Any) -> Iterator[Any]:
    for token in document:
        if token.pos_ == "VERB" or token.dep_ in _PREDICATE_PLACES:
            yield token


def _denies(statuses: Statuses) -> bool:
    return any(Assertion.NEGATED in found for found in statuses.values())
