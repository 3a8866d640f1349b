"""Ways through a dependency parse: up to the verb that joins two nouns, and what hangs on a word."""

from collections.abc import Iterator
from typing import Any

from app.domain.documents import Span


def way(head: Any, verb: Any | None) -> Iterator[Any]:
    """From a noun up to its verb, without it: what any word of "no proof of a link to Lee" is denied by."""
    yield head
    if verb is None or not verb.is_ancestor(head):
        return
    step = head.head
    while step.i != verb.i:
        yield step
        step = step.head


def verb_joining(heads: list[Any]) -> Any | None:
    """The verb that says something of both: of two nouns one of which hangs on the other, the verb between them."""
    above = [verb_above(head) for head in heads]
    if len(heads) < 2:
        return above[0] if above else None
    subject, object_ = heads
    if object_.is_ancestor(subject):
        return above[0]
    if subject.is_ancestor(object_) or above[0] is None or not above[0].is_ancestor(object_):
        return above[1]
    return above[0]


def verb_above(token: Any) -> Any | None:
    for step in (token, *token.ancestors):
        if step.pos_ in {"VERB", "AUX"}:
            return step
    return None


def head_at(document: Any, span: Span) -> Any:
    found = document.char_span(span.start, span.end, alignment_mode="expand")
    return found.root


def first_conjunct(token: Any) -> Any:
    while token.dep_ == "conj" and token.head.i != token.i:
        token = token.head
    return token


def has_child(token: Any | None, wanted: frozenset[str]) -> bool:
    return token is not None and any(child.lower_ in wanted for child in token.children)


def prepositions(noun: Any) -> Iterator[tuple[str, Any]]:
    for child in noun.children:
        if child.dep_ == "prep":
            yield from ((child.lower_, inner) for inner in child.children if inner.dep_ == "pobj")


def claim_above(verb: Any) -> Any | None:
    """The noun that a clause says the content of: "evidence that he controls", "the claim that he controls"."""
    said_of = verb.dep_ in {"acl", "ccomp", "relcl"} and verb.head.pos_ == "NOUN"
    return verb.head if said_of and any(child.dep_ == "mark" for child in verb.children) else None


def is_purpose(verb: Any) -> bool:
    """ "sold the ship to bring leverage down": what is wanted, not what happened."""
    return verb.dep_ == "advcl" and any(child.dep_ == "aux" and child.lower_ == "to" for child in verb.children)
