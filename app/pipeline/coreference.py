"""Pronouns: the one person or thing they can mean; where two fit, none is chosen."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from app.domain.documents import Span
from app.domain.graph import Assertion
from app.domain.names import fold
from app.pipeline.polarity_words import FAMILY, FAMILY_OF_SOMEBODY
from app.pipeline.rules_arguments import Argument
from app.pipeline.rules_candidates import Candidate
from app.pipeline.rules_clauses import Clause
from app.pipeline.rules_fitness import depth, is_bare_definite, owner_of, points_back
from app.pipeline.rules_phrases import Phrases
from app.pipeline.rules_verbs import objects_of
from app.pipeline.verification import PRONOUNS

_PERSONAL = frozenset({"he", "she", "him", "her"})
_THINGS = frozenset({"it", "they", "them"})
_PEOPLE = frozenset(
    ("patient woman man boy girl child physician doctor nurse customer client director officer chairman author").split()
)
_ORGANIZATION_KINDS = frozenset({"company", "group", "firm"})
_TITLES = frozenset({"dr", "dr.", "mr", "mr.", "mrs", "mrs.", "ms", "ms.", "prof", "prof.", "professor", "sir", "dame"})
_POSSESSIVES = {"his": "he", "her": "she", "its": "it", "their": "they"}
_VALUES = frozenset({"Date", "Amount"})


class Antecedents:
    """Read a sentence with `begin`, resolve its pronouns, then `remember` it for the next."""

    def __init__(self) -> None:
        self._person: Argument | None = None
        self._thing: Argument | None = None
        self._people: list[Argument] = []
        self._things: list[Argument] = []
        self._subjects: set[int] = set()
        self._offset = 0
        self._kinds: dict[str, Argument | None] = {}

    def begin(self, clauses: Sequence[Clause], phrases: Phrases) -> None:
        """Note who and what this sentence itself names: they go before those of earlier sentences."""
        self._offset = phrases.offset
        self._subjects = {head.i for clause in clauses for head in clause.subjects}
        self._people = list(_people(clauses, phrases))
        known = {argument.span for argument in self._people}
        self._things = [found for found in _things(clauses, phrases) if found.span not in known]

    def resolve(self, argument: Argument) -> Argument:
        """The antecedent, marked, for he, she, it and they; everything else, and a pronoun without one, as it is."""
        word = argument.text.casefold()
        if argument.head is not None and depth(argument.head):
            return argument
        if word in _PERSONAL:
            found = self._choose(argument, self._people, self._person)
        elif word in _THINGS:
            found = self._choose(argument, self._things, self._thing)
        elif argument.head is not None and not argument.is_name and is_bare_definite(argument.head):
            found = self._kinds.get(argument.head.lemma_.lower())
        else:
            return argument
        if found is None or not _agrees(word, found) or points_back(found):
            return argument
        return replace(found, head=argument.head, coreference=True)

    def owner(self, argument: Argument) -> Argument | None:
        """Whose "his wealth" or "their size" is; None without a possessive pronoun, the pronoun where it is not known.

        A relative stays who they are: "her mother".
        """
        head = argument.head
        pronoun = owner_of(head) if head is not None and head.pos_ == "NOUN" else None
        if pronoun is None or _is_relative(argument):
            return None
        plain = _POSSESSIVES.get(pronoun.lower_, pronoun.lower_)
        start = self._offset + pronoun.idx
        asked = Argument(plain, Span(start, start + len(pronoun)), "Concept", pronoun)
        found = self.resolve(asked)
        return found if found.coreference else replace(asked, text=pronoun.text)

    def _choose(self, pronoun: Argument, here: Sequence[Argument], earlier: Argument | None) -> Argument | None:
        word = pronoun.text.casefold()
        several = word in {"they", "them"}
        named = [found for found in here if found.span.end <= pronoun.span.start]
        if several and any(map(_is_joined, named)):
            return None
        before = {fold(found.text): found for found in named if not several or _agrees(word, found)}
        if not before:
            return earlier
        if len(before) > 1:
            return None
        (only,) = before.values()
        return only if only.head is not None and only.head.i in self._subjects and not _is_relative(only) else None

    def remember(self, main: Clause | None, phrases: Phrases, facts: Sequence[Candidate]) -> None:
        """Note what is of which kind, the one person of a sentence, and the subject of its main clause if that is a
        name and no object could be meant too."""
        self._remember_kinds(phrases, facts)
        self._remember_organizations(phrases)
        subjects = [found for head in (main.subjects if main else ()) if (found := phrases.argument(head)) is not None]
        self._remember_person(subjects)
        if main is None:
            return
        if not subjects or subjects[0].text.casefold() in PRONOUNS:
            return
        objects = [head for head in objects_of(main.verb) if phrases.argument(head) is not None]
        if len(subjects) > 1 or objects or subjects[0].span in {found.span for found in self._people}:
            self._thing = None
        elif subjects[0].type not in _VALUES:
            self._thing = subjects[0] if subjects[0].is_named or _is_substance(subjects[0]) else None

    def _remember_person(self, subjects: Sequence[Argument]) -> None:
        """The only one that the sentence names; behind "He taught at Eastman" it is who he was, and behind a subject
        that may be a person too, nobody."""
        people = {fold(found.text): found for found in self._people}
        if not people or any(found.text.casefold() in _PERSONAL for found in subjects):
            return
        (first, *more) = people.values()
        unknown = any(
            found.is_named and not found.is_name and fold(found.text) not in people
            for found in subjects
            if found.head.dep_ in {"nsubj", "nsubjpass"}
        )
        unclear = more or unknown or _is_relative(first) or self._is_new_doctor(first)
        self._person = None if unclear else first

    def _remember_kinds(self, phrases: Phrases, facts: Sequence[Candidate]) -> None:
        """ "Load is an album", "the Klamath River": afterwards "the album" and "the river" are these, if no others."""
        kinds = [(fact.object.head.lemma_.lower(), fact.subject) for fact in facts if _says_what(fact)]
        for name in phrases.names():
            if name.type not in _VALUES and " " in name.text:
                kinds += [(word.casefold(), name) for word in (name.text.split()[0], name.text.split()[-1])]
        for kind, name in kinds:
            known = self._kinds.setdefault(kind, name)
            if known is None or fold(known.text) != fold(name.text):
                self._kinds[kind] = None

    def _remember_organizations(self, phrases: Phrases) -> None:
        """ "Ardenfell Foods plc makes cheese": afterwards "the company" is that, if no other organisation is named."""
        for name in phrases.names():
            for kind in _ORGANIZATION_KINDS if name.type == "Organization" else ():
                known = self._kinds.setdefault(kind, name)
                self._kinds[kind] = known if known is not None and fold(known.text) == fold(name.text) else None

    def _is_new_doctor(self, person: Argument) -> bool:
        """Behind "Mr Voss has gout. Dr Rudge started colchicine." a "he" may be either of them."""
        earlier = self._person
        if earlier is None or not _is_titled(person) or _is_titled(earlier):
            return False
        return fold(earlier.text) not in fold(person.text)


def _agrees(pronoun: str, found: Argument) -> bool:
    """ "they" are several or an organisation or group; "it" is neither several nor a person; one of a pair is neither
    of the two."""
    if pronoun not in _THINGS:
        return True
    if _is_joined(found):
        return False
    several = found.head is not None and found.head.tag_ in {"NNS", "NNPS"}
    if pronoun == "it":
        return not several and found.type != "Person"
    return several or found.type in {"Organization", "Group"}


def _is_joined(argument: Argument) -> bool:
    """ "the hospital" and "the clinic" of "the hospital and the clinic"."""
    head = argument.head
    return head is not None and (head.dep_ == "conj" or any(child.dep_ == "conj" for child in head.children))


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


def _is_substance(argument: Argument) -> bool:
    """ "Warfarin", "cortisol": one noun alone, which is not "a boat" or "the boat"."""
    head = argument.head
    return head is not None and head.tag_ == "NN" and argument.text == head.text and not any(head.lefts)


def _is_titled(name: Argument) -> bool:
    first, _, rest = name.text.partition(" ")
    return bool(rest) and first.casefold() in _TITLES


def _says_what(fact: Candidate) -> bool:
    if fact.kind not in {"copula", "appos"} or fact.relation not in {"is", "was", "are", "were"}:
        return False
    return fact.subject.is_named and fact.object.head is not None and fact.assertion is Assertion.AFFIRMED


def _is_relative(argument: Argument) -> bool:
    head: Any = argument.head
    return head is not None and bool({head.lemma_.lower(), head.lower_} & (FAMILY | FAMILY_OF_SOMEBODY))
