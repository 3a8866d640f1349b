"""Cells of a PDF table: their words and where these stand on the page."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from backends.loaders.pdf_signs import Box


@dataclass(eq=False, slots=True)
class Cell:
    """One that spans rows is the same object in each of them."""

    columns: int = 1
    rows: int = 1
    words: list[tuple[str, Box]] = field(default_factory=list)
    bold: bool = False
    hidden: bool = False
    """Whether a part of it is not seen on the page."""

    @property
    def text(self) -> str:
        return " ".join(word for word, _ in self.words)


Row = Sequence[Cell | None]
"""By column; None where the cell to the left, or none, covers the place."""


@dataclass(frozen=True, slots=True)
class Table:
    """A ruled table; rows without a word are left out."""

    rows: list[Row]
    across: tuple[float, ...]
    """Edges of the columns as fractions of the page's width."""
    top: float
    bottom: float
