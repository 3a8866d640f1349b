"""The kinds of facts that rules read from a clause; each function is one kind or two."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from app.domain.graph import Assertion
from app.pipeline.polarity import status_of
from app.pipeline.rules_clauses import (
    Clause,
    agents_of,
    attributes_of,
    objects_of,
    prepositions_of,
)
from app.pipeline.rules_phrases import Argument, Phrases
from app.pipeline.verification import LIGHT_NOUNS

_OWNED_KINDS = frozenset({"of", "for", "at", "to", "in", "with", "by"})
_VAGUE_PREPOSITIONS = frozenset({"like", "such", "than", "as well", "including", "per", "despite", "versus"})
_VAGUE_OBJECTS = frozenset({"end", "front", "middle", "face", "course", "light", "favor", "favour", "place"})
_LONGEST_PATH_WORDS = 5


@dataclass(frozen=True, slots=True)
class Candidate:
    """A fact before its pronouns are resolved."""

    subject: Argument
    relation: str
    object: Argument
    kind: str
    assertion: Assertion


def read_clause(clause: Clause, phrases: Phrases) -> Iterator[Candidate]:
    """Every fact of one clause."""
    subjects = [argument for head in clause.subjects if (argument := phrases.argument(head))]
    for subject in subjects:
        yield from _objects(clause, subject, phrases)
        yield from _copula(clause, subject, phrases)
        yield from _prepositions(clause, subject, phrases)
        yield from _dates(clause, subject, phrases)
        if clause.passive:
            yield from _agents(clause, subject, phrases)


def _fact(
    subject: Argument | None, relation: str, object_: Argument | None, kind: str, verb: Any | None
) -> Iterator[Candidate]:
    if subject is None or object_ is None or not relation.strip():
        return
    heads = [argument.head for argument in (subject, object_) if argument.head is not None]
    yield Candidate(subject, relation, object_, kind, status_of(verb, heads))


def _objects(clause: Clause, subject: Argument, phrases: Phrases) -> Iterator[Candidate]:
    if clause.passive:
        return
    for head in objects_of(clause.verb):
        object_ = phrases.argument(head)
        if object_ is None:
            continue
        inner = list(_object_prepositions(clause, subject, head, object_, phrases))
        if not (inner and head.lower_ in LIGHT_NOUNS):
            yield from _fact(subject, clause.relation, object_, "svo", clause.verb)
        yield from inner


def _object_prepositions(
    clause: Clause, subject: Argument, head: Any, object_: Argument, phrases: Phrases
) -> Iterator[Candidate]:
    """ "increases the plasma concentration of digoxin": the object's own words join the relation."""
    if object_.is_name:
        return
    for words, place in prepositions_of(head):
        if words in _VAGUE_PREPOSITIONS:
            continue
        relation = f"{clause.relation} {object_.text.lower()} {words}"
        if len(relation.split()) <= 7:
            yield from _fact(subject, relation, phrases.argument(place), "obj_pp", clause.verb)


def _copula(clause: Clause, subject: Argument, phrases: Phrases) -> Iterator[Candidate]:
    """ "X is Y", "X is the owner of Y", "X is effective against Y"."""
    for head in attributes_of(clause.verb):
        attribute = phrases.argument(head)
        if attribute is None:
            continue
        yield from _fact(subject, clause.relation, attribute, "copula", clause.verb)
        if attribute.is_name:
            continue
        for words, place in prepositions_of(head):
            if words in _OWNED_KINDS:
                relation = f"{clause.relation} {attribute.text.lower()} {words}"
                yield from _fact(subject, relation, phrases.argument(place), "copula", clause.verb)
    for child in clause.verb.children:
        if child.dep_ in {"acomp", "oprd"}:
            for words, place in prepositions_of(child):
                relation = f"{clause.relation} {child.lower_} {words}"
                yield from _fact(subject, relation, phrases.argument(place), "copula", clause.verb)
    yield from _owned_subject(clause, subject, phrases)


def _owned_subject(clause: Clause, subject: Argument, phrases: Phrases) -> Iterator[Candidate]:
    """ "Metformin's half-life is six hours": said of the owner."""
    owner = phrases.entity_under(subject.head) if subject.head is not None else None
    if owner is None or subject.is_name:
        return
    for head in attributes_of(clause.verb):
        relation = f"{subject.head.lower_} {clause.relation}"
        yield from _fact(owner, relation, phrases.argument(head), "poss", clause.verb)


def _prepositions(clause: Clause, subject: Argument, phrases: Phrases) -> Iterator[Candidate]:
    objects = [] if clause.passive else objects_of(clause.verb)
    first = phrases.argument(objects[0]) if objects else None
    for words, place in prepositions_of(clause.verb):
        if words in _VAGUE_PREPOSITIONS or place.lower_ in _VAGUE_OBJECTS:
            continue
        target = phrases.argument(place)
        if first is not None and first.is_name and target is not None:
            yield from _fact(first, f"{clause.relation} {words}", target, "verb_pp", clause.verb)
        relation = clause.relation
        if first is not None and len(first.text.split()) <= 3:
            relation = f"{relation} {first.text if first.is_name else first.text.lower()}"
        yield from _fact(subject, f"{relation} {words}", target, "verb_pp", clause.verb)
        if target is not None and not target.is_name:
            for more, further in prepositions_of(place):
                if more in {"of", "in", "at", "from"}:
                    longer = f"{relation} {words} {target.text.lower()} {more}"
                    if len(longer.split()) <= 7:
                        yield from _fact(subject, longer, phrases.argument(further), "obj_pp", clause.verb)


def _agents(clause: Clause, subject: Argument, phrases: Phrases) -> Iterator[Candidate]:
    words = " ".join(word for word in clause.relation.split() if word not in {"was", "were", "is", "are", "been", "be"})
    for head in agents_of(clause.verb):
        yield from _fact(phrases.argument(head), words, subject, "passive", clause.verb)


def _dates(clause: Clause, subject: Argument, phrases: Phrases) -> Iterator[Candidate]:
    for child in clause.verb.children:
        if child.dep_ in {"npadvmod", "advmod"}:
            date = phrases.argument(child)
            if date is not None and date.type == "Date":
                yield from _fact(subject, clause.relation, date, "date", clause.verb)


def read_appositions(phrases: Phrases) -> Iterator[Candidate]:
    """ "Alice Brown, chair of Acme", "Acme's chairman Bob Lee"."""
    for token in phrases.document:
        if token.dep_ == "appos" and _between_commas(token):
            subject, object_ = phrases.argument(token.head), phrases.argument(token)
            if subject is None or object_ is None or {subject.type, object_.type} & {"Amount", "Date"}:
                continue
            if object_.is_name and not subject.is_name:
                subject, object_ = object_, subject
            yield from _fact(subject, "is", object_, "appos", None)
            for words, place in prepositions_of(object_.head):
                if words in _OWNED_KINDS:
                    relation = f"is {object_.text.lower()} {words}"
                    yield from _fact(subject, relation, phrases.argument(place), "appos", None)
        elif token.dep_ == "poss" and token.head.dep_ in {"compound", "nmod"} | {"nsubj", "appos", "attr"}:
            yield from _owned_name(token, phrases)


def _owned_name(token: Any, phrases: Phrases) -> Iterator[Candidate]:
    """ "Acme's chairman, Bob Lee": the role joins the two names."""
    owner = phrases.argument(token)
    role = token.head
    if owner is None or not owner.is_name:
        return
    for name in (child for child in role.children if child.dep_ == "appos"):
        person = phrases.argument(name)
        if person is not None and person.is_name:
            yield from _fact(person, f"{role.lower_} of", owner, "poss", None)


def _between_commas(token: Any) -> bool:
    """Not a bracket: "aspirin (75 mg)" is no apposition."""
    before = token.doc[token.head.i : token.left_edge.i]
    return not any(part.text in {"(", "["} for part in before)


def read_paths(clause: Clause | None, phrases: Phrases, linked: set[tuple[int, int]]) -> Iterator[Candidate]:
    """From the main subject to every name of its clause that no other rule has linked; the words between are read
    along the dependency path."""
    if clause is None:
        return
    subject = phrases.argument(clause.subjects[0])
    if subject is None:
        return
    for name in phrases.names():
        place = (name.span.start, name.span.end)
        if place in linked or name.span.overlaps(subject.span) or name.type == "Amount":
            continue
        words = _path_words(clause.verb, name)
        if words:
            yield from _fact(subject, words, name, "path", clause.verb)


def _path_words(verb: Any, name: Argument) -> str:
    steps = []
    token = name.head.head
    if name.head.dep_ in {"nsubj", "nsubjpass", "appos"}:
        return ""
    while token.i != verb.i:
        if token.head.i == token.i or token.dep_ in {"relcl", "advcl", "ccomp", "conj", "acl", "parataxis"}:
            return ""
        if token.dep_ in {"nsubj", "nsubjpass", "appos"}:
            return ""
        steps.append(token)
        token = token.head
        if len(steps) > _LONGEST_PATH_WORDS:
            return ""
    chosen = [verb, *(step for step in steps if step.pos_ in {"NOUN", "ADP", "VERB", "ADJ", "PROPN"})]
    if len(chosen) > _LONGEST_PATH_WORDS:
        return ""
    return " ".join(part.lower_ for part in sorted(chosen, key=lambda part: part.i))
