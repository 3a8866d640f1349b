"""How a fact is stated, read from the dependency parse: negated, possible, planned, of the family, in the past."""

from collections.abc import Iterable
from typing import Any

from app.domain.documents import Span
from app.domain.graph import Assertion
from app.pipeline.negation import chain, has_ended, is_denied, is_denied_noun, is_denied_twice, is_put_instead
from app.pipeline.parse_walking import (
    claim_above,
    first_conjunct,
    has_child,
    head_at,
    is_purpose,
    prepositions,
    verb_above,
    verb_joining,
    way,
)
from app.pipeline.polarity_words import (
    FAMILY,
    FAMILY_OF_SOMEBODY,
    FAMILY_SIDES,
    HEDGING_MODALS,
    HEDGING_NOUNS,
    HEDGING_WORDS,
    INVESTIGATING_VERBS,
    PAST_WORDS,
    PLANNING_VERBS,
    PLANNING_WORDS,
    UNSURE_VERBS,
)

_VALUES = frozenset({"DATE", "TIME", "QUANTITY", "CARDINAL", "PERCENT"})
PARSE_DECIDES = frozenset(
    {"svo", "verb_pp", "obj_pp", "copula", "appos", "passive", "poss", "compound", "life", "date", "table"}
)
"""Kinds made by rules: their status was read from the parse already."""


def polarity_of(document: Any, subject: Span | None, object_: Span | None, *, relation: str = "") -> Assertion:
    """The status of a fact whose arguments stand at these spans of the sentence, None where one stands elsewhere.

    With `relation`, a fact that the sentence says has ended ("stopped taking") and the relation does not is negated.
    """
    heads = [head_at(document, span) for span in (subject, object_) if span is not None]
    verb = verb_joining(heads)
    status = status_of(verb, heads)
    if status is Assertion.AFFIRMED and relation and has_ended(verb, relation):
        return Assertion.NEGATED
    return status


def status_of(verb: Any | None, arguments: Iterable[Any], *, between: Iterable[Any] = ()) -> Assertion:
    """The status by the words around a verb, the heads of the arguments (spaCy tokens), and on the way between them.

    `between` are other words that the relation is made of: in "found no match for Lee" it is "match".
    """
    heads = list(arguments)
    ways = [step for head in (*heads, *between) for step in way(head, verb)]
    if _is_negated(verb, heads, ways):
        doubted = is_denied_twice(verb) and not any(is_denied_noun(step) for step in ways)
        return Assertion.POSSIBLE if doubted else Assertion.NEGATED
    if _is_family(heads, verb) or any(_of_family(step, heads) for step in ways):
        return Assertion.FAMILY
    if _is_hedged(verb, ways):
        return Assertion.POSSIBLE
    if _is_planned(verb):
        return Assertion.PLANNED
    if _is_past(verb) or any(_governed_by_history(head) for head in heads):
        return Assertion.HISTORICAL
    return Assertion.AFFIRMED


def _is_negated(verb: Any | None, heads: list[Any], ways: list[Any]) -> bool:
    return any(is_denied_noun(step) for step in ways) or is_denied(verb) or any(is_put_instead(head) for head in heads)


def _is_hedged(verb: Any | None, ways: list[Any]) -> bool:
    if verb is not None and (_has_condition(verb) or _follows_unsure(verb)):
        return True
    for step in chain(verb):
        if _is_unsure(step) or step.lower_ in HEDGING_WORDS or _only_seems(step, verb):
            return True
        if step is not verb and step.lemma_.lower() in UNSURE_VERBS:
            return True
        claim = claim_above(step)
        if claim is not None and claim.lemma_.lower() in HEDGING_NOUNS:
            return True
        if step.lemma_.lower() in INVESTIGATING_VERBS and any(_is_sought(*one) for one in prepositions(step)):
            return True
    return any(_is_unsure(step) or step.lower_ in HEDGING_NOUNS or _has_modal(step) for step in ways)


def _is_sought(preposition: str, noun: Any) -> bool:
    """ "for cancer", but not "for 33 days"."""
    return preposition == "for" and noun.ent_type_ not in _VALUES


def _has_modal(noun: Any) -> bool:
    """ "may" in "Prostanoids may, via release of tachykinins, contribute": parsed as the noun's."""
    return any(child.tag_ == "MD" and child.lower_ in HEDGING_MODALS for child in noun.rights)


def _is_unsure(token: Any) -> bool:
    """ "may have", "possible cancer", "if it rises", "when it rises" but not "when it rose"."""
    return any(
        (child.lower_ in HEDGING_WORDS and child.dep_ != "conj")
        or (child.dep_ == "aux" and child.lower_ in HEDGING_MODALS)
        or (child.dep_ == "mark" and child.lower_ in {"if", "unless", "whether"})
        or (child.lower_ in {"when", "whenever"} and token.dep_ != "ROOT" and token.tag_ in {"VBZ", "VBP"})
        for child in token.children
    )


def _follows_unsure(verb: Any) -> bool:
    """ "may leak, promoting rebound", "may cancel, declare it due"; "to create a society where laughter is shared"."""
    first = first_conjunct(verb)
    if first.dep_ == "advcl" and first.tag_ in {"VB", "VBG"} and not is_purpose(first):
        return _is_unsure(first.head)
    wanted = verb_above(first.head) if first.dep_ == "relcl" and first.head.dep_ in {"dobj", "pobj"} else None
    return wanted is not None and is_purpose(wanted)


def _has_condition(verb: Any) -> bool:
    """ "controls it if she holds more than half": true only then."""
    below = [child for child in verb.children if child.dep_ == "advcl"]
    return any(mark.dep_ == "mark" and mark.lower_ in {"if", "unless"} for child in below for mark in child.children)


def _only_seems(step: Any, verb: Any) -> bool:
    """ "appears to own", "appears stable"; what "appears on a list" is there."""
    if step.lemma_ not in {"appear", "seem"}:
        return False
    return step is not verb or any(child.dep_ in {"acomp", "oprd", "attr"} for child in step.children)


def _is_planned(verb: Any | None) -> bool:
    for step in chain(verb):
        if any(child.dep_ == "aux" and child.lower_ in {"will", "'ll"} for child in step.children):
            return True
        if has_child(step, PLANNING_WORDS) or (step is not verb and step.lemma_.lower() in PLANNING_VERBS):
            return True
        if is_purpose(step):
            return True
        to_be = step.dep_ == "xcomp" and step.head.lemma_ == "be"
        if to_be and any(child.dep_ == "aux" and child.lower_ == "to" for child in step.children):
            return True
    return False


def _is_past(verb: Any | None) -> bool:
    return any(has_child(step, PAST_WORDS) for step in chain(verb))


def _is_family(heads: list[Any], verb: Any | None) -> bool:
    """What is said of a relative: the subject, or one of several joined subjects."""
    return any(_is_relative(head) for head in heads if _is_subject(head, verb))


def _is_subject(head: Any, verb: Any | None) -> bool:
    first = first_conjunct(head)
    if first.dep_ in {"nsubj", "nsubjpass"}:
        return True
    return verb is not None and verb.dep_ in {"relcl", "acl"} and verb.head.i == head.i


def _is_relative(head: Any) -> bool:
    """ "her father", "two of her aunts", "his child" but not "the child"."""
    if {head.lemma_.lower(), head.lower_} & FAMILY:
        return True
    if head.lemma_.lower() in FAMILY_OF_SOMEBODY and any(child.dep_ == "poss" for child in head.children):
        return True
    some = head.pos_ in {"NUM", "PRON", "DET"}
    return some and any(_is_relative(noun) for words, noun in prepositions(head) if words == "of")


def _of_family(noun: Any, heads: list[Any]) -> bool:
    """ "family history of stroke", "breast cancer in her mother", "cares for her mother with dementia"."""
    if noun.lower_ == "history" and has_child(noun, FAMILY_SIDES):
        return True
    if noun not in heads and noun.dep_ not in {"attr", "appos"} and _is_relative(noun) and not _is_of(noun, heads):
        return True
    return any(words == "in" and _is_relative(inner) for words, inner in prepositions(noun))


def _is_of(relative: Any, heads: list[Any]) -> bool:
    """ "is known as a daughter of Hermes": a fact of Hermes."""
    whose = [noun for words, noun in prepositions(relative) if words == "of"]
    return any(head in whose or first_conjunct(head) in whose for head in heads)


def _governed_by_history(head: Any) -> bool:
    """ "a history of gout", but not "the history of medicine"."""
    step = head if head.dep_ != "conj" else first_conjunct(head)
    if step.dep_ != "pobj" or step.head.lower_ != "of" or step.head.head.lower_ != "history":
        return False
    return not any(child.lower_ == "the" for child in step.head.head.children)
