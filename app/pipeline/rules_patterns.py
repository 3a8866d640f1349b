"""The kinds of facts that rules read from a clause; each function is one kind or two."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from app.domain.graph import Assertion
from app.pipeline.parse_walking import first_conjunct
from app.pipeline.polarity_words import NEGATING_VERBS
from app.pipeline.rules_arguments import Argument
from app.pipeline.rules_candidates import Candidate, fact
from app.pipeline.rules_clauses import Clause, makes_act, prepositions_of
from app.pipeline.rules_fitness import (
    concedes,
    is_bare,
    is_every,
    is_idle,
    is_of_whom,
    is_one_name,
    is_one_of_a_kind,
    needs_more,
    shares_end,
    shares_of,
)
from app.pipeline.rules_phrases import Phrases
from app.pipeline.rules_prepositions import (
    NAMING_VERBS,
    adjective,
    is_idiom,
    is_second,
    read_object_prepositions,
    read_prepositions,
)
from app.pipeline.rules_verbs import agents_of, attributes_of, furnishes, objects_of

OWNED_KINDS = frozenset({"of", "for", "at", "to", "in", "with", "by"})
_CALENDAR = re.compile(
    r"\b\d{4}\b|\d[-/.]\d+[-/.]\d|(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day\b|^[A-Z][a-z]+ \d|\d [A-Z][a-z]+"
)
"""A date that is on a calendar, not a span of time such as "six days"."""
_OF_PASSIVE = frozenset({"was", "were", "is", "are", "been", "be", "being", "has", "have", "had"})
"""Auxiliaries that the active voice is without: "was inducted by", but "inducted"."""


_PAIRING = frozenset("connect link join compare relate attribute ascribe".split())
"""Verbs of which one end alone says nothing."""


def read_clause(clause: Clause, phrases: Phrases) -> Iterator[Candidate]:
    """Every fact of one clause."""
    subjects = [subject_of(clause, head, phrases) for head in clause.subjects]
    for subject in filter(None, subjects):
        yield from _objects(clause, subject, phrases)
        yield from _copula(clause, subject, phrases)
        yield from read_prepositions(clause, subject, phrases)
        yield from _dates(clause, subject, phrases)
        if clause.passive:
            yield from _agents(clause, subject, phrases)


def subject_of(clause: Clause, head: Any, phrases: Phrases) -> Argument | None:
    """This subject of a clause with what says which, unless the clause is what says it; None for one of several that
    share what follows the last."""
    if shares_end(head) or concedes(head, clause.verb) or is_of_whom(head):
        return None
    if is_one_name(head):
        return phrases.joined(head) if head.dep_ != "conj" else None
    return phrases.argument(head) if clause.verb.dep_ in {"acl", "relcl"} else phrases.whole(head)


def _objects(clause: Clause, subject: Argument, phrases: Phrases) -> Iterator[Candidate]:
    for head in objects_of(clause.verb):
        object_ = phrases.argument(head)
        if object_ is None or ((head.pos_ == "ADJ" or is_bare(head)) and shares_end(head)):
            continue
        inner = list(read_object_prepositions(clause, subject, head, object_, phrases))
        found = list(fact(subject, clause.relation, phrases.object(head), "svo", clause.verb))
        shared = " " not in object_.text and shares_of(head)
        half = shared or _is_half_said(clause.verb) or is_idle(head) or is_every(head)
        if not half and not any(_is_part(one, phrases) for one in found):
            yield from found
        yield from inner


def _is_half_said(verb: Any) -> bool:
    """ "supplied the hospital with insulin", "forced the bank to sell", "named half of it as a park": the object alone
    says something else."""
    named = verb.lemma_ in NAMING_VERBS and any(child.dep_ == "prep" and child.lower_ == "as" for child in verb.rights)
    paired = verb.lemma_ in _PAIRING and any(child.lower_ in {"to", "with"} for child in verb.rights)
    return makes_act(verb) or named or paired or furnishes(verb)


def _is_part(one: Candidate, phrases: Phrases) -> bool:
    return needs_more(one.object, offset=phrases.offset, negated=one.assertion is Assertion.NEGATED)


def _copula(clause: Clause, subject: Argument, phrases: Phrases) -> Iterator[Candidate]:
    """ "X is Y", "X is the owner of Y", "X is effective against Y"."""
    for head in attributes_of(clause.verb):
        attribute = phrases.argument(head)
        if attribute is None or (head.tag_ == "NNS" and subject.type == "Person" and len(clause.subjects) == 1):
            continue
        if _is_one_of_list(head, clause) or head.pos_ in {"PRON", "DET"}:
            continue
        alone = is_one_of_a_kind(head) and attribute.text == attribute.short and not _has_more(head)
        kind = attribute if alone else phrases.object(head)
        yield from fact(subject, clause.relation, kind, "copula", clause.verb)
        if attribute.is_name or phrases.is_torn(attribute):
            continue
        for words, place in prepositions_of(head):
            if words in OWNED_KINDS and not is_idiom(place):
                relation = f"{clause.relation} {attribute.as_words if words == 'of' else attribute.as_phrase} {words}"
                yield from fact(subject, relation, phrases.object(place), "copula", clause.verb)
    for child in clause.verb.children:
        if child.dep_ in {"acomp", "oprd"}:
            for words, place in prepositions_of(child):
                if is_second(child, place):
                    continue
                relation = f"{clause.relation} {adjective(child)} {words}"
                yield from fact(subject, relation, phrases.object(place), "copula", clause.verb)
    yield from _owned_subject(clause, subject, phrases)


def _has_more(noun: Any) -> bool:
    """ "a partner at Lee Brothers"."""
    return any(child.dep_ == "prep" and not any(map(is_idiom, child.children)) for child in noun.rights)


def _is_one_of_list(attribute: Any, clause: Clause) -> bool:
    """ "the bands were delta, theta and gamma bands": no one of them is the bands."""
    joined = first_conjunct(attribute)
    several = len(clause.subjects) == 1 and clause.subjects[0].tag_ == "NNS"
    return several and joined.tag_ != "NNS" and any(child.dep_ == "conj" for child in joined.children)


def _owned_subject(clause: Clause, subject: Argument, phrases: Phrases) -> Iterator[Candidate]:
    """ "Metformin's half-life is six hours": said of the owner."""
    owner = phrases.entity_under(subject.head) if subject.head is not None else None
    if owner is None or subject.is_name:
        return
    for head in attributes_of(clause.verb):
        relation = f"{subject.head.lower_} {clause.relation}"
        yield from fact(owner, relation, phrases.argument(head), "poss", clause.verb)


def _agents(clause: Clause, subject: Argument, phrases: Phrases) -> Iterator[Candidate]:
    words = " ".join(word for word in clause.relation.split() if word not in _OF_PASSIVE)
    for head in agents_of(clause.verb):
        for found in fact(phrases.argument(head), words, subject, "passive", clause.verb):
            does = found.assertion is Assertion.NEGATED and clause.verb.lemma_ in NEGATING_VERBS
            # "excluded by echography": that it excludes is so.
            yield replace(found, assertion=Assertion.AFFIRMED) if does else found


def _dates(clause: Clause, subject: Argument, phrases: Phrases) -> Iterator[Candidate]:
    if clause.verb.lemma_ == "be":
        return
    for child in clause.verb.children:
        if child.dep_ in {"npadvmod", "advmod"}:
            date = phrases.argument(child)
            if date is not None and date.type == "Date" and _CALENDAR.search(date.text) and child.tag_ != "NNS":
                yield from fact(subject, clause.relation, date, "date", clause.verb)
