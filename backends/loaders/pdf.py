"""Reads PDF pages: text, word boxes, headings by size, page images; scanned pages through OCR."""

import ctypes
import io
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from app.domain.documents import Heading, Span, WordBox
from backends.loaders.writing import ReaderError

_FEWEST_SIGNS = 8
_HEADING_RATIO = 1.15
_LONGEST_HEADING = 120
_PARAGRAPH_GAP = 1.7
_HYPHENS = {0x02, 0xFFFE}

Box = tuple[float, float, float, float]


@dataclass(slots=True)
class PdfPage:
    """Spans count from the start of the page's text."""

    text: str
    words: list[WordBox] = field(default_factory=list)
    headings: list[Heading] = field(default_factory=list)
    ocr: bool = False
    warning: str | None = None


@dataclass(slots=True)
class _Line:
    start: int
    end: int
    top: float
    bottom: float
    size: float


def open_pdf(content: bytes) -> Any:
    """A pypdfium2 document. Raises ReaderError for a protected or broken file."""
    import pypdfium2

    try:
        return pypdfium2.PdfDocument(content)
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower() or "security" in str(error).lower():
            raise ReaderError("The PDF is protected by a password: remove it and add the file again.") from error
        raise ReaderError("The PDF is damaged and cannot be opened: export it again and add it.") from error


def read_pages(content: bytes, *, first: int, count: int, ocr_seconds: int) -> Iterator[PdfPage]:
    """Pages from `first` (counted from 0); `ocr_seconds` 0 leaves scanned pages empty."""
    import pypdfium2

    document = open_pdf(content)
    for index in range(first, min(first + count, len(document))):
        try:
            page = document[index]
            found = _read_text(page)
        except pypdfium2.PdfiumError:
            yield PdfPage("", warning=f"Page {index + 1} is damaged and was left out.")
            continue
        if sum(map(str.isalnum, found.text)) < _FEWEST_SIGNS:
            found = _read_scan(page, index, ocr_seconds) or found
        page.close()
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


def _read_text(page: Any) -> PdfPage:
    from pypdfium2 import raw

    text_page = page.get_textpage()
    place = _places(page)
    box = [ctypes.c_double() for _ in range(4)]
    signs: list[str] = []
    boxes: list[Box | None] = []
    sizes: list[float] = []
    joining = False
    for index in range(text_page.count_chars()):
        code = raw.FPDFText_GetUnicode(text_page, index)
        if code in _HYPHENS:
            joining = True
            continue
        sign = _sign(code)
        if not sign or (joining and sign in "\n "):
            continue
        joining = False
        signs.append(sign)
        if sign.isspace() or not raw.FPDFText_GetCharBox(text_page, index, *map(ctypes.byref, box)):
            boxes.append(None)
            sizes.append(0.0)
            continue
        boxes.append(place(*(edge.value for edge in box)))
        sizes.append(raw.FPDFText_GetFontSize(text_page, index))
    return _assemble("".join(signs), boxes, sizes)


def _places(page: Any) -> Callable[[float, float, float, float], Box]:
    """From a sign's edges in the page's own space to its box on the page as it is shown, cut and turned."""
    turns = page.get_rotation() // 90
    width, height = page.get_size() if turns % 2 == 0 else reversed(page.get_size())
    width, height = max(width, 1e-6), max(height, 1e-6)
    left_edge, bottom_edge = (max(edges) for edges in zip(page.get_mediabox()[:2], page.get_cropbox()[:2], strict=True))

    def turn(across: float, down: float) -> tuple[float, float]:
        for _ in range(turns):
            across, down = 1 - down, across
        return across, down

    def place(left: float, right: float, bottom: float, top: float) -> Box:
        one = turn((left - left_edge) / width, 1 - (top - bottom_edge) / height)
        other = turn((right - left_edge) / width, 1 - (bottom - bottom_edge) / height)
        return min(one[0], other[0]), min(one[1], other[1]), max(one[0], other[0]), max(one[1], other[1])

    return place


def _sign(code: int) -> str:
    if code in {0x00, 0x0D} or 0xD800 <= code <= 0xDFFF:
        return ""
    if code in {0x0A, 0x09, 0xA0}:
        return "\n" if code == 0x0A else " "
    sign = chr(code)
    return sign if sign.isprintable() else ""


def _assemble(text: str, boxes: list[Box | None], sizes: list[float]) -> PdfPage:
    """Doubles the line break where lines stand apart, so that paragraphs can be told; finds headings and words."""
    lines = list(_lines(text, boxes, sizes))
    usual = statistics.median(line.size for line in lines) if lines else 0.0
    pieces: list[str] = []
    words: list[WordBox] = []
    headings: list[Heading] = []
    before: _Line | None = None
    length = 0
    for line in lines:
        part = text[line.start : line.end]
        is_heading = (
            line.size > usual * _HEADING_RATIO and len(part) <= _LONGEST_HEADING and any(map(str.isalpha, part))
        )
        gap = "" if before is None else _gap(before, line, is_heading)
        pieces += [gap, part]
        start = length + len(gap)
        length = start + len(part)
        if is_heading:
            headings.append(Heading(Span(start, length), 1 if line.size > usual * 1.6 else 2))
        words += _words(text, boxes, line, shift=start - line.start)
        before = line
    return PdfPage("".join(pieces), words, headings)


def _gap(before: _Line, line: _Line, is_heading: bool) -> str:
    height = max(before.bottom - before.top, 1e-6)
    apart = line.top - before.bottom > (_PARAGRAPH_GAP - 1) * height or abs(line.size - before.size) > 0.5
    return "\n\n" if apart or is_heading else "\n"


def _lines(text: str, boxes: list[Box | None], sizes: list[float]) -> Iterator[_Line]:
    start = 0
    for part in text.split("\n"):
        end = start + len(part)
        known = [place for place in boxes[start:end] if place is not None]
        if part.strip() and known:
            trimmed = start + len(part) - len(part.lstrip())
            size = statistics.median([size for size in sizes[start:end] if size] or [0.0])
            top, bottom = min(place[1] for place in known), max(place[3] for place in known)
            yield _Line(trimmed, start + len(part.rstrip()), top, bottom, size)
        start = end + 1


def _words(text: str, boxes: list[Box | None], line: _Line, *, shift: int) -> Iterator[WordBox]:
    start = line.start
    for part in text[line.start : line.end].split(" "):
        end = start + len(part)
        known = [place for place in boxes[start:end] if place is not None]
        if known:
            lefts, tops, rights, bottoms = zip(*known, strict=True)
            yield WordBox(Span(start + shift, end + shift), *_clipped(min(lefts), min(tops), max(rights), max(bottoms)))
        start = end + 1


def _clipped(*edges: float) -> tuple[float, ...]:
    return tuple(round(min(1.0, max(0.0, edge)), 5) for edge in edges)


def _read_scan(page: Any, index: int, ocr_seconds: int) -> PdfPage | None:
    from backends.loaders.ocr import has_tesseract, read_image

    if not ocr_seconds or not has_tesseract():
        return PdfPage("", warning=f"Page {index + 1} holds no readable text; install Tesseract to read scans.")
    image = page.render(scale=200 / 72).to_pil()
    return read_image(image, page_number=index + 1, seconds=ocr_seconds)
