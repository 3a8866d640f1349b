"""A fact as rules read it, before its pronouns are resolved, and what makes it none."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from app.domain.graph import Assertion
from app.pipeline.polarity import status_of
from app.pipeline.rules_arguments import Argument
from app.pipeline.rules_fitness import is_aside, is_asked, is_one_of_many, leaves_out_limit

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
    if is_aside(subject, verb) or is_one_of_many(subject, verb) or is_asked(verb):
        return
    if leaves_out_limit(f"{subject.text} {relation} {object_.text}", verb, whom=" " in object_.text):
        return
    heads = [argument.head for argument in (subject, object_) if argument.head is not None]
    yield Candidate(subject, relation, object_, kind, status_of(verb, heads, between=between))


def _last_lemma(argument: Argument) -> str:
    return str(argument.head.lemma_.lower()) if argument.head is not None else ""
