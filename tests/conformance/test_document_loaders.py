"""What a document loader gives for every format: one text, and where pages, headings and table rows lie in it."""

from collections.abc import Callable, Iterator
from email.message import EmailMessage
from functools import cache

import pytest

from app.domain.documents import LoadedDocument, TableRow
from app.errors import InvalidInputError
from backends.loaders import detecting
from backends.loaders.base import DocumentLoader
from backends.loaders.settings import LoaderSettings
from backends.loading import load
from tests.conformance.document_files import (
    FHIR,
    FORMATS,
    HL7,
    PAGED_TEXT,
    SENTENCE,
    make_email,
    make_zip,
)
from tests.conformance.implementations import implementations

Read = Callable[[str], LoadedDocument]
TABLES = ["letter.docx", "letter.pptx", "letter.md", "letter.html", "letter.xml"]
PROSE = [*TABLES, "letter.pdf", "letter.txt", "letter.eml"]
MEDIA_TYPES = {
    "letter.pdf": detecting.PDF,
    "letter.docx": detecting.DOCX,
    "letter.pptx": detecting.PPTX,
    "letter.xlsx": detecting.XLSX,
    "letter.csv": detecting.CSV,
    "letter.txt": detecting.TEXT,
    "letter.md": detecting.MARKDOWN,
    "letter.html": detecting.HTML,
    "letter.eml": detecting.EMAIL,
    "letter.json": detecting.JSON,
    "letter.hl7": detecting.HL7,
    "bundle.json": detecting.FHIR,
    "letter.xml": detecting.CCDA,
}


@pytest.fixture(scope="module", params=implementations(LoaderSettings))
def loader(request: pytest.FixtureRequest) -> Iterator[DocumentLoader]:
    opened: DocumentLoader = load(DocumentLoader, request.param())
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def read(loader: DocumentLoader) -> Read:
    """Each file is loaded once for all tests."""
    return cache(lambda name: loader.load(name, FORMATS[name]))


def named(rows: tuple[TableRow, ...]) -> list[tuple[str, ...]]:
    return [row.cells for row in rows]


def headings(loaded: LoadedDocument) -> list[tuple[str, int]]:
    return [(loaded.text[one.span.start : one.span.end], one.level) for one in loaded.headings]


@pytest.mark.parametrize("name", FORMATS)
def test_the_kind_of_file_is_told_from_its_content_and_name(loader: DocumentLoader, name: str) -> None:
    assert loader.detect(name, FORMATS[name]) == MEDIA_TYPES[name]


@pytest.mark.parametrize("name", FORMATS)
def test_every_span_lies_inside_the_text_and_pages_cover_it(read: Read, name: str) -> None:
    loaded = read(name)
    assert [page.number for page in loaded.pages] == list(range(1, len(loaded.pages) + 1))
    assert loaded.pages[0].span.start == 0
    assert loaded.pages[-1].span.end == len(loaded.text)
    for page, following in zip(loaded.pages, loaded.pages[1:], strict=False):
        assert page.span.end == following.span.start
    spans = [one.span for one in loaded.headings] + [one.span for one in loaded.rows]
    spans += [word.span for page in loaded.pages for word in page.words]
    assert all(0 <= span.start < span.end <= len(loaded.text) for span in spans)
    assert all(loaded.text[span.start : span.end].strip() for span in spans)


@pytest.mark.parametrize("name", PROSE)
def test_the_text_is_read_as_it_is_written(read: Read, name: str) -> None:
    assert SENTENCE in read(name).text


@pytest.mark.parametrize("name", ["letter.docx", "letter.pptx", "letter.md", "letter.html", "letter.xml", "letter.txt"])
def test_headings_have_levels_and_the_first_is_the_title(read: Read, name: str) -> None:
    loaded = read(name)
    assert loaded.title == "Discharge letter"
    assert [text.title() for text, _ in headings(loaded)] == ["Discharge Letter", "Medication"]
    assert headings(loaded)[0][1] == 1
    if name != "letter.docx":
        assert headings(loaded)[1][1] == 2


@pytest.mark.parametrize("name", TABLES)
def test_a_table_row_has_its_header_and_unit_and_stands_in_the_text(read: Read, name: str) -> None:
    loaded = read(name)
    assert named(loaded.rows) == [("Warfarin", "5"), ("Amiodarone", "200")]
    for row in loaded.rows:
        assert row.header == ("Drug", "Dose (mg)")
        assert row.unit == "mg"
        assert loaded.text[row.span.start : row.span.end] == f"{row.cells[0]}; Dose (mg): {row.cells[1]}"


def test_a_slide_is_a_page_with_its_notes(read: Read) -> None:
    loaded = read("letter.pptx")
    assert len(loaded.pages) == 2
    second = loaded.text[loaded.pages[1].span.start :]
    assert "Say that the dose was lowered." in second
    assert SENTENCE not in second


def test_a_sheet_is_a_page_whose_rows_have_caption_unit_and_period(read: Read) -> None:
    loaded = read("letter.xlsx")
    assert [text for text, _ in headings(loaded)] == ["Revenue", "Medication"]
    assert len(loaded.pages) == 2
    retail = loaded.rows[0]
    assert retail.header == ("Segment", "Amount (EUR)")
    assert retail.cells == ("Retail", "1250.5")
    assert retail.caption == "Revenue by segment, 2025"
    assert retail.period == "2025"
    assert loaded.rows[-1].unit == "mg"


@pytest.mark.parametrize("name", ["letter.xlsx", "letter.csv"])
def test_a_cell_without_a_column_name_is_kept(read: Read, name: str) -> None:
    loaded = read(name)
    kept = [row for row in loaded.rows if len(row.cells) > len(loaded.rows[0].cells)]
    assert [(row.header[-1], row.cells[-1]) for row in kept] == [("", "audited" if name == "letter.xlsx" else "extra")]
    assert all(len(row.header) == len(row.cells) for row in loaded.rows)
    assert f"value: {kept[0].cells[-1]}" in loaded.text


def test_a_sheet_is_read_whole_whatever_the_file_says_of_its_size(loader: DocumentLoader) -> None:
    import io
    import zipfile

    import openpyxl

    workbook = openpyxl.Workbook()
    for number in range(5):
        workbook.worksheets[0].append([f"row {number}", f"value {number}"])
    saved = io.BytesIO()
    workbook.save(saved)
    with zipfile.ZipFile(saved) as package:
        parts = {name: package.read(name) for name in package.namelist()}
    sheet = parts["xl/worksheets/sheet1.xml"]
    assert b'<dimension ref="A1:B5"' in sheet
    parts["xl/worksheets/sheet1.xml"] = sheet.replace(b'ref="A1:B5"', b'ref="A1:A1"')
    loaded = loader.load("table.xlsx", make_zip(parts))
    assert named(loaded.rows) == [(f"row {number}", f"value {number}") for number in range(1, 5)]


def test_a_csv_row_names_its_columns_and_period(read: Read) -> None:
    loaded = read("letter.csv")
    assert loaded.rows[0].header == ("Drug", "Dose (mg)", "2025")
    assert loaded.rows[0].period == "2025"
    assert loaded.text.startswith("Warfarin; Dose (mg): 5; 2025: a\n")


def test_a_form_feed_ends_a_page_of_plain_text(loader: DocumentLoader) -> None:
    loaded = loader.load("letter.txt", PAGED_TEXT)
    assert len(loaded.pages) == 2
    assert "Seen again" in loaded.text[loaded.pages[1].span.start :]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_text_is_read_in_the_usual_encodings(loader: DocumentLoader, encoding: str) -> None:
    assert loader.load("letter.txt", "Müller was seen again.".encode(encoding)).text.startswith("Müller was seen")


def test_scripts_and_hidden_parts_of_a_web_page_are_left_out(read: Read) -> None:
    assert "alert" not in read("letter.html").text
    assert "Never shown" not in read("letter.html").text


def test_an_email_begins_with_who_wrote_to_whom(read: Read, loader: DocumentLoader) -> None:
    loaded = read("letter.eml")
    assert loaded.title == "Discharge letter"
    assert "From: ward@example.org\nTo: practice@example.org" in loaded.text
    assert "Date: Mon, 02 Mar 2026" in loaded.text
    as_html = loader.load("letter.eml", make_email(html=True))
    assert SENTENCE in as_html.text
    assert as_html.title == "Discharge letter"
    assert headings(as_html)[1] == ("Medication", 2)


def test_a_web_page_in_an_email_is_read_in_the_encoding_of_the_email(loader: DocumentLoader) -> None:
    page = "<html><head><meta charset='iso-8859-1'></head><body><p>Müller was seen.</p></body></html>"
    message = EmailMessage()
    message["Subject"] = "Letter"
    message.set_content(page, subtype="html", charset="iso-8859-1")
    assert "Müller was seen." in loader.load("letter.eml", bytes(message)).text


def test_attachments_are_taken_out_with_the_archives_and_emails_inside_them(loader: DocumentLoader) -> None:
    inner = make_email(attachments=(("deep.txt", b"deep"),))
    outer = make_email(attachments=(("scan.pdf", FORMATS["letter.pdf"]), ("all.zip", make_zip({"a/b.csv": b"a;b"}))))
    assert [(one.name, one.content) for one in loader.unpack("letter.eml", outer)] == [
        ("scan.pdf", FORMATS["letter.pdf"]),
        ("b.csv", b"a;b"),
    ]
    archive = make_zip({"mail/letter.eml": inner, "letter.txt": b"text", ".hidden": b"no", "__MACOSX/x": b"no"})
    found = {one.name: one.content for one in loader.unpack("letters.zip", archive)}
    assert found == {"letter.eml": inner, "deep.txt": b"deep", "letter.txt": b"text"}


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "letter.eml"])
def test_a_plain_file_holds_no_files(loader: DocumentLoader, name: str) -> None:
    assert loader.unpack(name, FORMATS[name]) == []


def test_an_email_without_attachments_holds_no_files(loader: DocumentLoader) -> None:
    assert loader.unpack("letter.eml", FORMATS["letter.eml"]) == []


def test_an_archive_is_no_document(loader: DocumentLoader) -> None:
    with pytest.raises(InvalidInputError, match="add the files in it"):
        loader.load("letters.zip", make_zip({"letter.txt": b"text"}))


def test_every_object_of_a_json_list_is_a_paragraph_of_named_values(read: Read) -> None:
    text = read("letter.json").text
    assert text.split("\n\n")[0] == "patient: P-1\nmedication dose drug: Warfarin\nmedication dose mg: 5"
    assert text.split("\n\n")[1] == "patient: P-2"


@pytest.mark.parametrize("framed", [HL7, b"\x0b" + HL7 + b"\x1c\r", HL7.replace(b"\r", b"\n")])
def test_a_hospital_message_is_rows_of_named_fields(loader: DocumentLoader, framed: bytes) -> None:
    loaded = loader.load("message.hl7", framed)
    assert "Patient; identifier: P-1; name: Ann Lee; born: 1950-04-12; sex: F" in loaded.text
    assert "Diagnosis; diagnosis: Atrial fibrillation" in loaded.text
    result = loaded.rows[-1]
    assert dict(zip(result.header, result.cells, strict=True)) == {
        "test": "International normalised ratio",
        "value": "2.4",
        "unit": "",
        "reference range": "2.0-3.0",
        "flag": "N",
        "observed": "2026-03-02",
    }


def test_every_resource_of_a_bundle_is_a_row(read: Read, loader: DocumentLoader) -> None:
    text = read("bundle.json").text
    assert "Patient Ann Lee" in text
    assert "MedicationRequest Warfarin; status: active" in text
    assert "5 mg daily" in text
    assert loader.detect("bulk.ndjson", b'{"resourceType": "Patient"}\n{"resourceType": "Patient"}') == detecting.FHIR
    assert loader.detect("bundle.fhir", FHIR) == detecting.FHIR


def test_a_clinical_document_names_its_patient_and_sections(read: Read) -> None:
    loaded = read("letter.xml")
    assert "Patient: Ann Lee, born 1950-04-12" in loaded.text
    assert ("Medication", 2) in headings(loaded)
