"""Whether a sentence says a thing the way its sources do: denied, possible, planned or plainly so."""

from collections.abc import Sequence
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
    certain or, without a predicate in common, only one side denies anything; else SUPPORTED.

    Takes spaCy parses, the nearest source first: the first that shares a predicate decides.
    """
    stated = _statuses(claim)
    for source in sources:
        found = _statuses(source)
        shared = stated.keys() & found.keys()
        if shared:
            return _judge([stated[stem] | found[stem] for stem in shared if not stated[stem] & found[stem]])
    found_first = _statuses(sources[0]) if sources else {}
    return Verdict.WEAK if _denies(stated) != _denies(found_first) else Verdict.SUPPORTED


def _judge(apart: Sequence[set[Assertion]]) -> Verdict:
    if any(statuses & _CONTRARY for statuses in apart):
        return Verdict.NOT_SUPPORTED
    return Verdict.WEAK if apart else Verdict.SUPPORTED


def _statuses(document: Any) -> Statuses:
    """How each predicate of a sentence is stated, by its stem."""
    statuses: Statuses = {}
    for token in document:
        if token.pos_ == "VERB" or token.dep_ in _PREDICATE_PLACES:
            subject = _subject_of(token)
            status = polarity_of(document, _span(subject) if subject is not None else None, _span(token))
            for stem in content_stems(token.text):
                statuses.setdefault(stem, set()).add(status)
    return statuses


def _subject_of(token: Any) -> Any | None:
    """The subject of the nearest verb at or above the token, if it has one of its own."""
    verb = next((step for step in (token, *token.ancestors) if step.pos_ in {"VERB", "AUX"}), None)
    if verb is None:
        return None
    return next((child for child in verb.children if child.dep_ in {"nsubj", "nsubjpass"}), None)


def _span(token: Any) -> Span:
    return Span(token.idx, token.idx + len(token))


def _denies(statuses: Statuses) -> bool:
    return any(Assertion.NEGATED in found for found in statuses.values())
