"""How a fact is stated, read from the dependency parse: negated, possible, planned, of the family, in the past."""

from collections.abc import Iterable, Iterator
from typing import Any

from app.domain.documents import Span
from app.domain.graph import Assertion

PARSE_DECIDES = frozenset(
    {"svo", "verb_pp", "obj_pp", "copula", "appos", "passive", "poss", "compound", "life", "date", "path", "table"}
)
"""Kinds made by rules: their status was read from the parse already."""
_NEGATING_VERBS = frozenset({"deny", "lack", "fail", "refuse", "decline", "exclude", "cease", "stop", "omit"})
_NEGATING_WORDS = frozenset({"no", "not", "n't", "never", "without", "neither", "nor", "none", "nobody", "nothing"})
_HEDGING_MODALS = frozenset({"may", "might", "could"})
_HEDGING_WORDS = frozenset(
    (
        "possible possibly probable probably likely suspected suspect suspicious presumed presumably apparently "
        "perhaps suggest suggests suggested suggestive questionable potential potentially alleged allegedly "
        "reportedly unclear consider considered differential"
    ).split()
)
_PLANNING_WORDS = frozenset({"planned", "scheduled", "intends", "plans", "proposes"})
_FAMILY = frozenset(
    {"mother", "father", "sister", "brother", "aunt", "uncle", "grandmother", "grandfather", "sibling", "cousin"}
)


def polarity_of(document: Any, subject: Span | None, object_: Span | None) -> Assertion:
    """The status of a fact whose arguments stand at these spans of the sentence, None where one stands elsewhere."""
    heads = [_head_at(document, span) for span in (subject, object_) if span is not None]
    verbs = [verb for head in heads if (verb := _verb_above(head)) is not None]
    return status_of(verbs[0] if verbs else None, heads)


def status_of(verb: Any | None, arguments: Iterable[Any]) -> Assertion:
    """The status by the words around a verb and the heads of the arguments (spaCy tokens)."""
    heads = list(arguments)
    if _is_family(heads):
        return Assertion.FAMILY
    if _is_negated(verb, heads):
        return Assertion.NEGATED
    if _is_hedged(verb, heads):
        return Assertion.POSSIBLE
    if (verb is not None and any(child.lower_ == "will" for child in verb.children)) or _has(verb, _PLANNING_WORDS):
        return Assertion.PLANNED
    if any(_governed_by_history(head) for head in heads):
        return Assertion.HISTORICAL
    return Assertion.AFFIRMED


def is_negating(verb: Any) -> bool:
    """A verb that says that its object is not so: deny, lack, fail to."""
    return verb.lemma_.lower() in _NEGATING_VERBS


def _is_negated(verb: Any | None, heads: list[Any]) -> bool:
    for head in heads:
        if any(child.lower_ in {"no", "neither", "nor"} and child.text != "NO" for child in head.children):
            return True
        if head.dep_ in {"pobj", "pcomp"} and head.head.lower_ == "without":
            return True
        if head.dep_ == "conj" and any(child.lower_ == "no" for child in _first_conjunct(head).children):
            return True
    return any(_negates(step) for step in _chain(verb))


def _negates(verb: Any) -> bool:
    if any(child.dep_ == "neg" or child.lower_ in {"never", "n't", "not"} for child in verb.children):
        return True
    if verb.dep_ == "pcomp" and verb.head.lower_ == "without":
        return True
    if any(child.dep_ in {"nsubj", "nsubjpass"} and _says_none(child) for child in verb.children):
        return True
    return is_negating(verb)


def _says_none(subject: Any) -> bool:
    return subject.lower_ in {"none", "nobody", "nothing"} or any(
        child.lower_ in {"no", "neither"} for child in subject.children
    )


def _is_hedged(verb: Any | None, heads: list[Any]) -> bool:
    for step in _chain(verb):
        if any(child.dep_ == "aux" and child.lower_ in _HEDGING_MODALS for child in step.children):
            return True
        if step.lower_ in _HEDGING_WORDS or _has(step, _HEDGING_WORDS):
            return True
        if step.lemma_ in {"appear", "seem"}:
            return True
    return any(_has(head, _HEDGING_WORDS) for head in heads)


def _is_family(heads: list[Any]) -> bool:
    for head in heads:
        if head.lemma_.lower() in _FAMILY and head.dep_ in {"nsubj", "nsubjpass"}:
            owner = next((child for child in head.children if child.dep_ == "poss"), None)
            return owner is not None
        above = head.head
        if above.lower_ == "of" and above.head.lower_ == "history" and _has(above.head, {"family"}):
            return True
    return False


def _governed_by_history(head: Any) -> bool:
    step = head if head.dep_ != "conj" else _first_conjunct(head)
    return bool(step.dep_ == "pobj" and step.head.lower_ == "of" and step.head.head.lower_ == "history")


def _chain(verb: Any | None) -> Iterator[Any]:
    """The verb and the verbs it hangs on: a status of "plans to" or "does not seem to" holds for what follows."""
    step = verb
    for _ in range(4):
        if step is None:
            return
        yield step
        step = step.head if step.dep_ in {"xcomp", "ccomp", "pcomp", "conj"} and step.head.i != step.i else None
        if step is not None and step.pos_ not in {"VERB", "AUX", "ADJ"}:
            return
        if step is not None and _other_polarity(step, verb):
            return


def _other_polarity(above: Any, verb: Any) -> bool:
    """ "X did not rise but fell": the conjunct behind "but", or with a subject of its own, stands for itself."""
    if verb.dep_ != "conj":
        return False
    own_subject = any(child.dep_ in {"nsubj", "nsubjpass"} for child in verb.children)
    return own_subject or any(child.lower_ == "but" for child in above.children)


def _first_conjunct(token: Any) -> Any:
    while token.dep_ == "conj" and token.head.i != token.i:
        token = token.head
    return token


def _has(token: Any | None, wanted: frozenset[str] | set[str]) -> bool:
    return token is not None and any(child.lower_ in wanted for child in token.children)


def _head_at(document: Any, span: Span) -> Any:
    found = document.char_span(span.start, span.end, alignment_mode="expand")
    return found.root


def _verb_above(token: Any) -> Any | None:
    for step in (token, *token.ancestors):
        if step.pos_ in {"VERB", "AUX"}:
            return step
    return None
