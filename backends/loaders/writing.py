"""Builds a loaded document piece by piece; readers say what they found, spans are counted here."""

from collections.abc import Sequence
from dataclasses import replace

from app.domain.documents import Heading, LoadedDocument, Page, Span, TableRow, WordBox
from backends.loaders import hidden
from backends.loaders.rows import clean, write_row


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
        self._hidden: list[Span] = []
        self.title: str | None = None
        self.warnings: list[str] = []
        self.advice = "choose another one, or a better scan"

    def add_paragraph(self, text: str) -> Span | None:
        """A block of text with its line breaks; None for nothing."""
        text = clean(text).strip()
        if not hidden.unmarked(text).strip():
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
                self.title = text

    def add_row(self, header: Sequence[str], cells: Sequence[str], *, caption: str | None = None) -> None:
        """A row as "label; column: value; …"; nothing for one without a filled cell."""
        row = write_row(*([hidden.unmarked(cell) for cell in part] for part in (header, cells)))
        if row is not None:
            span = self._add(row.text)
            self._rows.append(row.at(span.start, caption=hidden.unmarked(caption) if caption else None))
            named = [name for name, cell in zip(header, cells, strict=False) if cell.strip()]
            if any(map(hidden.is_marked, (*named, *cells))):
                self._hidden.append(span)
            self._add("\n")

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
        self,
        text: str,
        *,
        words: Sequence[WordBox] = (),
        headings: Sequence[Heading] = (),
        rows: Sequence[TableRow] = (),
        hidden_places: Sequence[Span] = (),
        ocr: bool = False,
    ) -> None:
        """A whole page whose words, headings, rows and hidden places have spans that count from its own start; ends the
        page."""
        start = self._length
        self._add(hidden.blanked(text))
        moved = [WordBox(_moved(word.span, start), word.left, word.top, word.right, word.bottom) for word in words]
        self._headings += [replace(found, span=_moved(found.span, start)) for found in headings]
        self._rows += [replace(row, span=_moved(row.span, start)) for row in rows]
        self._hidden += [_moved(place, start) for place in hidden_places]
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
            raise ReaderError(f"The file holds no readable text: {self.advice}.")
        if self._hidden:
            self.warnings.append(f"Text that a reader of the file does not see, in {len(self._hidden)} places: marked.")
        return LoadedDocument(
            *(text, tuple(self._pages), tuple(self._headings), tuple(self._rows), self._short_title()),
            warnings=tuple(self.warnings),
            hidden=tuple(self._hidden),
        )

    def _short_title(self) -> str | None:
        return " ".join(hidden.unmarked(clean(self.title or "")).split())[:200] or None

    def _add(self, text: str) -> Span:
        text, concealed = hidden.split(text)
        self._hidden += [_moved(span, self._length) for span in concealed]
        span = Span(self._length, self._length + len(text))
        self._parts.append(text)
        self._length = span.end
        if self._length > self._most:
            raise ReaderError("The file holds more text than the limit allows: split it and add the parts.")
        return span


def _moved(span: Span, by: int) -> Span:
    return Span(span.start + by, span.end + by)
