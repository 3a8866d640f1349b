"""Clauses: a verb, who or what it is said of, and the words that name the relation."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_SUBJECTS = frozenset({"nsubj", "nsubjpass", "csubj"})
_RELATIVE = frozenset({"who", "which", "that", "whom"})
_DEEPEST = 4
PLACES = frozenset({"GPE", "LOC", "FAC"})


@dataclass(frozen=True, slots=True)
class Clause:
    """`subjects` are heads of noun phrases; `relation` the verb's words without auxiliaries and negation."""

    verb: Any
    subjects: tuple[Any, ...]
    relation: str
    passive: bool


def clauses(document: Any) -> Iterator[Clause]:
    """Every clause that has a subject, said or shared, in order."""
    for token in document:
        if token.pos_ not in {"VERB", "AUX"} or token.dep_ in {"aux", "auxpass"}:
            continue
        subjects = find_subjects(token)
        if subjects:
            yield Clause(token, tuple(subjects), relation_words(token), is_passive(token))


def find_subjects(verb: Any, *, depth: int = 0) -> list[Any]:
    """Heads of the subjects of a verb: its own, those it shares by coordination or control, or the noun it modifies."""
    own = [child for child in verb.children if child.dep_ in _SUBJECTS]
    if own:
        return [head for subject in own for head in _resolved(verb, subject)]
    if depth >= _DEEPEST or verb.head.i == verb.i or any(child.dep_ == "expl" for child in verb.children):
        return []
    if verb.dep_ == "acl":
        return said_of(verb.head) if verb.tag_ in {"VBN", "VBG"} else []
    if verb.dep_ in {"conj", "xcomp", "advcl"} and verb.head.pos_ in {"VERB", "AUX"}:
        if verb.dep_ == "xcomp" and (objects := objects_of(verb.head)):
            return objects
        return find_subjects(verb.head, depth=depth + 1)
    return []


def _resolved(verb: Any, subject: Any) -> list[Any]:
    """A relative pronoun stands for the noun before its clause."""
    if subject.lower_ in _RELATIVE and verb.dep_ == "relcl":
        return said_of(verb.head)
    return with_conjuncts(subject)


def said_of(head: Any, *, depth: int = 0) -> list[Any]:
    """What a clause behind a noun is said of: in "Load is an album released by Elektra" and in "Load, an album
    released by Elektra" it is Load."""
    if depth < _DEEPEST:
        if head.dep_ == "attr" and head.head.lemma_ == "be":
            subjects = [child for child in head.head.children if child.dep_ == "nsubj"]
            if subjects:
                return _resolved(head.head, subjects[0])
        if head.dep_ == "conj" and head.head.dep_ == "attr" and head.pos_ == "NOUN":
            return said_of(head.head, depth=depth + 1)
        if head.dep_ == "appos" and head.pos_ == "NOUN":
            return said_of(head.head, depth=depth + 1)
    return [head]


def with_conjuncts(head: Any) -> list[Any]:
    """The head and what is joined to it by "and", "or" or commas."""
    heads = [head]
    for child in head.rights:
        if child.dep_ == "conj" and child.pos_ not in {"VERB", "AUX"}:
            heads += with_conjuncts(child)
    return heads


def objects_of(verb: Any) -> list[Any]:
    return [head for child in verb.children if child.dep_ in {"dobj", "dative"} for head in _object_heads(child)]


def _object_heads(child: Any) -> list[Any]:
    if child.dep_ == "dative" and child.pos_ == "ADP":
        return [head for inner in child.children if inner.dep_ == "pobj" for head in with_conjuncts(inner)]
    return with_conjuncts(child)


def attributes_of(verb: Any) -> list[Any]:
    return [head for child in verb.children if child.dep_ == "attr" for head in with_conjuncts(child)]


def is_passive(verb: Any) -> bool:
    if any(child.dep_ in {"auxpass", "nsubjpass"} for child in verb.children):
        return True
    if verb.dep_ == "conj" and verb.tag_ == "VBN" and verb.head.tag_ == "VBN":
        return not any(child.dep_ == "aux" for child in verb.children) and is_passive(verb.head)
    return bool(verb.dep_ == "acl" and verb.tag_ == "VBN")


def relation_words(verb: Any) -> str:
    """ "was admitted", "started taking", "carries out": lower case, in the order of the text."""
    parts = [verb]
    parts += [child for child in verb.children if child.dep_ in {"prt", "auxpass"} or _is_duty(child)]
    above = verb
    while above.dep_ == "xcomp" and above.head.pos_ == "VERB" and not objects_of(above.head):
        parts += [child for child in above.children if child.dep_ == "aux" and child.lower_ == "to"]
        above = above.head
        parts += [above, *(child for child in above.children if child.dep_ == "prt")]
    return " ".join(part.lower_ for part in sorted(set(parts), key=lambda part: part.i) if part.lower_ != "n't")


def _is_duty(token: Any) -> bool:
    """What must be, should be or can be is not yet so: the relation says which."""
    return token.dep_ == "aux" and token.lower_ in {"must", "should", "shall", "can", "ought", "need"}


def prepositions_of(token: Any) -> Iterator[tuple[str, Any]]:
    """Each (preposition, head of what follows): "in", "out of"; without "by" of a passive agent."""
    for child in token.children:
        if child.dep_ == "prep":
            before = [part.lower_ for part in child.lefts if part.dep_ in {"advmod", "prep"} and part.i == child.i - 1]
            yield from _after(child, " ".join([*before, child.lower_]))


def _after(preposition: Any, words: str) -> Iterator[tuple[str, Any]]:
    for child in preposition.children:
        if child.dep_ == "pobj":
            for head in with_conjuncts(child):
                yield words, head
                yield from _places_around(head, words)
        elif child.dep_ == "pcomp" and child.tag_ == "VBG":
            for head in objects_of(child):
                yield f"{words} {child.lower_}", head
        elif child.dep_ == "prep":
            yield from _after(child, f"{words} {child.lower_}")
        elif child.dep_ == "conj" and child.pos_ == "ADP":
            yield from _after(child, child.lower_)


def _places_around(head: Any, words: str) -> Iterator[tuple[str, Any]]:
    """ "in Campbell County, Tennessee", "at Wembley Arena in London": what is in a place is in the larger one."""
    if head.ent_type_ not in PLACES:
        return
    for child in head.rights:
        if child.dep_ == "appos" and child.ent_type_ in PLACES:
            yield words, child
            yield from _places_around(child, words)
        elif child.dep_ == "prep" and child.lower_ == "in":
            for place in child.children:
                if place.dep_ == "pobj" and place.ent_type_ in PLACES:
                    yield "in", place
                    yield from _places_around(place, "in")


def agents_of(verb: Any) -> list[Any]:
    """Who did it, in a passive clause: "by …"."""
    return [
        head
        for child in verb.children
        if child.dep_ == "agent"
        for inner in child.children
        if inner.dep_ == "pobj"
        for head in with_conjuncts(inner)
    ]
