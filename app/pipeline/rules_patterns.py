"""The kinds of facts that rules read from a clause; each function is one kind or two."""

from collections.abc import Iterator, Sequence
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
from app.pipeline.rules_fitness import is_aside, needs_more
from app.pipeline.rules_phrases import Argument, Phrases

OWNED_KINDS = frozenset({"of", "for", "at", "to", "in", "with", "by"})
_VAGUE_PREPOSITIONS = frozenset(
    {"like", "such", "than", "as well", "in addition to", "including", "per", "despite", "versus"}
)
_VAGUE_OBJECTS = frozenset(
    (
        "end front middle face course light favor favour place conclusion addition fact general particular contrast "
        "summary total turn part conjunction comparison hand average"
    ).split()
)
_TURNED = frozenset({"to", "as", "from", "into"})
"""What the object of a verb is said to go to or be: "appointed Bob Lee as chairman"."""
_FURTHER = frozenset({"of", "in", "at", "from", "for", "to", "on", "between", "with"})
_LONGEST_RELATION = 7
_REPORTS = frozenset("study finding result datum data paper essay article report analysis evidence".split())
_REPORTING_VERBS = frozenset(
    (
        "show suggest demonstrate indicate find report reveal conclude describe explore discuss present investigate "
        "support outline examine delve highlight"
    ).split()
)


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
    subjects = [argument for head in clause.subjects if (argument := phrases.subject(head))]
    for subject in subjects:
        yield from _objects(clause, subject, phrases)
        yield from _copula(clause, subject, phrases)
        yield from _prepositions(clause, subject, phrases)
        yield from _dates(clause, subject, phrases)
        if clause.passive:
            yield from _agents(clause, subject, phrases)


def fact(
    subject: Argument | None,
    relation: str,
    object_: Argument | None,
    kind: str,
    verb: Any | None,
    *,
    between: Sequence[Any] = (),
) -> Iterator[Candidate]:
    """None where an end is missing; `between` are words of the relation that neither verb nor ends lead to."""
    if subject is None or object_ is None or not relation.strip() or subject.type in {"Date", "Amount"}:
        return
    if verb is not None and verb.lemma_ in _REPORTING_VERBS and _last_lemma(subject) in _REPORTS:
        return
    if is_aside(subject, verb):
        return
    heads = [argument.head for argument in (subject, object_) if argument.head is not None]
    yield Candidate(subject, relation, object_, kind, status_of(verb, heads, between=between))


def _last_lemma(argument: Argument) -> str:
    return str(argument.head.lemma_.lower()) if argument.head is not None else ""


def _objects(clause: Clause, subject: Argument, phrases: Phrases) -> Iterator[Candidate]:
    for head in objects_of(clause.verb):
        object_ = phrases.argument(head)
        if object_ is None:
            continue
        inner = list(_object_prepositions(clause, subject, head, object_, phrases))
        found = list(fact(subject, clause.relation, object_, "svo", clause.verb))
        if not any(needs_more(one.object, negated=one.assertion is Assertion.NEGATED) for one in found):
            yield from found
        yield from inner


def _object_prepositions(
    clause: Clause, subject: Argument, head: Any, object_: Argument, phrases: Phrases
) -> Iterator[Candidate]:
    """ "increases the plasma concentration of digoxin": the object's own words join the relation."""
    if object_.is_name:
        return
    for words, place in prepositions_of(head):
        if _is_vague(words):
            continue
        relation = f"{clause.relation} {object_.as_words} {words}"
        target = phrases.argument(place)
        if len(relation.split()) <= _LONGEST_RELATION:
            yield from fact(subject, relation, target, "obj_pp", clause.verb)
        if target is not None and not target.is_name:
            yield from _further(clause, subject, relation, (place, target), phrases, between=[head])


def _copula(clause: Clause, subject: Argument, phrases: Phrases) -> Iterator[Candidate]:
    """ "X is Y", "X is the owner of Y", "X is effective against Y"."""
    for head in attributes_of(clause.verb):
        attribute = phrases.argument(head)
        if attribute is None or (head.tag_ == "NNS" and subject.type == "Person" and len(clause.subjects) == 1):
            continue
        yield from fact(subject, clause.relation, attribute, "copula", clause.verb)
        if attribute.is_name:
            continue
        for words, place in prepositions_of(head):
            if words in OWNED_KINDS:
                relation = f"{clause.relation} {attribute.as_words} {words}"
                yield from fact(subject, relation, phrases.argument(place), "copula", clause.verb)
    for child in clause.verb.children:
        if child.dep_ in {"acomp", "oprd"}:
            for words, place in prepositions_of(child):
                relation = f"{clause.relation} {child.lower_} {words}"
                yield from fact(subject, relation, phrases.argument(place), "copula", clause.verb)
    yield from _owned_subject(clause, subject, phrases)


def _owned_subject(clause: Clause, subject: Argument, phrases: Phrases) -> Iterator[Candidate]:
    """ "Metformin's half-life is six hours": said of the owner."""
    owner = phrases.entity_under(subject.head) if subject.head is not None else None
    if owner is None or subject.is_name:
        return
    for head in attributes_of(clause.verb):
        relation = f"{subject.head.lower_} {clause.relation}"
        yield from fact(owner, relation, phrases.argument(head), "poss", clause.verb)


def _prepositions(clause: Clause, subject: Argument, phrases: Phrases) -> Iterator[Candidate]:
    if clause.verb.lemma_ == "be" and any(phrases.is_amount(head) for head in attributes_of(clause.verb)):
        return
    objects = objects_of(clause.verb)
    first = phrases.argument(objects[0]) if objects else None
    if first is not None and first.type == "Amount":
        return
    for words, place in prepositions_of(clause.verb):
        if _is_vague(words) or place.lower_ in _VAGUE_OBJECTS:
            continue
        target = phrases.argument(place)
        if words in _TURNED and first is not None and first.is_name and target is not None:
            yield from fact(first, f"{clause.relation} {words}", target, "verb_pp", clause.verb)
        relation = _with_complement(clause, first, phrases)
        if relation is None:
            continue
        yield from fact(subject, f"{relation} {words}", target, "verb_pp", clause.verb, between=objects[:1])
        if target is not None and not target.is_name:
            reached = (place, target)
            yield from _further(clause, subject, f"{relation} {words}", reached, phrases, between=objects[:1])


def _is_vague(preposition: str) -> bool:
    return preposition in _VAGUE_PREPOSITIONS or "than" in preposition.split()


def _with_complement(clause: Clause, object_: Argument | None, phrases: Phrases) -> str | None:
    """The verb with what it needs to say anything: "became professor", "is similar", "raises the concentration"; None
    where that is too long to be a relation."""
    if object_ is not None:
        words = [object_.text if object_.is_name else object_.as_words]
    else:
        found = [phrases.argument(head) for head in attributes_of(clause.verb)[:1]]
        words = [one.as_words for one in found if one is not None]
        words += [
            " ".join(part.lower_ for part in _adjective(child))
            for child in clause.verb.children
            if child.dep_ in {"acomp", "oprd"} and child.i > clause.verb.i
        ]
    relation = " ".join([clause.relation, *words])
    return relation if len(relation.split()) < _LONGEST_RELATION else None


def _adjective(head: Any) -> list[Any]:
    """ "increasingly important"."""
    return [*(child for child in head.lefts if child.dep_ in {"advmod", "neg"}), head]


def _further(
    clause: Clause,
    subject: Argument,
    relation: str,
    reached: tuple[Any, Argument],
    phrases: Phrases,
    *,
    between: Sequence[Any],
) -> Iterator[Candidate]:
    """ "works as an analyst for Rostov": what is reached joins the relation to what its own prepositions reach."""
    place, target = reached
    for more, end in prepositions_of(place):
        longer = f"{relation} {target.as_words} {more}"
        if more in _FURTHER and len(longer.split()) <= _LONGEST_RELATION:
            argument = phrases.argument(end)
            yield from fact(subject, longer, argument, "obj_pp", clause.verb, between=[*between, place])


def _agents(clause: Clause, subject: Argument, phrases: Phrases) -> Iterator[Candidate]:
    words = " ".join(word for word in clause.relation.split() if word not in {"was", "were", "is", "are", "been", "be"})
    for head in agents_of(clause.verb):
        yield from fact(phrases.argument(head), words, subject, "passive", clause.verb)


def _dates(clause: Clause, subject: Argument, phrases: Phrases) -> Iterator[Candidate]:
    if clause.verb.lemma_ == "be":
        return
    for child in clause.verb.children:
        if child.dep_ in {"npadvmod", "advmod"}:
            date = phrases.argument(child)
            if date is not None and date.type == "Date":
                yield from fact(subject, clause.relation, date, "date", clause.verb)
