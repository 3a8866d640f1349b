"""How a ruled table of a PDF page is written: a line a row, its words where they stand on the page."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from app.domain.documents import Span
from backends.loaders.pdf_cells import Cell, Row, Table
from backends.loaders.pdf_headers import (
    ENTRY,
    as_pairs,
    caption_rows,
    column_names,
    header_rows,
    is_banner,
    is_bold,
)
from backends.loaders.pdf_signs import Box
from backends.loaders.rows import RowText, write_row

_FOOT = 0.6
_HEAD = 0.3
_NEAR = 0.03
_SAME_EDGE = 0.006


@dataclass(frozen=True, slots=True)
class OpenTable:
    """A table that may go on below or on the next page, where its header need not be said again."""

    header: tuple[str, ...]
    across: tuple[float, ...]
    bottom: float
    caption: str | None = None
    hidden: bool = False
    """Whether the header is not seen on the page."""

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> "OpenTable":
        """From what JSON leaves of one."""
        return cls(
            tuple(fields["header"]), tuple(fields["across"]), fields["bottom"], fields["caption"], fields["hidden"]
        )

    def goes_on_in(self, table: Table, *, next_page: bool) -> bool:
        if len(self.across) != len(table.across):
            return False
        near = table.top < _HEAD and self.bottom > _FOOT if next_page else 0 <= table.top - self.bottom < _NEAR
        return near and all(abs(a - b) < _SAME_EDGE for a, b in zip(self.across, table.across, strict=True))


@dataclass(frozen=True, slots=True)
class TableLine:
    """A row, or without `row` a caption inside the table; word spans count from the start of the text."""

    text: str
    words: list[tuple[Span, Box]]
    row: RowText | None = None
    caption: str | None = None
    hidden: bool = False
    """Whether a part of it, or of its header, is not seen on the page."""


def written_lines(table: Table, *, caption: str | None, above: OpenTable | None) -> tuple[list[TableLine], OpenTable]:
    """The lines, and what the table is to one that goes on below it. `above` is the table that goes on in this one."""
    captions = caption_rows(table.rows)
    named = header_rows(table.rows[captions:])
    header = column_names(table.rows[captions : captions + named], len(table.across) - 1)
    hidden = any(map(_is_hidden, table.rows[captions : captions + named]))
    if above is not None and (header == above.header or not (named and is_bold(table.rows[captions]))):
        named = named if header == above.header else 0
        header, caption, hidden = above.header, caption or above.caption, hidden or above.hidden
    body = [*table.rows[captions + named :]]
    shown = header
    if not any(header):
        body = as_pairs(body)
        shown = ENTRY if len(body[0]) == 2 else header
    lines = []
    for row in [*table.rows[:captions], *body]:
        line = _line(row, shown, caption)
        caption = line.text if line.row is None else caption
        lines.append(replace(line, hidden=_is_hidden(row) or (hidden and line.row is not None)))
    return lines, OpenTable(header, table.across, table.bottom, caption, hidden)


def _is_hidden(row: Row) -> bool:
    return any(cell is not None and cell.hidden for cell in row)


def _line(row: Row, header: tuple[str, ...], caption: str | None) -> TableLine:
    cells = [cell or Cell() for cell in row]
    filled = [cell for cell in cells if cell.words]
    written = write_row(header, [cell.text for cell in cells])
    if written is None or (len(filled) == 1 and (cells[0].words or is_banner(row))):
        text = filled[0].text
        return TableLine(text, list(_found(filled[0], text, 0, len(text))))
    words: list[tuple[Span, Box]] = []
    if not cells[0].words:
        words += _found(filled[0], written.text, 0, written.text.find("; "))
    for cell, place, value in zip(cells, written.places, written.cells, strict=False):
        if place is not None:
            words += _found(cell, written.text, place, place + len(value))
    return TableLine(written.text, words, written, caption)


def _found(cell: Cell, text: str, start: int, end: int) -> Iterator[tuple[Span, Box]]:
    """Where the cell's words stand in the row's text, which leaves out some of their separators."""
    for word, box in cell.words:
        kept = word.rstrip(";:")
        place = text.find(kept, start, end) if kept else -1
        if place >= 0:
            start = place + len(kept)
            yield Span(place, start), box
