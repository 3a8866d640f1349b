"""Pronouns: the last subject that fits, nothing cleverer."""

from dataclasses import replace

from app.pipeline.rules_clauses import Clause
from app.pipeline.rules_phrases import Argument, Phrases
from app.pipeline.verification import PRONOUNS

_PERSONAL = frozenset({"he", "she", "him", "her"})
_THINGS = frozenset({"it", "they", "them"})
_PEOPLE = frozenset(
    ("patient woman man boy girl child physician doctor nurse customer client director officer chairman author").split()
)


class Antecedents:
    """The last subject that was a person and the last that was a thing, from the sentences read so far."""

    def __init__(self) -> None:
        self._person: Argument | None = None
        self._thing: Argument | None = None

    def resolve(self, argument: Argument) -> Argument:
        """The antecedent, marked, for he, she, it and they; everything else, and a pronoun without one, as it is."""
        word = argument.text.casefold()
        found = self._person if word in _PERSONAL else self._thing if word in _THINGS else None
        if found is None:
            return argument
        return replace(found, head=argument.head, coreference=True)

    def remember(self, main: Clause | None, phrases: Phrases) -> None:
        """Note the subject of a sentence's main clause."""
        if main is None:
            return
        subject = phrases.argument(main.subjects[0])
        if subject is None or subject.text.casefold() in PRONOUNS:
            return
        if subject.type == "Person" or main.subjects[0].lemma_.lower() in _PEOPLE:
            self._person = subject
        elif subject.type not in {"Date", "Amount"}:
            self._thing = subject
