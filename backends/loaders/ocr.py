"""Reads a scanned page with Tesseract."""

import os
import shutil
from typing import Any

from app.domain.documents import Span, WordBox
from backends.loaders.pdf_text import PdfPage

_LEAST_CONFIDENCE = 25


def has_tesseract() -> bool:
    return shutil.which("tesseract") is not None


def read_image(image: Any, *, page_number: int, seconds: int) -> PdfPage:
    """Text with word boxes; a page that takes longer than `seconds` stays empty, with a warning."""
    import pytesseract

    os.environ["OMP_THREAD_LIMIT"] = "1"
    try:
        data = pytesseract.image_to_data(image, timeout=seconds, output_type=pytesseract.Output.DICT)
    except RuntimeError:
        return PdfPage("", warning=f"Page {page_number} took too long to recognise and was left out.")
    pieces: list[str] = []
    words: list[WordBox] = []
    before: tuple[int, int, int] | None = None
    length = 0
    for place, text in enumerate(data["text"]):
        if not text.strip() or float(data["conf"][place]) < _LEAST_CONFIDENCE:
            continue
        line = (data["block_num"][place], data["par_num"][place], data["line_num"][place])
        gap = "" if before is None else " " if line == before else "\n" if line[:2] == before[:2] else "\n\n"
        pieces += [gap, text]
        start = length + len(gap)
        length = start + len(text)
        left, top = data["left"][place] / image.width, data["top"][place] / image.height
        right = left + data["width"][place] / image.width
        bottom = top + data["height"][place] / image.height
        words.append(WordBox(Span(start, length), *(round(edge, 5) for edge in (left, top, right, bottom))))
        before = line
    warning = None if pieces else f"Page {page_number} holds no readable text."
    return PdfPage("".join(pieces), words, ocr=True, warning=warning)
