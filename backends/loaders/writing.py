"""Builds a loaded document piece by piece; readers say what they found, spans are counted here."""

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

from app.domain.documents import Heading, LoadedDocument, Page, Span, TableRow, WordBox

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]")
_UNIT = re.compile(r"\(([^()]{1,30})\)\s*$")
_PERIOD = re.compile(r"\b(?:Q[1-4]\s*)?(?:19|20)\d{2}\b|\bH[12]\s*20\d{2}\b", re.IGNORECASE)


class ReaderError(Exception):
    """A file that cannot be used; the message is a sentence for people."""


class DocumentWriter:
    """Text grows by paragraphs; pages, headings and rows remember where they lie in it."""

    def __init__(self, *, most_characters: int) -> None:
        self._parts: list[str] = []
        self._length = 0
        self._most = most_characters
        self._pages: list[Page] = []
        self._page_start = 0
        self._headings: list[Heading] = []
        self._rows: list[TableRow] = []
        self.title: str | None = None
        self.warnings: list[str] = []

    def add_paragraph(self, text: str) -> Span | None:
        """A block of text with its line breaks; None for nothing."""
        text = clean(text).strip()
        if not text:
            return None
        span = self._add(text)
        self._add("\n\n")
        return span

    def add_heading(self, text: str, *, level: int) -> None:
        """The first heading of level 1 is the title when none was given."""
        span = self.add_paragraph(" ".join(clean(text).split()))
        if span is not None:
            self._headings.append(Heading(span, max(1, level)))
            if self.title is None and level == 1:
                self.title = " ".join(clean(text).split())[:200]

    def add_row(self, header: Sequence[str], cells: Sequence[str], *, caption: str | None = None) -> None:
        """A row as "label; column: value; …"; empty cells are left out, separators inside cells replaced.

        Cells behind the last column that has a name keep their value under an empty name.
        """
        width = max(_filled(header), _filled(cells))
        names, values = ([_cell(one) for one in [*part, *[""] * width][:width]] for part in (header, cells))
        if not any(values):
            return
        label = values[0] or next(value for value in values if value)
        filled = [f"{name or 'value'}: {value}" for name, value in zip(names[1:], values[1:], strict=True) if value]
        span = self._add("; ".join([label, *filled]))
        self._add("\n")
        named = " ".join([*names, caption or ""])
        unit, period = _UNIT.search(named), _PERIOD.search(named)
        self._rows.append(
            TableRow(
                span,
                tuple(names),
                tuple(values),
                unit=unit.group(1) if unit else None,
                period=period.group(0) if period else None,
                caption=caption,
            )
        )

    def add_table(self, rows: Sequence[Sequence[str]], *, caption: str | None = None) -> None:
        """The first row is the header; a table of one row or one column is prose."""
        filled = [list(row) for row in rows if any(cell.strip() for cell in row)]
        if len(filled) < 2 or max(map(len, filled)) < 2:
            for row in filled:
                self.add_paragraph(" ".join(row))
            return
        if caption:
            self.add_paragraph(caption)
        for row in filled[1:]:
            self.add_row(filled[0], row, caption=caption)
        self._add("\n")

    def add_page_text(
        self, text: str, *, words: Sequence[WordBox] = (), headings: Sequence[Heading] = (), ocr: bool = False
    ) -> None:
        """A whole page whose words and headings have spans that count from its own start; ends the page."""
        start = self._length
        self._add(text)
        moved = [
            WordBox(Span(start + word.span.start, start + word.span.end), word.left, word.top, word.right, word.bottom)
            for word in words
        ]
        self._headings += [
            Heading(Span(start + found.span.start, start + found.span.end), found.level) for found in headings
        ]
        self._add("\n\n")
        self.end_page(words=moved, ocr=ocr)

    def end_page(self, *, words: Sequence[WordBox] = (), ocr: bool = False) -> None:
        number = len(self._pages) + 1
        self._pages.append(Page(number, Span(self._page_start, self._length), tuple(words), ocr))
        self._page_start = self._length

    def finish(self) -> LoadedDocument:
        """Raises ReaderError when there is no readable text."""
        if self._length > self._page_start or not self._pages:
            self.end_page()
        text = "".join(self._parts)
        if not any(sign.isalnum() for sign in text):
            raise ReaderError("The file holds no readable text: if it is a scan, install Tesseract and try again.")
        return LoadedDocument(
            text, tuple(self._pages), tuple(self._headings), tuple(self._rows), self.title, tuple(self.warnings)
        )

    def _add(self, text: str) -> Span:
        span = Span(self._length, self._length + len(text))
        self._parts.append(text)
        self._length = span.end
        if self._length > self._most:
            raise ReaderError("The file holds more text than the limit allows: split it and add the parts.")
        return span


def clean(text: str) -> str:
    """Without control characters; lone surrogates replaced; line ends as "\\n"."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = _CONTROL.sub(" ", text)
    return text.encode("utf-8", "replace").decode("utf-8")


def clean_name(name: str) -> str:
    """The last path part without control and direction signs, at most 180 characters; "file" when nothing is left."""
    last = PurePosixPath(name.replace("\\", "/")).name
    kept = "".join(
        sign
        for sign in last
        if sign.isprintable() and sign not in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
    )
    stem, dot, ending = kept.strip().rpartition(".")
    return (f"{stem[:170]}{dot}{ending[:10]}" if dot else ending[:180]) or "file"


def _filled(cells: Sequence[str]) -> int:
    """How many there are up to the last that holds something."""
    return max((place for place, cell in enumerate(cells, start=1) if cell.strip()), default=0)


def _cell(text: str) -> str:
    return " ".join(clean(text).split()).replace("; ", ", ").replace(": ", " – ").rstrip(";:")
