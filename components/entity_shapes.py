"""How types of entities look in drawings and what they are called on screens."""

import zlib
from dataclasses import dataclass
from typing import Literal

Shape = Literal["dot", "square", "diamond", "triangle", "triangleDown", "hexagon", "star"]


@dataclass(frozen=True, slots=True)
class EntityShape:
    """`colour` is a place in the theme's chart colours; `word` what people read."""

    word: str
    shape: Shape
    colour: int


_KNOWN = {
    "Person": EntityShape("Person", "dot", 0),
    "Organization": EntityShape("Organisation", "hexagon", 5),
    "Concept": EntityShape("Concept", "diamond", 2),
    "Topic": EntityShape("Topic", "star", 0),
    "Medicine": EntityShape("Medicine", "square", 1),
    "Product": EntityShape("Product", "square", 1),
    "Condition": EntityShape("Condition", "diamond", 4),
    "Test": EntityShape("Test", "triangle", 3),
    "Place": EntityShape("Place", "hexagon", 3),
    "Group": EntityShape("Group", "dot", 7),
    "Event": EntityShape("Event", "diamond", 7),
    "Work": EntityShape("Work", "square", 6),
    "Law": EntityShape("Law", "square", 2),
    "Language": EntityShape("Language", "star", 7),
    "Date": EntityShape("Date", "triangleDown", 6),
    "Amount": EntityShape("Amount", "triangle", 6),
}
_OTHERS: tuple[tuple[Shape, int], ...] = (
    ("triangle", 1),
    ("triangleDown", 2),
    ("star", 4),
    ("hexagon", 7),
    ("star", 5),
    ("triangleDown", 3),
)


def entity_shape(entity_type: str) -> EntityShape:
    """The same for the same type always; a type of somebody's own ontology gets one of the shapes left over."""
    known = _KNOWN.get(entity_type)
    if known is not None:
        return known
    shape, colour = _OTHERS[zlib.crc32(entity_type.encode()) % len(_OTHERS)]
    return EntityShape(entity_type, shape, colour)
