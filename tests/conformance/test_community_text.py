"""What pandoc would leave out, move or misread in EPUB, RTF, ODT and Org files is read, marked, or refused."""

import io
import os
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.errors import InvalidInputError
from backends.loaders import community
from backends.loaders.base import DocumentLoader
from backends.loaders.settings import LocalLoaderSettings
from backends.loading import load
from tests.conformance.community_files import (
    SPACES,
    community_loader,
    make_epub,
    make_odt,
    make_rtf,
    require_community_loaders,
)


@pytest.fixture(scope="module")
def loader() -> Iterator[DocumentLoader]:
    with community_loader() as opened:
        yield opened


def _cell(text: str, *, kind: str = "table-cell", more: str = "") -> str:
    return f"<table:{kind} {more}><text:p>{text}</text:p></table:{kind}>"


def _row(*cells: str) -> str:
    return f"<table:table-row>{''.join(cells)}</table:table-row>"


def test_rows_of_an_open_document_table_stay_under_their_headings(loader: DocumentLoader) -> None:
    head = f"<table:table-header-rows>{_row(*map(_cell, ('Drug', 'Dose (mg)', 'Note')))}</table:table-header-rows>"
    listed = "<text:list><text:list-item><text:p>after food</text:p></text:list-item></text:list>"
    rows = [
        _row(
            _cell("Warfarin", more='table:number-rows-spanned="2"'),
            _cell("5"),
            f"<table:table-cell>{listed}</table:table-cell>",
        ),
        _row("<table:covered-table-cell/>", _cell("3", more='table:number-columns-repeated="2"')),
        _row(_cell("Both", more='table:number-columns-spanned="2"'), "<table:covered-table-cell/>", _cell("x")),
    ]
    body = f"<table:table>{head}<table:table-rows>{''.join(rows)}</table:table-rows></table:table>"
    loaded = loader.load("a.odt", make_odt(body))
    assert {row.header for row in loaded.rows} == {("Drug", "Dose (mg)", "Note")}
    assert [row.cells for row in loaded.rows] == [
        ("Warfarin", "5", "after food"),
        ("Warfarin", "3", "3"),
        ("Both", "", "x"),
    ]
    assert loaded.warnings == ()


def test_sections_fields_and_text_boxes_of_an_open_document_are_read(loader: DocumentLoader) -> None:
    box = (
        '<draw:frame xmlns:draw="urn:oasis:names:tc:opendocument:xmlns:drawing:1.0"><draw:text-box>'
        "<text:p>Allergy: penicillin</text:p></draw:text-box></draw:frame>"
    )
    body = (
        "<text:section><text:p>In a section</text:p></text:section>"
        "<text:numbered-paragraph><text:number>3.</text:number><text:p>Numbered</text:p></text:numbered-paragraph>"
        "<text:p>Seen on <text:date>2 May 2024</text:date> by <text:user-field-get>Dr. Ray</text:user-field-get>"
        " at <text:user-defined>ward 7</text:user-defined>.</text:p>"
        f"<text:p>Before {box}after</text:p>"
        "<text:p>A<office:annotation><text:p>a remark of somebody else</text:p></office:annotation>B</text:p>"
    )
    loaded = loader.load("a.odt", make_odt(body))
    assert loaded.text.split("\n\n")[:6] == [
        "In a section",
        "3. Numbered",
        "Seen on 2 May 2024 by Dr. Ray at ward 7.",
        "Before after",
        "Allergy: penicillin",
        "AB",
    ]
    assert loaded.warnings == ()


def test_what_an_open_document_keeps_to_itself_is_told(loader: DocumentLoader) -> None:
    styles = (
        f"<office:document-styles {SPACES}><office:master-styles><style:master-page><style:header>"
        "<text:p>Patient: Ada</text:p></style:header></style:master-page>"
        "</office:master-styles></office:document-styles>"
    )
    for content in (
        make_odt("<text:p>Text</text:p>", parts={"styles.xml": styles}),
        make_odt('<text:p>Text</text:p><text:section text:display="none"><text:p>Hidden</text:p></text:section>'),
        make_odt("<text:p>Text</text:p><text:unknown><text:p>Somewhere else</text:p></text:unknown>"),
    ):
        assert loader.load("a.odt", content).warnings == (community.PARTLY_READ,)


def test_merged_cells_stay_under_their_headings(loader: DocumentLoader) -> None:
    table = (
        "<table><tr><th>Drug</th><th colspan='2'>Dose</th><th>Day</th></tr>"
        "<tr><td rowspan='2'>Warfarin</td><td>5</td><td>6</td><td>1</td></tr><tr><td>3</td><td>4</td><td>2</td></tr>"
        "<tr><td colspan='3'>Pause</td><td>3</td></tr></table>"
    )
    rows = loader.load("a.epub", make_epub(table)).rows
    assert {row.header for row in rows} == {("Drug", "Dose", "Dose", "Day")}
    assert [row.cells for row in rows] == [
        ("Warfarin", "5", "6", "1"),
        ("Warfarin", "3", "4", "2"),
        ("Pause", "", "", "3"),
    ]


def test_the_mark_of_a_footnote_is_no_power(loader: DocumentLoader) -> None:
    book = (
        "<p>The INR was 2<a href='#n1'><sup>1</sup></a>, or 3<sup><a href='#n1'>2</a></sup>.</p><p id='n1'>By hand</p>"
    )
    assert "The INR was 2 [1], or 3 [2]." in loader.load("a.epub", make_epub(book)).text
    note = "<text:note text:note-class='footnote'><text:note-citation>1</text:note-citation><text:note-body>"
    body = f"<text:p>The INR was 2{note}<text:p>By hand</text:p></text:note-body></text:note>.</text:p>"
    loaded = loader.load("a.odt", make_odt(body))
    assert ("The INR was 2 [1]." in loaded.text, "By hand" in loaded.text, loaded.warnings) == (True, True, ())
    rich = loader.load("a.rtf", make_rtf(r"The INR was 2{\super\chftn}{\*\footnote\chftn By hand}.\par")).text
    assert ("was 2 [1]." in rich, "By hand" in rich) == (True, True)
    assert "was 2 [1]." in loader.load("a.rst", b"The INR was 2\\ [#]_.\n\n.. [#] By hand\n").text


def test_ticks_and_what_is_struck_out_are_kept(loader: DocumentLoader) -> None:
    text = loader.load("a.org", b"- [ ] Consent\n- [X] Allergies asked\n\nTake +50 mg+ 5 mg.\n").text
    assert text.split("\n\n")[:3] == ["☐ Consent", "☒ Allergies asked", "Take [struck out: 50 mg] 5 mg."]


_FONTS = (
    r"{\fonttbl{\f0\fcharset0 Arial;}{\f1\ftech\fcharset2 Symbol;}{\f2\fcharset204 Arial Cyr;}{\f3\fnil Wingdings;}}"
)


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        (r"Dose 5 {\f1 m}g", "symbol font or another alphabet's font"),
        (r"Dose {\f1\'a3}5", "symbol font"),
        (r"\f1\u-3987 ?", "symbol font"),
        (r"{\f3 J}", "symbol font"),
        (r"{\f2 \'cf}", "another alphabet's font"),
        (r'{\field{\*\fldinst SYMBOL 109 \\f "Symbol"}{\fldrslt }}', "symbol font"),
        (r"Take 5 {\deleted 50 }mg", "accept or reject the changes first"),
    ],
)
def test_rich_text_that_would_be_read_wrongly_is_refused(loader: DocumentLoader, written: str, sentence: str) -> None:
    with pytest.raises(InvalidInputError, match=sentence):
        loader.load("a.rtf", make_rtf(rf"{_FONTS}\f0 {written}\par"))


def test_rich_text_is_read_where_its_fonts_change_nothing(loader: DocumentLoader) -> None:
    written = (
        rf"{_FONTS}{{\stylesheet{{\s1\f1 Old;}}}}\f0 {{\listtext\f1\'b7\tab}}Item {{\f2 plain}} {{\f1 \'b1 5}} "
        r"{\deleted0 kept} {\f1\u956 m}g \u-10179?\u-8704?{\pict\f1 00ff}\par"
    )
    loaded = loader.load("a.rtf", make_rtf(written))
    assert loaded.text.strip().endswith("Item plain ± 5 kept μg \N{GRINNING FACE}")
    assert loaded.warnings == ()


@pytest.mark.parametrize(
    "group",
    [
        r"{\header Ada}",
        r"{\footerf\pard Ada}",
        r"{\shp{\*\shpinst{\sp{\sn x}{\sv 1}}{\shptxt Ada}}}",
        r"{\*\annotation Ada}",
    ],
)
def test_rich_text_that_is_left_out_is_told(loader: DocumentLoader, group: str) -> None:
    loaded = loader.load("a.rtf", make_rtf(rf"{_FONTS}\f0 {group}Text\par"))
    assert loaded.warnings == (community.PARTLY_READ,)


def _repacked(content: bytes, *, drop: str = "") -> bytes:
    """With the type last and packed."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as package:
        for name in reversed([name for name in source.namelist() if name != drop]):
            package.writestr(name, source.read(name))
    return target.getvalue()


def test_books_and_open_documents_are_known_however_they_were_packed(loader: DocumentLoader) -> None:
    assert loader.detect("a.epub", _repacked(make_epub())) == community.EPUB
    assert loader.detect("a.odt", _repacked(make_odt())) == community.ODT
    assert "Discharge letter" in loader.load("a.odt", _repacked(make_odt())).text
    with pytest.raises(InvalidInputError, match="is a ZIP archive"):
        loader.detect("a.odt", _repacked(make_odt(), drop="META-INF/manifest.xml"))


def test_programs_that_a_child_started_end_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    require_community_loaders()
    program = tmp_path / "pandoc"
    program.write_text(
        '#!/bin/sh\nif [ "$1" = --version ]; then echo "pandoc 2.17"; exit; fi\n'
        f"echo $$ > {tmp_path}/fifo\nexec sleep 300\n"
    )
    program.chmod(0o755)
    os.mkfifo(tmp_path / "fifo")
    reading = os.open(tmp_path / "fifo", os.O_RDONLY | os.O_NONBLOCK)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(InvalidInputError, match="more time or memory"):
        load(DocumentLoader, LocalLoaderSettings(wall_seconds=20)).load("a.org", b"* Text\n")
    number = int(os.read(reading, 100))
    os.close(reading)
    until = time.monotonic() + 10
    while _is_running(number) and time.monotonic() < until:
        time.sleep(0.1)
    assert not _is_running(number)


def _is_running(number: int) -> bool:
    try:
        return ") Z" not in Path(f"/proc/{number}/stat").read_text()
    except OSError:
        return False


def test_a_pandoc_that_did_not_answer_is_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    require_community_loaders()
    program = tmp_path / "pandoc"
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "pandoc" in community.missing()
    program.write_text("#!/bin/sh\necho pandoc 2.17\n")
    assert community.is_offered()


def test_a_name_with_memory_in_it_is_no_lack_of_memory(loader: DocumentLoader) -> None:
    with pytest.raises(InvalidInputError, match="takes text from other files"):
        loader.load("a.rst", b"Before\n\n.. csv-table:: x\n   :file: memory.csv\n")
