"""In whom something is so: "in patients who smoke", "among young women"."""

from typing import Any

POPULATIONS = frozenset(
    "patient woman man child adult person people infant rat mouse dog animal group volunteer participant".split()
)


def is_population(noun: Any) -> bool:
    """Whether this noun tells in whom, and which of them."""
    described = noun.lemma_ in POPULATIONS and any(child.dep_ != "det" for child in noun.children)
    return bool(described and noun.head.lower_ in {"in", "among"})
