"""The words of a verb that name a relation."""

from typing import Any

from app.pipeline.parse_walking import first_conjunct
from app.pipeline.rules_verbs import objects_of

_LETTING = frozenset({"allow", "enable", "help", "let", "permit"})
"""What their object does it can do."""
_HOW_OFTEN = frozenset(
    (
        "often sometimes usually typically commonly frequently generally mostly mainly largely partly partially almost "
        "nearly originally initially occasionally primarily"
    ).split()
)
"""Without these a relation says more than its sentence."""


def relation_words(verb: Any) -> str:
    """ "was admitted", "has been inducted", "must pay", "started taking", "carries out": lower case, in the order of
    the text; without negation and auxiliaries other than those of the passive and of duty. Who is let can."""
    parts = [verb]
    parts += [child for child in verb.children if child.dep_ in {"prt", "auxpass"} or _is_duty(child)]
    parts += _perfect(verb)
    parts += [child for child in verb.children if child.dep_ == "advmod" and child.lower_ in _HOW_OFTEN]
    above = _sharing(verb)
    if above is not verb:
        parts += [child for child in above.children if _is_duty(child)]
    while above.dep_ == "xcomp" and above.head.pos_ in {"VERB", "AUX"} and not objects_of(above.head):
        parts += [child for child in above.children if child.dep_ == "aux" and child.lower_ == "to"]
        above = above.head
        parts += [above, *(child for child in above.children if child.dep_ == "prt" or _is_duty(child))]
    words = [_whole_verb(part) for part in sorted(set(parts), key=lambda part: part.i) if part.lower_ != "n't"]
    return " ".join(["can", *words] if is_under(verb, _LETTING) and above is verb else words)


def _sharing(verb: Any) -> Any:
    """The first of several joined verbs, whose auxiliary all share: "can destroy crops and lead to hunger"."""
    alone = any(child.dep_ in {"aux", "auxpass", "nsubj", "nsubjpass"} for child in verb.children)
    first = first_conjunct(verb)
    return verb if alone or verb.tag_ != "VB" or first.tag_ != "VB" else first


def _whole_verb(token: Any) -> str:
    """ "re-erected" of "re - erected"."""
    dash = token.nbor(-1).text_with_ws if token.i > 1 else ""
    parted = dash in {"-", "- ", "–"} and token.nbor(-2).is_alpha
    return f"{token.nbor(-2).lower_}-{token.lower_}" if parted else str(token.lower_)


def _perfect(verb: Any) -> list[Any]:
    """The "has" of "has been inducted"."""
    been = verb.lower_ == "been" or any(child.dep_ == "auxpass" and child.lower_ == "been" for child in verb.children)
    return [child for child in verb.children if been and child.dep_ == "aux" and child.lemma_ == "have"]


def _is_duty(token: Any) -> bool:
    """What must be, should be or can be is not yet so: the relation says which."""
    return token.dep_ == "aux" and token.lower_ in {"must", "should", "shall", "can", "ought", "need"}


def is_under(verb: Any, verbs: frozenset[str]) -> bool:
    return verb.dep_ in {"xcomp", "ccomp"} and verb.head.lemma_ in verbs
