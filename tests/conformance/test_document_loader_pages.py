"""PDF pages: word boxes, headings, page images, scans, progress, and the form of what readers write."""

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.documents import LoadedDocument, Page
from app.errors import CancelledError, InvalidInputError, NotFoundError
from backends.loaders.base import DocumentLoader
from backends.loaders.ocr import has_tesseract, read_image
from backends.loaders.settings import LoaderSettings
from backends.loaders.texts import read_csv, read_json, read_markdown, read_text
from backends.loaders.writing import DocumentWriter, ReaderError
from backends.loading import load
from tests.conformance.document_files import FIRST_PAGE, FORMATS, SENTENCE, make_pdf, make_scan, protect_pdf
from tests.conformance.implementations import implementations
from tests.servers.requiring import require

PDF = FORMATS["letter.pdf"]


@pytest.fixture(scope="module", params=implementations(LoaderSettings))
def loader(request: pytest.FixtureRequest) -> Iterator[DocumentLoader]:
    opened: DocumentLoader = load(DocumentLoader, request.param(pages_a_batch=2, pages=6))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def letter(loader: DocumentLoader) -> LoadedDocument:
    return loader.load("letter.pdf", PDF)


def place_of(loaded: LoadedDocument, page: Page, word: str) -> tuple[float, float]:
    """The middle of a word on its page."""
    found = next(one for one in page.words if loaded.text[one.span.start : one.span.end] == word)
    return (found.left + found.right) / 2, (found.top + found.bottom) / 2


def test_a_page_keeps_its_words_with_boxes_inside_the_page(letter: LoadedDocument) -> None:
    assert [page.number for page in letter.pages] == [1, 2]
    for page in letter.pages:
        text = letter.text[page.span.start : page.span.end]
        assert [letter.text[word.span.start : word.span.end] for word in page.words] == text.split()
        for word in page.words:
            assert page.span.start <= word.span.start < word.span.end <= page.span.end
            assert 0 <= word.left < word.right <= 1
            assert 0 <= word.top < word.bottom <= 1


def test_boxes_lie_where_the_words_stand(letter: LoadedDocument) -> None:
    page = letter.pages[0]
    assert place_of(letter, page, "Warfarin")[1] > place_of(letter, page, "Medication")[1]
    assert place_of(letter, page, "amiodarone.")[0] > place_of(letter, page, "Warfarin")[0]
    assert place_of(letter, page, "Discharge")[1] < 0.15


def test_a_larger_line_is_a_heading_and_the_title_comes_from_the_file(letter: LoadedDocument) -> None:
    assert [letter.text[one.span.start : one.span.end] for one in letter.headings] == ["Discharge letter"]
    assert letter.title == "Discharge letter"


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_boxes_turn_with_the_page(loader: DocumentLoader, letter: LoadedDocument, rotation: int) -> None:
    turned = loader.load("turned.pdf", make_pdf(FIRST_PAGE, rotation=rotation))
    for word in ("Discharge", "amiodarone."):
        across, down = place_of(letter, letter.pages[0], word)
        for _ in range(rotation // 90):
            across, down = 1 - down, across
        assert place_of(turned, turned.pages[0], word) == pytest.approx((across, down), abs=0.01)


def test_a_box_marks_ink_on_the_page_image(loader: DocumentLoader, letter: LoadedDocument) -> None:
    from PIL import Image

    image = Image.open(io.BytesIO(loader.render_page("letter.pdf", PDF, 1, width=800))).convert("L")
    assert image.width == pytest.approx(800, abs=1)
    for word in letter.pages[0].words:
        left, right = word.left * image.width, word.right * image.width
        darkest, _ = image.crop((left, word.top * image.height, right, word.bottom * image.height)).getextrema()
        assert int(darkest) < 128  # type: ignore[arg-type]


def test_a_page_that_does_not_exist_has_no_image(loader: DocumentLoader) -> None:
    for page in (0, 3):
        with pytest.raises(NotFoundError):
            loader.render_page("letter.pdf", PDF, page, width=300)
    with pytest.raises(InvalidInputError, match="Only PDF"):
        loader.render_page("letter.txt", b"text", 1, width=300)


def test_progress_counts_pages_and_false_stops_the_reading(loader: DocumentLoader) -> None:
    content = make_pdf(*(f"This is page {number} of the letter." for number in range(1, 6)))
    seen: list[tuple[int, int]] = []

    def go_on(done: int, total: int) -> bool:
        seen.append((done, total))
        return True

    loaded = loader.load("five.pdf", content, on_progress=go_on)
    assert seen == [(0, 5), (2, 5), (4, 5)]
    assert len(loaded.pages) == 5
    with pytest.raises(CancelledError, match="stopped"):
        loader.load("five.pdf", content, on_progress=lambda done, _total: done < 2)


def test_a_document_with_too_many_pages_is_refused(loader: DocumentLoader) -> None:
    with pytest.raises(InvalidInputError, match="more than 6 pages: split it"):
        loader.load("seven.pdf", make_pdf(*(["text of a page"] * 7)))


def test_a_protected_pdf_is_refused_and_one_that_only_restricts_printing_is_read(loader: DocumentLoader) -> None:
    with pytest.raises(InvalidInputError, match="protected by a password"):
        loader.load("letter.pdf", protect_pdf(PDF, user="secret", owner="owner"))
    assert SENTENCE in loader.load("letter.pdf", protect_pdf(PDF, user="", owner="owner")).text


def test_a_scanned_page_is_read_with_boxes(loader: DocumentLoader) -> None:
    if not has_tesseract():
        require("tesseract", "install Tesseract")
    loaded = loader.load("scan.pdf", make_scan("Warfarin interacts\nwith amiodarone"))
    assert "Warfarin interacts" in loaded.text
    assert "amiodarone" in loaded.text
    page = loaded.pages[0]
    assert page.ocr
    assert [loaded.text[word.span.start : word.span.end] for word in page.words] == loaded.text.split()
    assert all(0 <= word.left < word.right <= 1 and 0 <= word.top < word.bottom <= 1 for word in page.words)
    assert place_of(loaded, page, "amiodarone")[1] > place_of(loaded, page, "Warfarin")[1]


def test_without_recognition_a_scanned_page_is_named_in_a_warning() -> None:
    without = load(DocumentLoader, LoaderSettings(ocr=False))
    with pytest.raises(InvalidInputError, match="no readable text: install Tesseract to read scans"):
        without.load("scan.pdf", make_scan("Warfarin"))
    from pypdf import PdfWriter

    both = PdfWriter()
    for content in (PDF, make_scan("Warfarin")):
        both.append(io.BytesIO(content))
    target = io.BytesIO()
    both.write(target)
    loaded = without.load("both.pdf", target.getvalue())
    assert len(loaded.pages) == 3
    assert loaded.warnings == ("Page 3 holds no readable text; install Tesseract to read scans.",)


def test_a_page_that_cannot_be_recognised_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With programs in the place of Tesseract: one fails, one never ends."""
    from PIL import Image

    said = []
    for line in ("exit 1", "exec sleep 60"):
        place_program(tmp_path, line, monkeypatch)
        said.append(read_image(Image.new("L", (20, 20)), page_number=3, seconds=1).warning)
    assert said == [
        "Page 3 could not be recognised and was left out.",
        "Page 3 took too long to recognise and was left out.",
    ]


@pytest.mark.parametrize("sign", ["\u2028", "\x0c", "\x85"])
def test_a_line_of_recognition_ends_at_its_line_feed_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sign: str
) -> None:
    from PIL import Image

    words = [f"5\t1\t1\t1\t1\t{n}\t{n}\t1\t2\t2\t96\t{word}" for n, word in enumerate((f"War{sign}farin", "5"))]
    (tmp_path / "table.tsv").write_text("\n".join(["level\ttext", *words, "cut off"]), encoding="utf-8", newline="")
    place_program(tmp_path, f"cat '{tmp_path}/table.tsv'", monkeypatch)
    found = read_image(Image.new("L", (20, 20)), page_number=1, seconds=20)
    assert (found.text, len(found.words)) == (f"War{sign}farin 5", 2)


def place_program(folder: Path, line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program = folder / "tesseract"
    program.write_text(f"#!/bin/sh\ncat > /dev/null\n{line}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)


PIECES = st.one_of(
    st.tuples(st.just("paragraph"), st.text(max_size=40)),
    st.tuples(st.just("heading"), st.text(max_size=40)),
    st.tuples(st.just("page"), st.just("")),
    st.tuples(st.just("table"), st.lists(st.lists(st.text(max_size=8), max_size=4), max_size=4)),
)


def check(loaded: LoadedDocument) -> None:
    assert loaded.pages[0].span.start == 0
    assert loaded.pages[-1].span.end == len(loaded.text)
    assert all(one.span.end == two.span.start for one, two in zip(loaded.pages, loaded.pages[1:], strict=False))
    for span in [one.span for one in loaded.headings] + [one.span for one in loaded.rows]:
        assert loaded.text[span.start : span.end].strip()
        assert span.end <= len(loaded.text)
    for row in loaded.rows:
        assert len(row.header) == len(row.cells)
        shown = loaded.text[row.span.start : row.span.end]
        assert all(cell in shown for cell in row.cells)
    loaded.text.encode()


@given(st.lists(PIECES, max_size=8))
@settings(max_examples=150, deadline=None)
def test_whatever_is_written_spans_and_pages_fit_the_text(pieces: list[tuple[str, Any]]) -> None:
    writer = DocumentWriter(most_characters=10_000)
    for kind, value in pieces:
        if kind == "paragraph":
            writer.add_paragraph(value)
        elif kind == "heading":
            writer.add_heading(value, level=1)
        elif kind == "page":
            writer.end_page()
        else:
            writer.add_table(value)
    try:
        check(writer.finish())
    except ReaderError:
        assert not any(sign.isalnum() for kind, value in pieces for sign in str(value) if kind in {"paragraph"})


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
@settings(max_examples=150, deadline=None)
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    for reader in (read_text, read_markdown, read_csv, read_json):
        writer = DocumentWriter(most_characters=10_000)
        try:
            reader(content, writer)
            check(writer.finish())
        except ReaderError:
            continue
