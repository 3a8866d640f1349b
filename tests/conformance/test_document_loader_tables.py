"""Ruled tables of PDF pages: rows with header, unit and period, each cell once, and where it stands on the page."""

import io
import subprocess
import sys
from collections.abc import Iterator

import pytest

from app.domain.documents import LoadedDocument, Page
from app.services.evidence import line_boxes
from backends.loaders.base import DocumentLoader
from backends.loaders.pdf import read_pages
from backends.loaders.settings import LoaderSettings
from backends.loading import load
from tests.conformance.document_files import FIRST_PAGE, SENTENCE, make_pdf
from tests.conformance.implementations import implementations
from tests.conformance.table_files import (
    ABOVE,
    BELOW,
    DOSES,
    make_bars,
    make_form_table,
    make_frames,
    make_lines,
    make_long_table,
    make_table,
    without_root,
)

WARFARIN = "Warfarin; Dose (mg): 5; Since: 2024"
AMIODARONE = "Amiodarone; Dose (mg): 200; Since: 2025"


@pytest.fixture(scope="module", params=implementations(LoaderSettings))
def loader(request: pytest.FixtureRequest) -> Iterator[DocumentLoader]:
    opened: DocumentLoader = load(DocumentLoader, request.param(pages_a_batch=2, cpu_seconds=20))
    yield opened
    opened.close()


def rows(loaded: LoadedDocument) -> list[str]:
    return [loaded.text[row.span.start : row.span.end] for row in loaded.rows]


def words(loaded: LoadedDocument, page: Page) -> list[str]:
    return [loaded.text[word.span.start : word.span.end] for word in page.words]


def test_a_ruled_table_becomes_rows_with_header_unit_period_and_caption(loader: DocumentLoader) -> None:
    loaded = loader.load("doses.pdf", make_table(caption="Medicines in 2025"))
    assert rows(loaded) == [WARFARIN, AMIODARONE]
    for row, cells in zip(loaded.rows, DOSES[1:], strict=True):
        assert row.header == ("Drug", "Dose (mg)", "Since")
        assert row.cells == tuple(cells)
        assert row.caption == "Medicines in 2025"
        assert row.period == "2025"
    pair = loader.load("doses.pdf", make_table([["Drug", "Dose (mg)"], ["Warfarin", "5"]]))
    assert pair.rows[0].unit == "mg"
    assert pair.rows[0].caption is None


def test_a_cell_stands_in_the_text_once_and_prose_around_it_stays(loader: DocumentLoader) -> None:
    loaded = loader.load("doses.pdf", make_table())
    assert loaded.text.split("\n\n")[:3] == [ABOVE, f"{WARFARIN}\n{AMIODARONE}", BELOW]
    assert words(loaded, loaded.pages[0]).count("Amiodarone") == 1


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_a_row_and_a_cell_are_marked_where_they_stand_on_the_page(loader: DocumentLoader, rotation: int) -> None:
    from PIL import Image, ImageChops

    content = make_table(rotation=rotation)
    loaded = loader.load("doses.pdf", content)
    assert rows(loaded) == [WARFARIN, AMIODARONE]
    page = loaded.pages[0]
    image = Image.open(io.BytesIO(loader.render_page("doses.pdf", content, 1, width=800))).convert("L")
    blank = [["Drug", "Dose (mg)", "Since"], ["Warfarin", "5", "2024"], ["", "200", "2025"]]
    other = loader.render_page("doses.pdf", make_table(blank, rotation=rotation), 1, width=800)
    changed = ImageChops.difference(image, Image.open(io.BytesIO(other)).convert("L")).getbbox()
    assert changed is not None
    label = next(word for word in page.words if loaded.text[word.span.start : word.span.end] == "Amiodarone")
    box = (label.left, label.top, label.right, label.bottom)
    sides = (image.width, image.height, image.width, image.height)
    assert [edge * side for edge, side in zip(box, sides, strict=True)] == pytest.approx(changed, abs=2)
    row = line_boxes(page, loaded.rows[1].span)
    assert min(one[0] for one in row) <= label.left
    for word in page.words:
        middle = ((word.left + word.right) / 2, (word.top + word.bottom) / 2)
        inside = any(one[0] <= middle[0] <= one[2] and one[1] <= middle[1] <= one[3] for one in row)
        assert inside == (loaded.rows[1].span.start <= word.span.start < loaded.rows[1].span.end)
    if rotation == 0:
        assert len(row) == 1


def test_a_name_over_columns_a_label_over_rows_and_a_line_over_all(loader: DocumentLoader) -> None:
    merged = [
        ["Drug", ("Dose (mg)", 2, 1)],
        ["", "2024", "2025"],
        [("Tablets", 3, 1)],
        [("Warfarin", 1, 2), "5", "4"],
        ["3", "2"],
        ["Amiodarone", "200", "100"],
    ]
    loaded = loader.load("merged.pdf", make_table(merged))  # type: ignore[arg-type]
    assert rows(loaded) == [
        "Warfarin; Dose (mg) 2024: 5; Dose (mg) 2025: 4",
        "Warfarin; Dose (mg) 2024: 3; Dose (mg) 2025: 2",
        "Amiodarone; Dose (mg) 2024: 200; Dose (mg) 2025: 100",
    ]
    assert {row.caption for row in loaded.rows} == {"Tablets"}
    assert loaded.text.count("Tablets") == 1
    label = [word for word in loaded.pages[0].words if loaded.text[word.span.start : word.span.end] == "Warfarin"]
    assert len({(word.left, word.top) for word in label}) == 1
    assert len(label) == 2


@pytest.mark.parametrize("pages_before", [0, 1])
@pytest.mark.parametrize("repeat", [True, False])
def test_a_table_goes_on_over_the_page_with_its_header(loader: DocumentLoader, repeat: bool, pages_before: int) -> None:
    """The second page of the table is in the same batch of two pages, and in the next one."""
    loaded = loader.load("long.pdf", make_long_table(repeat=repeat, pages_before=pages_before))
    assert len(loaded.pages) == 2 + pages_before
    assert [row.cells[1] for row in loaded.rows] == [str(number) for number in range(1, 61)]
    assert {row.header for row in loaded.rows} == {("Name of the drug", "Dose (mg)")}
    assert "Name of the drug" not in loaded.text
    for row in loaded.rows:
        page = next(one for one in loaded.pages if one.span.overlaps(row.span))
        assert len(line_boxes(page, row.span)) == 1


def test_a_table_does_not_go_on_over_a_damaged_page(loader: DocumentLoader) -> None:
    from pypdf import PdfReader, PdfWriter
    from pypdf.generic import NameObject, NumberObject

    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(make_long_table(repeat=False))))
    kids, pages = writer.root_object["/Pages"]["/Kids"], writer.root_object["/Pages"]  # type: ignore[index]
    kids.insert(1, NumberObject(0))
    pages[NameObject("/Count")] = NumberObject(3)  # type: ignore[index]
    target = io.BytesIO()
    writer.write(target)
    found = list(read_pages(target.getvalue(), first=0, count=3, ocr_seconds=0))
    assert [page.warning for page in found] == [None, "Page 2 is damaged and was left out.", None]
    assert {row.header for row in found[0].rows} == {("Name of the drug", "Dose (mg)")}
    assert found[2].rows
    assert all("Name of the drug" not in row.header for row in found[2].rows)


def test_without_names_over_the_columns_no_row_is_taken_for_them(loader: DocumentLoader) -> None:
    form = [["Patient", "Ann Lee", "Record", "TG-118204"], ["Ward", "Cardiology", "Consultant", "Ilse Marrow"]]
    loaded = loader.load("form.pdf", make_table(form))  # type: ignore[arg-type]
    assert rows(loaded) == [
        "Patient; entry: Ann Lee",
        "Record; entry: TG-118204",
        "Ward; entry: Cardiology",
        "Consultant; entry: Ilse Marrow",
    ]
    terms = loader.load("terms.pdf", make_table([["INR", "clotting time"], ["DOAC", "a pill"]], bold=False))
    assert rows(terms) == ["INR; entry: clotting time", "DOAC; entry: a pill"]
    values = [["Potassium", "4.3", "3.5-5.3"], ["Creatinine", "88", "45-90"]]
    loaded = loader.load("values.pdf", make_table(values, bold=False))  # type: ignore[arg-type]
    assert rows(loaded) == ["Potassium; value: 4.3; value: 3.5-5.3", "Creatinine; value: 88; value: 45-90"]
    years = loader.load("years.pdf", make_table([["Measure", "2025"], ["Revenue", "12.4"], ["Cost", "9"]], bold=False))
    assert rows(years) == ["Revenue; 2025: 12.4", "Cost; 2025: 9"]
    assert years.rows[0].period == "2025"


def test_columns_of_records_between_two_lines_are_read_as_lines(loader: DocumentLoader) -> None:
    """No line stands between the records, so that nothing says which cell belongs to which."""
    drugs = ["Drug", "Warfarin", "Amiodarone", "Digoxin", "Ramipril", "Bisoprolol"]
    doses = ["Dose (mg)", "5", "200", "0.25", "10", "2.5"]
    records = [["\n".join(drugs), "\n".join(doses)], ["Total", "217.75"]]
    loaded = loader.load("records.pdf", make_table(records))  # type: ignore[arg-type]
    assert loaded.rows == ()
    assert set(loaded.text.split()) >= {"Warfarin", "Bisoprolol", "217.75"}


def test_rules_may_be_thin_bars_or_stand_in_a_form_object(loader: DocumentLoader) -> None:
    assert rows(loader.load("bars.pdf", make_bars())) == [WARFARIN, AMIODARONE]
    loaded = loader.load("form.pdf", make_form_table())
    assert rows(loaded) == ["Warfarin; Dose (mg): 5"]
    ((left, top, right, bottom),) = line_boxes(loaded.pages[0], loaded.rows[0].span)
    assert pytest.approx((left, right), abs=0.02) == (110 / 600, 210 / 600)
    assert 300 - 42 < top * 800 < bottom * 800 < 300


def test_frames_empty_grids_and_charts_are_no_tables(loader: DocumentLoader) -> None:
    loaded = loader.load("frames.pdf", make_frames())
    assert loaded.rows == ()
    assert loaded.text.split() == [*f"{ABOVE} {BELOW}".split(), "high", "low"]
    empty = loader.load("empty.pdf", make_table([["", ""], ["", ""]]))
    assert empty.rows == ()
    assert empty.text.split("\n\n")[:2] == [ABOVE, BELOW]
    sparse = loader.load("sparse.pdf", make_table([["high", ""], ["", "low"]]))
    assert (sparse.rows, sparse.warnings) == ((), ())
    assert set(sparse.text.split()) >= {"high", "low"}


def test_separators_in_cells_move_no_word(loader: DocumentLoader) -> None:
    loaded = loader.load("marks.pdf", make_table([["Drug", "Note: taken"], ["Warfarin;", "daily: one; with food:"]]))
    assert rows(loaded) == ["Warfarin; Note – taken: daily – one, with food"]
    row = loaded.rows[0].span
    found = [word for word in loaded.pages[0].words if word.span.overlaps(row)]
    marked = [loaded.text[word.span.start : word.span.end] for word in found]
    assert marked == ["Warfarin", "daily", "one", "with", "food"]
    lefts = [word.left for word in found]
    assert lefts == sorted(lefts)


@pytest.mark.parametrize(
    ("across", "down", "too_many"), [(25_000, 25_000, True), (2, 3_000, False), (49, 49, False), (80, 80, True)]
)
def test_a_page_of_many_lines_is_read_within_the_limits(
    loader: DocumentLoader, across: int, down: int, too_many: bool
) -> None:
    loaded = loader.load("lines.pdf", make_lines(across=across, down=down))
    assert ABOVE in loaded.text
    assert loaded.rows == ()
    assert bool(loaded.warnings) == too_many
    assert all("too many lines to tell its tables" in warning for warning in loaded.warnings)


@pytest.mark.parametrize(("content", "loaded"), [(make_pdf(FIRST_PAGE), False), (make_table(), True)])
def test_only_a_page_with_rules_pays_for_the_finding_of_tables(content: bytes, loaded: bool) -> None:
    program = (
        "import sys; from backends.loaders.pdf import read_pages; "
        "list(read_pages(sys.stdin.buffer.read(), first=0, count=1, ocr_seconds=0)); print('pdfplumber' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], input=content, capture_output=True, check=True)
    assert done.stdout.decode().strip() == str(loaded)


@pytest.mark.parametrize("root", [b"", b"/Root 99 0 R", b"/Root 1 0 R"])
def test_a_file_that_the_main_reader_cannot_open_is_read_by_the_other(loader: DocumentLoader, root: bytes) -> None:
    content = without_root(make_pdf(FIRST_PAGE, "Seen again in May."), root)
    loaded = loader.load("letter.pdf", content)
    assert SENTENCE in loaded.text
    assert len(loaded.pages) == 2
    assert words(loaded, loaded.pages[1]) == ["Seen", "again", "in", "May."]
    assert loaded.warnings == ("The file is damaged; what could be found of it was read.",)
    assert loader.render_page("letter.pdf", content, 2, width=300).startswith(b"\x89PNG")
