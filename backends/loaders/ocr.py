"""Reads a scanned page with Tesseract."""

import io
import os
import shutil
import subprocess
from typing import Any

from app.domain.documents import Span, WordBox
from backends.loaders.pdf_text import PdfPage

_LEAST_CONFIDENCE = 25
_COLUMNS = 12


def has_tesseract() -> bool:
    return shutil.which("tesseract") is not None


def read_image(image: Any, *, page_number: int, seconds: int) -> PdfPage:
    """Text with word boxes; a page that takes longer than `seconds` stays empty, with a warning."""
    try:
        found = _recognise(image, seconds=seconds)
    except subprocess.TimeoutExpired:
        return PdfPage("", warning=f"Page {page_number} took too long to recognise and was left out.")
    except subprocess.CalledProcessError:
        return PdfPage("", warning=f"Page {page_number} could not be recognised and was left out.")
    pieces: list[str] = []
    words: list[WordBox] = []
    before: tuple[int, int, int] | None = None
    length = 0
    for *numbers, confidence, text in found:
        if not text.strip() or float(confidence) < _LEAST_CONFIDENCE:
            continue
        _, _, block, paragraph, row, _, x, y, width, height = map(int, numbers)
        line = (block, paragraph, row)
        gap = "" if before is None else " " if line == before else "\n" if line[:2] == before[:2] else "\n\n"
        pieces += [gap, text]
        start = length + len(gap)
        length = start + len(text)
        left, top, right = x / image.width, y / image.height, (x + width) / image.width
        bottom = (y + height) / image.height
        words.append(WordBox(Span(start, length), *(round(edge, 5) for edge in (left, top, right, bottom))))
        before = line
    warning = None if pieces else f"Page {page_number} holds no readable text."
    return PdfPage("".join(pieces), words, ocr=True, warning=warning)


def _recognise(image: Any, *, seconds: int) -> list[list[str]]:
    """Tesseract's table of words; the picture goes to it through a pipe, so that no file of it is ever left behind."""
    target = io.BytesIO()
    image.convert("RGB").save(target, "PNG")
    done = subprocess.run(
        ["tesseract", "stdin", "stdout", "tsv"],  # noqa: S607
        input=target.getvalue(),
        capture_output=True,
        timeout=seconds,
        env={**os.environ, "OMP_THREAD_LIMIT": "1"},
        check=True,
    )
    lines = done.stdout.decode("utf-8", "replace").split("\n")[1:]
    return [fields for line in lines if len(fields := line.split("\t")) == _COLUMNS]
