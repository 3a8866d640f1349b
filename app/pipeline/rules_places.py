"""Places in places: "in Campbell County, Tennessee"."""

from collections.abc import Iterator
from typing import Any

PLACES = frozenset({"GPE", "LOC", "FAC"})


def places_around(head: Any, words: str) -> Iterator[tuple[str, Any]]:
    """ "in Campbell County, Tennessee", "at Wembley Arena in London": what is in a place is in the larger one."""
    if head.ent_type_ not in PLACES:
        return
    for child in head.rights:
        if child.dep_ == "appos" and child.ent_type_ in PLACES:
            yield words, child
            yield from places_around(child, words)
        elif child.dep_ == "prep" and child.lower_ == "in":
            for place in child.children:
                if place.dep_ == "pobj" and place.ent_type_ in PLACES:
                    yield "in", place
                    yield from places_around(place, "in")
