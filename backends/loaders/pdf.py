"""Reads PDF files: the text of pages, page images; scanned pages through OCR."""

import io
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from backends.loaders.pdf_hidden import find_hidden
from backends.loaders.pdf_repair import rewritten
from backends.loaders.pdf_rulings import Drawing, TooManyLinesError
from backends.loaders.pdf_signs import read_signs
from backends.loaders.pdf_table_rows import OpenTable
from backends.loaders.pdf_tables import find_tables
from backends.loaders.pdf_text import PdfPage, assemble
from backends.loaders.writing import ReaderError

INSTALL_TESSERACT = "install Tesseract to read scans"
_FEWEST_SIGNS = 8
_MOST_PIXELS = 150_000_000
"""Of a page's images, which take a hundredth of a microsecond and three bytes each to be drawn."""


def count_pages(content: bytes) -> dict[str, Any]:
    """`pages`, `title` and `warning`. Raises ReaderError."""
    document, repaired = _open(content)
    warning = "The file is damaged; what could be found of it was read." if repaired else None
    return {"pages": len(document), "title": document.get_metadata_value("Title"), "warning": warning}


def open_pdf(content: bytes) -> Any:
    """A pypdfium2 document. Raises ReaderError for a protected or broken file."""
    return _open(content)[0]


def _open(content: bytes) -> tuple[Any, bool]:
    """The document, and whether it had to be repaired."""
    import pypdfium2

    try:
        return pypdfium2.PdfDocument(content), False
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower() or "security" in str(error).lower():
            raise ReaderError("The PDF is protected by a password: remove it and add the file again.") from error
    repaired = rewritten(content)
    if repaired is not None:
        with suppress(pypdfium2.PdfiumError):
            return pypdfium2.PdfDocument(repaired), True
    raise ReaderError("The PDF is damaged and cannot be opened: export it again and add it.")


def read_pages(
    content: bytes, *, first: int, count: int, ocr_seconds: int, open_table: Mapping[str, Any] | None = None
) -> Iterator[PdfPage]:
    """Pages from `first` (counted from 0); `ocr_seconds` 0 leaves scanned pages empty; `open_table` are the fields of
    the table at the foot of the page before."""
    import pypdfium2

    above = OpenTable.of(open_table) if open_table is not None else None

    document = open_pdf(content)
    for index in range(first, min(first + count, len(document))):
        try:
            page = document[index]
            found = _read_text(page, index, above)
        except pypdfium2.PdfiumError:
            yield PdfPage("", warning=f"Page {index + 1} is damaged and was left out.")
            above = None
            continue
        if sum(map(str.isalnum, found.text)) < _FEWEST_SIGNS:
            found = _read_scan(page, index, ocr_seconds) or found
        page.close()
        above = found.open_table
        yield found


def render(content: bytes, page: int, *, width: int) -> bytes:
    """PNG of a page counted from 1."""
    document = open_pdf(content)
    if not 1 <= page <= len(document):
        raise LookupError(page)
    shown = document[page - 1]
    scale = min(width / max(1.0, shown.get_width()), 6.0)
    image = shown.render(scale=scale).to_pil()
    target = io.BytesIO()
    image.save(target, "PNG")
    return target.getvalue()


def _read_text(page: Any, index: int, above: OpenTable | None) -> PdfPage:
    signs, drawing = read_signs(page), Drawing(page)
    is_small = drawing.pixels <= _MOST_PIXELS
    hidden = find_hidden(page, signs, drawing.pictures) if is_small else []
    try:
        tables, owners = find_tables(page, signs, drawing, hidden)
        found = assemble(signs, tables, owners, above=above, hidden=hidden)
    except TooManyLinesError:
        found = assemble(signs, hidden=hidden)
        found.warning = f"Page {index + 1} has too many lines to tell its tables; it was read as text."
    if not is_small and found.text:
        found.warning = f"Page {index + 1} holds pictures too large to find text that is hidden among them."
    return found


def _read_scan(page: Any, index: int, ocr_seconds: int) -> PdfPage | None:
    from backends.loaders.ocr import has_tesseract, read_image

    if not ocr_seconds or not has_tesseract():
        return PdfPage("", warning=f"Page {index + 1} holds no readable text; {INSTALL_TESSERACT}.")
    image = page.render(scale=200 / 72).to_pil()
    return read_image(image, page_number=index + 1, seconds=ocr_seconds)
