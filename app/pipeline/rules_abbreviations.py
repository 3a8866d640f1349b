"""Abbreviations of what is measured, which the recogniser and the parser take for names."""

from typing import Any

_LONGEST_ABBREVIATION = 5


def is_described(token: Any) -> bool:
    """The abbreviation of "the target INR", which the parser takes for a second name of the target."""
    short = token.text.isupper() and len(token) <= _LONGEST_ABBREVIATION
    return bool(short and token.dep_ == "appos" and token.i == token.head.i + 1 and token.head.is_lower)


def is_measure(head: Any, entity: Any) -> bool:
    """ "a weekly INR", "an INR": an abbreviation that is described or one of several is no organisation."""
    short = entity.type == "Organization" and entity.text.isupper() and len(entity.text) <= _LONGEST_ABBREVIATION
    return short and any(
        child.lower_ in {"a", "an"} or (child.dep_ in {"amod", "compound"} and child.is_lower) for child in head.lefts
    )
