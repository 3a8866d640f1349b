"""Abbreviations that a text explains itself: "atrial fibrillation (AF)"."""

import re
from functools import lru_cache

from app.domain.names import name_key

_BRACKET = re.compile(r"\((?P<short>[A-Za-z][A-Za-z0-9&/-]{1,9})\)")
_WORDS = re.compile(r"[^\s()\[\],;:.]+")
_MOST_LETTERS_BETWEEN = 120


@lru_cache(maxsize=8)
def find_abbreviations(text: str) -> dict[str, tuple[str, str]]:
    """Key of each abbreviation to (abbreviation, long form), after Schwartz and Hearst 2003.

    The long form stands right before the bracket, begins with the abbreviation's first letter and holds its letters in
    order; a bracket without two capital letters explains nothing. The first explanation counts.
    """
    found: dict[str, tuple[str, str]] = {}
    for match in _BRACKET.finditer(text):
        short = match["short"]
        if sum(map(str.isupper, short)) < 2:
            continue
        before = text[max(0, match.start() - _MOST_LETTERS_BETWEEN) : match.start()].rstrip()
        words = list(_WORDS.finditer(before))[-min(len(short) + 5, 2 * len(short)) :]
        long = _long_form(short, before[words[0].start() :]) if words else None
        if long and len(long) > len(short) and not re.search(r"[()\[\],;:.\n]", long):
            found.setdefault(name_key(short), (short, long))
    return found


def _long_form(short: str, before: str) -> str | None:
    """The shortest end of `before` that holds the letters of `short` in order, the first at the start of a word."""
    place = len(before)
    letters = [sign.lower() for sign in short if sign.isalnum()]
    for position in range(len(letters) - 1, -1, -1):
        place -= 1
        while place >= 0 and not (
            before[place].lower() == letters[position]
            and (position > 0 or place == 0 or not before[place - 1].isalnum())
        ):
            place -= 1
        if place < 0:
            return None
    return before[place:]
