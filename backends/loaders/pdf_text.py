"""The text of a PDF page: its lines, headings by size, word boxes, and its tables as rows."""

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from app.domain.documents import Heading, Span, TableRow, WordBox
from backends.loaders.pdf_cells import Table
from backends.loaders.pdf_signs import Place, Signs
from backends.loaders.pdf_table_rows import OpenTable, written_lines

_HEADING_RATIO = 1.15
_LONGEST_HEADING = 120
_LONGEST_CAPTION = 120
_PARAGRAPH_GAP = 1.7


@dataclass(slots=True)
class PdfPage:
    """Spans count from the start of the page's text."""

    text: str
    words: list[WordBox] = field(default_factory=list)
    headings: list[Heading] = field(default_factory=list)
    rows: list[TableRow] = field(default_factory=list)
    hidden: list[Span] = field(default_factory=list)
    """What a person who looks at the page does not see; of a table, whole rows."""
    ocr: bool = False
    warning: str | None = None
    open_table: OpenTable | None = None
    """The table that reaches the foot of the page and may go on."""


@dataclass(slots=True)
class _Line:
    start: int
    end: int
    top: float
    bottom: float
    size: float


@dataclass(slots=True)
class _Written:
    pieces: list[str] = field(default_factory=list)
    length: int = 0

    def add(self, gap: str, part: str) -> int:
        """Where the part starts."""
        start = self.length + len(gap)
        self.pieces += [gap, part]
        self.length = start + len(part)
        return start


def assemble(
    signs: Signs,
    tables: Sequence[Table] = (),
    owners: Sequence[int | None] = (),
    *,
    above: OpenTable | None = None,
    hidden: Sequence[Place] = (),
) -> PdfPage:
    """Doubles the line break where lines stand apart, so that paragraphs can be told; a table's rows stand where its
    first sign stood. `above` is the table at the foot of the page before, `hidden` what is not seen on the page."""
    every = [line for line in _lines(signs, ()) if isinstance(line, _Line)]
    usual = statistics.median(line.size for line in every) if every else 0.0
    written, page = _Written(), PdfPage("")
    before: _Line | None = None
    block_start = True
    for line in _lines(signs, owners) if tables else every:
        if isinstance(line, int):
            alone = before is not None and block_start and _is_near(before, tables[line])
            caption = signs.text[before.start : before.end] if before is not None and alone else None
            open_table = above if line == 0 else page.open_table
            goes_on = open_table is not None and open_table.goes_on_in(tables[line], next_page=line == 0)
            _add_table(tables[line], written, page, caption=caption, above=open_table if goes_on else None)
            before = None
            continue
        part = signs.text[line.start : line.end]
        is_heading = (
            line.size > usual * _HEADING_RATIO and len(part) <= _LONGEST_HEADING and any(map(str.isalpha, part))
        )
        gap = _gap(before, line, is_heading) if before is not None else "\n\n" if written.length else ""
        start = written.add(gap, part)
        if is_heading:
            page.headings.append(Heading(Span(start, start + len(part)), 1 if line.size > usual * 1.6 else 2))
        page.words += _words(signs, line, shift=start - line.start)
        page.hidden += _hidden(hidden, line, shift=start - line.start)
        before, block_start = line, gap != "\n"
    page.text = "".join(written.pieces)
    page.hidden = _joined(page.hidden, page.text)
    return page


def _add_table(table: Table, written: _Written, page: PdfPage, *, caption: str | None, above: OpenTable | None) -> None:
    lines, page.open_table = written_lines(table, caption=caption, above=above)
    for place, line in enumerate(lines):
        start = written.add("" if not written.length else "\n" if place and line.row else "\n\n", line.text)
        if line.hidden:
            page.hidden.append(Span(start, start + len(line.text)))
        if line.row is not None:
            page.rows.append(line.row.at(start, caption=line.caption))
        page.words += [WordBox(Span(start + span.start, start + span.end), *_clipped(*box)) for span, box in line.words]


def _is_near(line: _Line, table: Table) -> bool:
    """Whether the line can be the table's caption."""
    return (
        0 <= table.top - line.bottom + 0.01 < 3 * max(line.bottom - line.top, 0.01)
        and line.end - line.start <= _LONGEST_CAPTION
    )


def _gap(before: _Line, line: _Line, is_heading: bool) -> str:
    height = max(before.bottom - before.top, 1e-6)
    apart = line.top - before.bottom > (_PARAGRAPH_GAP - 1) * height or abs(line.size - before.size) > 0.5
    return "\n\n" if apart or is_heading else "\n"


def _lines(signs: Signs, owners: Sequence[int | None]) -> Iterator[_Line | int]:
    """Lines outside tables, and each table's number where its first sign stands."""
    for start, end, owner in _stretches(signs.text, owners):
        if owner is not None:
            yield owner
            continue
        part = signs.text[start:end]
        known = [place for place in signs.boxes[start:end] if place is not None]
        if part.strip() and known:
            trimmed = start + len(part) - len(part.lstrip())
            size = statistics.median([size for size in signs.sizes[start:end] if size] or [0.0])
            top, bottom = min(place[1] for place in known), max(place[3] for place in known)
            yield _Line(trimmed, start + len(part.rstrip()), top, bottom, size)


def _stretches(text: str, owners: Sequence[int | None]) -> Iterator[tuple[int, int, int | None]]:
    """Parts of lines that stand in no table, and a table where its first sign is."""
    start, seen = 0, set[int]()
    for part in text.split("\n"):
        end = start + len(part)
        free = start
        for place in range(start, end) if owners else ():
            owner = owners[place]
            if owner is None:
                continue
            if free < place:
                yield free, place, None
            if owner not in seen:
                seen.add(owner)
                yield place, place, owner
            free = place + 1
        if free < end:
            yield free, end, None
        start = end + 1


def _words(signs: Signs, line: _Line, *, shift: int) -> Iterator[WordBox]:
    start = line.start
    for part in signs.text[line.start : line.end].split(" "):
        end = start + len(part)
        known = [place for place in signs.boxes[start:end] if place is not None]
        if known:
            lefts, tops, rights, bottoms = zip(*known, strict=True)
            box = _clipped(min(lefts), min(tops), max(rights), max(bottoms))
            yield WordBox(Span(start + shift, end + shift), *box)
        start = end + 1


def _hidden(places: Sequence[Place], line: _Line, *, shift: int) -> Iterator[Span]:
    for first, last in places:
        start, end = max(first, line.start), min(last, line.end)
        if start < end:
            yield Span(start + shift, end + shift)


def _joined(spans: Sequence[Span], text: str) -> list[Span]:
    """Those with nothing but white space between them, as one."""
    joined: list[Span] = []
    for span in spans:
        goes_on = joined and not text[joined[-1].end : span.start].strip()
        joined.append(Span(joined.pop().start, span.end) if goes_on else span)
    return joined


def _clipped(*edges: float) -> tuple[float, ...]:
    return tuple(round(min(1.0, max(0.0, edge)), 5) for edge in edges)
