"""Pronouns: the one person or thing they can mean; where two fit, none is chosen."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from app.domain.names import fold
from app.pipeline.polarity_words import FAMILY, FAMILY_OF_SOMEBODY
from app.pipeline.rules_clauses import Clause, objects_of
from app.pipeline.rules_phrases import Argument, Phrases
from app.pipeline.verification import PRONOUNS

_PERSONAL = frozenset({"he", "she", "him", "her"})
_THINGS = frozenset({"it", "they", "them"})
_PEOPLE = frozenset(
    ("patient woman man boy girl child physician doctor nurse customer client director officer chairman author").split()
)
_TITLES = frozenset({"dr", "dr.", "mr", "mr.", "mrs", "mrs.", "ms", "ms.", "prof", "prof.", "professor", "sir", "dame"})
_VALUES = frozenset({"Date", "Amount"})


class Antecedents:
    """Read a sentence with `begin`, resolve its pronouns, then `remember` it for the next."""

    def __init__(self) -> None:
        self._person: Argument | None = None
        self._thing: Argument | None = None
        self._people: list[Argument] = []
        self._things: list[Argument] = []
        self._subjects: set[int] = set()

    def begin(self, clauses: Sequence[Clause], phrases: Phrases) -> None:
        """Note who and what this sentence itself names: they go before those of earlier sentences."""
        self._subjects = {head.i for clause in clauses for head in clause.subjects}
        self._people = list(_people(clauses, phrases))
        known = {argument.span for argument in self._people}
        self._things = [found for found in _things(clauses, phrases) if found.span not in known]

    def resolve(self, argument: Argument) -> Argument:
        """The antecedent, marked, for he, she, it and they; everything else, and a pronoun without one, as it is."""
        word = argument.text.casefold()
        if word in _PERSONAL:
            found = self._choose(argument, self._people, self._person)
        elif word in _THINGS:
            found = self._choose(argument, self._things, self._thing)
        else:
            return argument
        return argument if found is None else replace(found, head=argument.head, coreference=True)

    def _choose(self, pronoun: Argument, here: Sequence[Argument], earlier: Argument | None) -> Argument | None:
        before = {fold(found.text): found for found in here if found.span.end <= pronoun.span.start}
        if not before:
            return earlier
        if len(before) > 1:
            return None
        (only,) = before.values()
        return only if only.head is not None and only.head.i in self._subjects and not _is_relative(only) else None

    def remember(self, main: Clause | None, phrases: Phrases) -> None:
        """Note the one person of a sentence, and the subject of its main clause if no object could be meant too."""
        people = {fold(found.text): found for found in self._people}
        if people:
            (first, *more) = people.values()
            self._person = None if more or _is_relative(first) or self._is_new_doctor(first) else first
        if main is None:
            return
        subjects = [found for head in main.subjects if (found := phrases.argument(head)) is not None]
        if not subjects or subjects[0].text.casefold() in PRONOUNS:
            return
        objects = [head for head in objects_of(main.verb) if phrases.argument(head) is not None]
        if len(subjects) > 1 or objects or subjects[0].span in {found.span for found in self._people}:
            self._thing = None
        elif subjects[0].type not in _VALUES:
            self._thing = subjects[0]

    def _is_new_doctor(self, person: Argument) -> bool:
        """Behind "Mr Voss has gout. Dr Rudge started colchicine." a "he" may be either of them."""
        earlier = self._person
        if earlier is None or not _is_titled(person) or _is_titled(earlier):
            return False
        return fold(earlier.text) not in fold(person.text)


def _people(clauses: Sequence[Clause], phrases: Phrases) -> Iterator[Argument]:
    for name in phrases.names():
        if name.type == "Person" or _is_titled(name):
            yield name
    for clause in clauses:
        for head in clause.subjects:
            if {head.lemma_.lower(), head.lower_} & (_PEOPLE | FAMILY | FAMILY_OF_SOMEBODY):
                argument = phrases.argument(head)
                if argument is not None:
                    yield argument


def _things(clauses: Sequence[Clause], phrases: Phrases) -> Iterator[Argument]:
    for clause in clauses:
        for head in (*clause.subjects, *objects_of(clause.verb)):
            argument = phrases.argument(head)
            if argument is not None and argument.type not in _VALUES and argument.text.casefold() not in PRONOUNS:
                yield argument
    yield from (name for name in phrases.names() if name.type not in _VALUES)


def _is_titled(name: Argument) -> bool:
    first, _, rest = name.text.partition(" ")
    return bool(rest) and first.casefold() in _TITLES


def _is_relative(argument: Argument) -> bool:
    head: Any = argument.head
    return head is not None and bool({head.lemma_.lower(), head.lower_} & (FAMILY | FAMILY_OF_SOMEBODY))
