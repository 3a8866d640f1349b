"""How a fact's line is drawn in the browser: prefix, dash pattern and colour, by how it is stated."""

from app.domain.graph import Assertion
from components.words import ASSERTION, Line

DASHES: dict[Line, str] = {"solid": "", "dashed": "5 3", "dotted": "1.5 3", "dash-dot": "7 3 1.5 3", "long-dash": "9 4"}
"""SVG dash patterns, in pixels."""


def stating_data(assertion: Assertion, relation: str) -> dict[str, str]:
    statement = ASSERTION[assertion]
    return {
        "relation": f"{statement.prefix}{relation}",
        "line": DASHES[statement.line],
        "colour": statement.word.colour,
    }
