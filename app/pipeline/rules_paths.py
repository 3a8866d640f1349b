"""Facts along the dependency path: from the subject of a clause to a name that no other rule links it to."""

from collections.abc import Iterator, Sequence
from typing import Any

from app.pipeline.parse_walking import first_conjunct
from app.pipeline.rules_arguments import Argument
from app.pipeline.rules_candidates import Candidate, fact
from app.pipeline.rules_clauses import Clause
from app.pipeline.rules_patterns import subject_of
from app.pipeline.rules_phrases import Phrases

_LONGEST_PATH_WORDS = 7
_STEPS = frozenset({"dobj", "attr", "acomp", "oprd", "prep", "agent", "pobj", "pcomp", "dative"})


def read_paths(clauses: Sequence[Clause], phrases: Phrases, facts: Sequence[Candidate]) -> Iterator[Candidate]:
    """From the subject of a clause to every name of it that no other rule has linked to that subject; the words
    between are read along the dependency path, which runs from verb to name in the order of the text."""
    linked = {(fact.subject.span, fact.object.span) for fact in facts}
    names = list(phrases.names())
    for clause in clauses:
        subject = subject_of(clause, clause.subjects[0], phrases)
        if subject is None or not subject.is_named:
            continue
        for name in names:
            pairs = {(subject.span, name.span), (name.span, subject.span)}
            if linked & pairs or name.span.overlaps(subject.span) or not _may_be_reached(name):
                continue
            if (words := _path_words(clause.verb, name)) and words[0].isalpha():
                linked |= pairs
                yield from fact(subject, words, name, "path", clause.verb)


def _may_be_reached(name: Argument) -> bool:
    """Amounts, "the year", "today" and bare abbreviations are linked wrongly too often."""
    if name.type == "Date":
        return any(map(str.isdigit, name.text))
    return name.type != "Amount" and (name.is_name or not (name.text.isupper() or "." in name.text))


def _path_words(verb: Any, name: Argument) -> str:
    """The words on the way from the verb down to the name; "" where the way is no chain of objects and
    prepositions, leaves the clause, or is too long."""
    token = first_conjunct(name.head)
    if token.pos_ != name.head.pos_:
        return ""
    steps: list[Any] = []
    while token.i != verb.i:
        if token.dep_ not in _STEPS or token.head.i > token.i:
            return ""
        token = token.head
        steps.append(token)
    chosen = [step for step in reversed(steps) if step.pos_ in {"NOUN", "ADP", "VERB", "AUX", "ADJ", "PROPN"}]
    if len(chosen) > _LONGEST_PATH_WORDS or not chosen or chosen[-1].pos_ != "ADP" or _compares(chosen):
        return ""
    if verb.lemma_ == "be" and chosen[1].pos_ == "ADP":
        return ""
    return " ".join(part.lower_ for part in chosen)


def _compares(steps: Sequence[Any]) -> bool:
    """ "a lower incidence than in Lee": what is compared stands off the path."""
    return any(step.lower_ == "than" for step in steps)
