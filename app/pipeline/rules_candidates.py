"""A fact as rules read it, before its pronouns are resolved, and what makes it none."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from app.domain.graph import Assertion
from app.pipeline.polarity import status_of
from app.pipeline.rules_arguments import Argument
from app.pipeline.rules_empty import is_empty
from app.pipeline.rules_fitness import (
    is_alternative,
    is_aside,
    is_asked,
    is_one_of_many,
    is_only_wanted,
    leaves_out_limit,
)
from app.pipeline.rules_torn import cuts_bound

_REPORTS = frozenset(
    (
        "study finding result datum data paper essay article report analysis evidence experiment trial investigation "
        "purpose aim objective goal"
    ).split()
)
_REPORTING_VERBS = frozenset(
    (
        "show suggest demonstrate indicate find report reveal conclude describe explore discuss present investigate "
        "support outline examine delve highlight favor favour determine evaluate assess compare test"
    ).split()
)
_BRACKETS = frozenset("()[]")
"""In a verb such as "antagonist)-induced" two words are torn."""
_FAILING = re.compile(r"^(?:fail(?:s|ed)?|failing) to ")
_WITHOUT_DOING = re.compile(r"\bwithout \w+ing\b")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A fact before its pronouns are resolved."""

    subject: Argument
    relation: str
    object: Argument
    kind: str
    assertion: Assertion


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
    if subject is None or object_ is None or subject.type in {"Date", "Amount"} or not relation.strip():
        return
    if verb is not None and verb.lemma_ in _REPORTING_VERBS and _last_lemma(subject) in _REPORTS:
        return
    if is_aside(subject, verb) or is_one_of_many(subject, verb) or is_asked(verb) or is_only_wanted(subject, verb):
        return
    if is_empty(subject, relation, object_) or (verb is not None and set(verb.text) & _BRACKETS):
        return
    said = f"{subject.text} {relation} {object_.text}"
    if leaves_out_limit(said, verb, whom=" " in object_.text) or (verb is not None and cuts_bound(said, verb.doc.text)):
        return
    heads = [argument.head for argument in (subject, object_) if argument.head is not None]
    status = status_of(verb, heads, between=between)
    if status is Assertion.NEGATED and "without" in relation.split():
        if (
            "than" in relation.split()
            or _WITHOUT_DOING.search(relation)
            or (verb is not None and any(one.dep_ == "neg" for one in verb.children))
        ):
            return
        relation = re.sub(r"\bwithout\b", "with", relation)
    if status is Assertion.NEGATED:
        relation = _FAILING.sub("", relation)
    if status is Assertion.NEGATED or not is_alternative(object_, verb):
        yield Candidate(subject, relation, object_, kind, status)


def _last_lemma(argument: Argument) -> str:
    return str(argument.head.lemma_.lower()) if argument.head is not None else ""
