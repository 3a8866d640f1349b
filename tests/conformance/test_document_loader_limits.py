"""Hostile and broken files end as text or as a refusal in one sentence, never otherwise, and within limits."""

import io
import json
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.domain.names import clean_file_name
from app.errors import InvalidInputError
from backends.loaders.base import DocumentLoader
from backends.loaders.settings import LoaderSettings
from backends.loading import load
from tests.conformance.document_files import CCDA, FORMATS, make_docx, make_email, make_xlsx, make_zip
from tests.conformance.implementations import implementations

BAD_PDFS = Path(__file__).parents[3] / "shared" / "data" / "pdf_bad"
BOMB = b"""<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;">]>"""
FETCH = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'


@pytest.fixture(scope="module", params=implementations(LoaderSettings))
def loader(request: pytest.FixtureRequest) -> Iterator[DocumentLoader]:
    opened: DocumentLoader = load(
        DocumentLoader, request.param(file_mb=5, archive_files=20, archive_mb=5, characters=50_000)
    )
    yield opened
    opened.close()


def refusal(loader: DocumentLoader, name: str, content: bytes) -> str:
    with pytest.raises(InvalidInputError) as caught:
        loader.load(name, content)
    message = caught.value.message
    assert message.endswith(".")
    assert "\n" not in message
    return message


@pytest.mark.parametrize("content", [b"", b"\x00\x00\x00", b" \r\n\t "])
def test_an_empty_file_is_refused(loader: DocumentLoader, content: bytes) -> None:
    assert "empty" in refusal(loader, "letter.txt", content)


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("letter.docx", FORMATS["letter.pdf"], "is a PDF file but is named .docx"),
        ("letter.pdf", FORMATS["letter.docx"], "is a Word file but is named .pdf"),
        ("letter.xlsx", FORMATS["letter.docx"], "is a Word file but is named .xlsx"),
        ("letter.docx", b"plain text", "is not a DOCX file although its name says so"),
        ("letter.pdf", b"plain text", "is not a PDF file although its name says so"),
        ("letter.zip", b"plain text", "is not a ZIP file although its name says so"),
        ("letter.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"x" * 100, "Old or password-protected Office files"),
        ("photo.png", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "cannot be read: add PDF"),
        ("program.txt", b"\x7fELF\x02\x01\x01\x00\x00\x00", "cannot be read: add PDF"),
        ("letter.xyz", b"plain text", "Files named .xyz cannot be read"),
        ("feed.xml", b"<rss><item>text</item></rss>", "not a C-CDA document"),
        ("letter.eml", b"no e-mail at all", "not an e-mail although its name says so"),
        ("letter.hl7", b"EVN|A01|20260302", "no message that begins with MSH"),
        ("letter.json", b"{broken", "not valid JSON"),
        ("letter.xml", CCDA[:-30], "not valid XML"),
        ("letter.docx", FORMATS["letter.docx"][:-200], "damaged"),
        ("letter.pdf", b"%PDF-1.7\n" + b"no page here" * 20, "damaged"),
        ("letter.txt", b"... --- ...", "no readable text"),
    ],
)
def test_what_is_broken_or_not_what_its_name_says_is_refused(
    loader: DocumentLoader, name: str, content: bytes, why: str
) -> None:
    assert why in refusal(loader, name, content)


@pytest.mark.parametrize("name", ["letter.docx", "letter.docm", "letter"])
def test_an_office_file_with_macros_is_refused_whatever_its_name(loader: DocumentLoader, name: str) -> None:
    macros = with_part(make_docx(), "word/vbaProject.bin", b"macro" * 100)
    assert "macros are not taken" in refusal(loader, name, macros)


def test_a_file_over_the_limit_is_refused_before_it_is_read(loader: DocumentLoader) -> None:
    assert "larger than 5 MB" in refusal(loader, "letter.txt", b"text " * 1_100_000)


def test_more_text_than_the_limit_is_refused(loader: DocumentLoader) -> None:
    assert "more text than the limit allows" in refusal(loader, "letter.txt", b"word " * 20_000)


def with_part(content: bytes, name: str, data: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        parts = {one: package.read(one) for one in package.namelist()}
    return make_zip({**parts, name: data})


def test_xml_that_grows_or_fetches_is_refused(loader: DocumentLoader) -> None:
    for start in (BOMB, FETCH):
        document = start + CCDA.split(b"?>", 1)[1].replace(b"Medication<", b"&a;<")
        assert "declares entities" in refusal(loader, "letter.xml", document)


@pytest.mark.parametrize("start", [BOMB, FETCH])
def test_an_office_part_that_grows_or_fetches_brings_nothing_in(loader: DocumentLoader, start: bytes) -> None:
    namespace = b'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    body = (
        start
        + b"<w:document "
        + namespace
        + b"><w:body><w:p><w:r><w:t>Begin &a; end</w:t></w:r></w:p></w:body></w:document>"
    )
    try:
        text = loader.load("letter.docx", with_part(make_docx(), "word/document.xml", body)).text
    except InvalidInputError:
        text = ""
    assert "aaaa" not in text
    assert "root:" not in text


def test_an_office_file_that_unpacks_to_far_more_is_refused(loader: DocumentLoader) -> None:
    bomb = with_part(make_xlsx(), "xl/media/zeros.bin", bytes(60_000_000))
    assert "unpacks to more than the limit" in refusal(loader, "table.xlsx", bomb)


def test_deep_json_and_deep_html_are_refused_or_read(loader: DocumentLoader) -> None:
    assert "nested too deeply" in refusal(loader, "deep.json", b"[" * 100_000 + b"]" * 100_000)
    deep: object = "leaf"
    for _ in range(100):
        deep = {"a": deep}
    assert "nested too deeply" in refusal(loader, "deep.json", json.dumps(deep).encode())
    try:
        assert "leaf" in loader.load("deep.html", b"<div>" * 4_000 + b"leaf").text
    except InvalidInputError as error:
        assert error.message.endswith(".")


def unpack_refusal(loader: DocumentLoader, content: bytes) -> str:
    with pytest.raises(InvalidInputError) as caught:
        loader.unpack("letters.zip", content)
    return caught.value.message


def test_archives_over_limits_broken_or_protected_are_refused(loader: DocumentLoader) -> None:
    assert "far more than it is" in unpack_refusal(loader, make_zip({"zeros.txt": bytes(20_000_000)}))
    assert "more than the limit" in unpack_refusal(loader, make_zip({f"{n}.txt": bytes(2_000_000) for n in range(3)}))
    assert "more files" in unpack_refusal(loader, make_zip({f"{number}.txt": b"text" for number in range(21)}))
    inner = make_zip({f"{number}.txt": b"text" for number in range(11)})
    assert "more files" in unpack_refusal(loader, make_zip({"one.zip": inner, "two.zip": inner}))
    nested = make_zip({"letter.txt": b"text"})
    for _ in range(5):
        nested = make_zip({"again.zip": nested})
    assert "too deep" in unpack_refusal(loader, nested)
    assert "damaged" in unpack_refusal(loader, make_zip({"letter.txt": b"text" * 100})[:-30])
    whole = bytearray(make_zip({"letter.txt": b"some text that is long enough to be packed " * 20}))
    whole[60:70] = b"\xff" * 10
    assert "damaged" in unpack_refusal(loader, bytes(whole))
    locked = bytearray(make_zip({"letter.txt": b"text"}))
    locked[locked.index(b"PK\x01\x02") + 8] |= 1
    assert "password" in unpack_refusal(loader, bytes(locked))


def test_names_inside_archives_and_emails_lose_their_paths(loader: DocumentLoader) -> None:
    names = ["../../etc/passwd.txt", "/root/a.txt", "C:\\temp\\b.txt", "..\\c.txt", "d\u202etxt.txt"]
    found = loader.unpack("letters.zip", make_zip(dict.fromkeys(names, b"text")))
    assert [one.name for one in found] == ["passwd.txt", "a.txt", "b.txt", "c.txt", "dtxt.txt"]
    mail = make_email(attachments=(("../../x/e.txt", b"text"),))
    assert [one.name for one in loader.unpack("letter.eml", mail)] == ["e.txt"]


@given(st.text(max_size=300))
@example(". ")
@example(" ..")
@example(". .")
def test_a_cleaned_name_is_one_short_printable_path_part(name: str) -> None:
    cleaned = clean_file_name(name)
    assert cleaned
    assert len(cleaned) <= 181
    assert cleaned.isprintable()
    assert not set(cleaned) & {"/", "\\", "\u202e"}
    assert cleaned not in {".", ".."}


def test_a_reader_that_takes_too_long_or_too_much_memory_ends_alone() -> None:
    slow = load(DocumentLoader, LoaderSettings(cpu_seconds=1, memory_mb=2_000, characters=1_000_000_000))
    table = b"a,b\n" + b"1,2\n" * 3_000_000
    started = time.monotonic()
    assert "more time or memory than the limit" in refusal(slow, "table.csv", table)
    assert time.monotonic() - started < 60
    small = load(DocumentLoader, LoaderSettings(memory_mb=256, characters=1_000_000_000))
    assert "memory" in refusal(small, "table.csv", table * 4)
    assert small.load("letter.txt", b"The next one is read.").text.startswith("The next")


@pytest.mark.skipif(not BAD_PDFS.is_dir(), reason="the collection of damaged PDFs is not on this machine")
def test_every_damaged_pdf_ends_as_text_or_as_a_refusal() -> None:
    reader = load(DocumentLoader, LoaderSettings(ocr=False, cpu_seconds=10, wall_seconds=60))
    files = sorted(BAD_PDFS.rglob("*.pdf"))

    def read(path: Path) -> bool:
        try:
            loaded = reader.load(path.name, path.read_bytes())
        except InvalidInputError as error:
            assert error.message.endswith(".")
            return False
        spans = [word.span for page in loaded.pages for word in page.words]
        assert all(0 <= span.start < span.end <= len(loaded.text) for span in spans), path.name
        return bool(loaded.text.strip())

    with ThreadPoolExecutor(max_workers=2) as pool:
        read_well = list(pool.map(read, files))
    assert sum(read_well) > len(files) / 3
