"""Chooses the name under which an entity is shown."""

from collections import Counter
from collections.abc import Iterable


def display_name(names: Iterable[tuple[str, bool, int]]) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """Name, aliases and own names from (name, is it only an alias, in how many versions).

    The most frequent name that is no mere alias is shown, ties go to the first in text order; all others are aliases.
    """
    counts: Counter[str] = Counter()
    own: set[str] = set()
    for name, alias, number in names:
        counts[name] += number
        if not alias:
            own.add(name)
    if not counts:
        return "", (), ()
    first = min(counts, key=lambda name: (name not in own, -counts[name], name))
    return first, tuple(sorted(counts.keys() - {first})), tuple(sorted(own))
