"""How a table row is written into a document's text, and what unit and period its header names."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from app.domain.documents import Span, TableRow

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]")
_UNIT = re.compile(r"\(([^()]{1,30})\)\s*$")
_PERIOD = re.compile(r"\b(?:Q[1-4]\s*)?(?:19|20)\d{2}\b|\bH[12]\s*20\d{2}\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class RowText:
    """A row as "label; column: value; column: value" with header and cells of one length, cleaned."""

    text: str
    header: tuple[str, ...]
    cells: tuple[str, ...]
    places: tuple[int | None, ...]
    """Where each cell begins in the text; None for an empty one."""

    def at(
        self, start: int, *, unit: str | None = None, period: str | None = None, caption: str | None = None
    ) -> TableRow:
        """The row standing at `start`; unit and period are read from header and caption where they are not given."""
        named = " ".join([*self.header, caption or ""])
        found_unit, found_period = _UNIT.search(named), _PERIOD.search(named)
        return TableRow(
            Span(start, start + len(self.text)),
            self.header,
            self.cells,
            unit=unit or (found_unit.group(1) if found_unit else None),
            period=period or (found_period.group(0) if found_period else None),
            caption=caption,
        )


def write_row(header: Sequence[str], cells: Sequence[str]) -> RowText | None:
    """A label that begins with a digit carries its column's name ("Clearance 60 or above"); empty cells are left out,
    separators inside cells replaced; None for a row without a filled cell.

    Cells behind the last column that has a name keep their value under an empty name.
    """
    width = max(_filled(header), _filled(cells))
    names, values = ([_cell(one) for one in [*part, *[""] * width][:width]] for part in (header, cells))
    if not any(values):
        return None
    before = f"{names[0]} " if names[0] and values[0][:1].isdigit() else ""
    label = before + (values[0] or next(value for value in values if value))
    pieces, length = [label], len(label)
    places: list[int | None] = [len(before) if values[0] else None]
    for name, value in zip(names[1:], values[1:], strict=True):
        before = f"; {name or 'value'}: "
        places.append(length + len(before) if value else None)
        if value:
            pieces += [before, value]
            length += len(before) + len(value)
    return RowText("".join(pieces), tuple(names), tuple(values), tuple(places))


def clean(text: str) -> str:
    """Without control characters; lone surrogates replaced; line ends as "\\n"."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = _CONTROL.sub(" ", text)
    return text.encode("utf-8", "replace").decode("utf-8")


def _filled(cells: Sequence[str]) -> int:
    """How many there are up to the last that holds something."""
    return max((place for place, cell in enumerate(cells, start=1) if cell.strip()), default=0)


def _cell(text: str) -> str:
    return " ".join(clean(text).split()).replace("; ", ", ").replace(": ", " – ").rstrip(";:")
