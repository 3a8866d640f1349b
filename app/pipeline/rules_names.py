"""Facts that stand beside a name rather than in a clause: appositions, owners, life dates, places in places."""

import re
from collections.abc import Iterator
from typing import Any

from app.domain.graph import Assertion
from app.pipeline.polarity import status_of
from app.pipeline.rules_abbreviations import is_described
from app.pipeline.rules_arguments import Argument
from app.pipeline.rules_candidates import Candidate, fact
from app.pipeline.rules_clauses import prepositions_of
from app.pipeline.rules_patterns import OWNED_KINDS
from app.pipeline.rules_phrases import Phrases
from app.pipeline.rules_places import PLACES
from app.pipeline.rules_populations import POPULATIONS
from app.pipeline.rules_torn import CAUSED

_PLACE_NOUNS = frozenset(
    (
        "city town village capital suburb district county state province region country island river lake mountain "
        "port neighborhood neighbourhood municipality commune area site home seat area center centre resort"
    ).split()
)
_ORGANIZATION_NOUNS = frozenset(
    (
        "company bank band group club team party university college school hospital agency firm label studio network "
        "newspaper magazine channel publisher society union league orchestra church charity insurer broker fund"
    ).split()
)
_HAVING_IT = POPULATIONS | {"model", "cohort", "case"}
"""What has the outcome: "ADR-induced nephropathy groups"."""
_DATE = r"((?:\d{1,2} )?(?:[A-Z][a-z]+ )?(?:\d{1,2}, )?\d{4})"
_EARLY = 20
"""Characters before a name whose years in brackets are its life; behind that they are often those of an office."""
_LIFE = re.compile(rf"[ ,]*\((?:born {_DATE}|{_DATE} ?[-–] ?{_DATE})\)")


def read_names(phrases: Phrases) -> Iterator[Candidate]:
    """Everything of these kinds in one sentence. A line without a verb is a header or a form: there only a person's
    role is an apposition."""
    has_verb = any(token.pos_ in {"VERB", "AUX"} for token in phrases.document)
    for token in phrases.document:
        if token.dep_ == "appos":
            yield from (found for found in _apposition(token, phrases) if has_verb or found.subject.type == "Person")
        elif token.dep_ == "poss" and token.head.dep_ in {"compound", "nmod", "nsubj", "appos", "attr", "conj"}:
            yield from _owned_name(token, phrases)
        elif token.dep_ == "pobj" and token.ent_type_ in PLACES:
            yield from _place_in_place(token, phrases)
        elif token.lower_ in CAUSED:
            yield from _caused(token, phrases)
    yield from _roles_before(phrases)
    yield from _life_dates(phrases)


def _life_dates(phrases: Phrases) -> Iterator[Candidate]:
    """ "Meier Bernheimer (1801 - 1870)": born and died; what the brackets mean is inferred."""
    names = list(phrases.names())
    for name in names:
        if name.type != "Person":
            continue
        bracket = _LIFE.match(phrases.document.text, name.span.end - phrases.offset)
        if bracket is None or (
            bracket[3] and len(bracket[3]) == len("1893") and name.span.start - phrases.offset > _EARLY
        ):
            continue
        for place, relation in enumerate(("born", "born", "died"), start=1):
            if bracket[place]:
                yield from fact(name, relation, phrases.stretch(*bracket.span(place), type_="Date"), "life", None)


def _apposition(token: Any, phrases: Phrases) -> Iterator[Candidate]:
    """ "Alice Brown, chair of Acme"; "Campbell County, Tennessee" is a place in a place."""
    if not _between_commas(token) or is_described(token):
        return
    first, second = phrases.argument(token.head), phrases.argument(token)
    if first is None or second is None or first.text != first.short or _is_cut_by_verb(token):
        return
    if {first.type, second.type} & {"Amount", "Date"}:
        return
    if first.type == second.type == "Place":
        if any(child.dep_ in {"conj", "cc"} for child in (*token.children, *token.head.children)):
            return
        yield from fact(first, "in", second, "appos", None)
        return
    if token.left_edge.i == token.head.i + 1 and second.is_named:
        first = phrases.plain(token.head) or first
    if second.is_named and not first.is_named:
        first, second = second, first
    if not _may_be(first, second):
        return
    yield from fact(first, "is", second, "appos", None)
    for words, place in prepositions_of(second.head):
        if words in OWNED_KINDS:
            yield from fact(first, f"is {second.short.lower()} {words}", phrases.argument(place), "appos", None)


def _is_cut_by_verb(token: Any) -> bool:
    """ "In the realm of hoaxes, the broadcast stands out": a subject taken for an apposition of what precedes it."""
    last = token.right_edge
    return last.i + 1 < len(last.doc) and token.head.dep_ == "pobj" and last.nbor(1).pos_ in {"VERB", "AUX"}


def _roles_before(phrases: Phrases) -> Iterator[Candidate]:
    """ "Soviet composer Nikita Bogoslovsky": the common noun before a name says what it is."""
    for name in phrases.names():
        if name.type not in {"Person", "Organization"} or name.head is None or name.text[0].islower():
            continue
        kinds = None if name.type == "Person" else _ORGANIZATION_NOUNS
        start = phrases.document.char_span(
            name.span.start - phrases.offset, name.span.end - phrases.offset, alignment_mode="expand"
        ).start
        noun = phrases.document[start - 1] if start else None
        if noun is not None and noun.pos_ == "NOUN" and noun.dep_ in {"compound", "nmod"} and noun.text.isalpha():
            if kinds is not None and noun.lemma_.lower() not in kinds:
                continue
            yield from fact(name, "is", phrases.leading(noun, name.head), "appos", None)


def _may_be(name: Argument, role: Argument) -> bool:
    """A list that was taken for an apposition is none: the role is a common noun with an article or of a name."""
    listed = any(child.dep_ == "cc" for child in role.head.children) and not name.is_name
    if (
        listed
        or not role.head.text.isalpha()
        or role.head.pos_ == "PROPN"
        or any(map(str.isdigit, role.text + name.text))
    ):
        return False
    if (
        name.head.dep_ == "attr"
        or role.head.tag_ == "NNS"
        or any(child.dep_ in {"conj", "cc"} for child in name.head.children)
    ):
        return False
    if name.type == "Place":
        return role.head.lemma_.lower() in _PLACE_NOUNS
    return name.is_name or any(child.pos_ == "DET" for child in role.head.lefts)


def _owned_name(token: Any, phrases: Phrases) -> Iterator[Candidate]:
    """ "Acme's chairman, Bob Lee", "his wife Sarah": the role joins the two names."""
    owner = phrases.argument(token)
    role = token.head
    if owner is None or role.pos_ != "NOUN":
        return
    for name in (child for child in role.children if child.dep_ == "appos"):
        person = phrases.argument(name)
        if person is None or not person.is_name:
            continue
        if token.pos_ == "PRON":
            yield from fact(owner, role.lower_, person, "poss", None)
        elif owner.is_name:
            yield from fact(person, f"{role.lower_} of", owner, "poss", None)


def _place_in_place(token: Any, phrases: Phrases) -> Iterator[Candidate]:
    """ "Wembley Arena in London"."""
    for child in token.rights:
        if child.dep_ == "prep" and child.lower_ == "in" and child.i == token.i + 1:
            for place in child.children:
                if place.dep_ == "pobj" and place.ent_type_ in PLACES:
                    yield from fact(phrases.argument(token), "in", phrases.argument(place), "appos", None)


def _caused(token: Any, phrases: Phrases) -> Iterator[Candidate]:
    """ "haloperidol-induced catalepsy": what stands before the hyphen causes the noun."""
    document = phrases.document
    if token.i < 2 or document[token.i - 1].text not in {"-", "‐", "‑", "–"} or token.head.i <= token.i:
        return
    cause = phrases.before(document[token.i - 2])
    outcome = phrases.after(token, token.head)
    part = any(child.dep_ == "prep" for child in token.head.rights)
    if cause is not None and outcome is not None and not part and token.head.lemma_ not in _HAVING_IT:
        status = status_of(None, [token.head])
        if status is not Assertion.NEGATED:
            yield Candidate(cause, token.lower_, outcome, "compound", status)


def _between_commas(token: Any) -> bool:
    """Not a bracket: "aspirin (75 mg)" is no apposition."""
    before = token.doc[token.head.i : token.left_edge.i]
    return not any(part.text in {"(", "[", "/", ";", ":"} for part in before)
