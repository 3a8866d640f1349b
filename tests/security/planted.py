"""Documents of many formats with a hundred names that occur nowhere else, and files that state a fact beside them."""

import io
import json
from dataclasses import dataclass
from email.message import EmailMessage
from itertools import count
from typing import Any

import docx
import openpyxl
import pptx
from fpdf import FPDF
from pptx.util import Inches

from app.services.documents import Upload
from tests.conformance.document_files import make_zip

_SIGNS = "bcdfghjklm"
NAMES = tuple(f"Zyx{first}{second}orv{first}" for first in _SIGNS for second in _SIGNS)
"""A hundred, none of which is the beginning of another; their stems are themselves."""
SHARED = b"Interactions\n\nWarfarin interacts with amiodarone. Digoxin increases the risk of bradycardia.\n"
STAYING = 6


@dataclass(frozen=True, slots=True)
class PlantedFiles:
    """`names` stand in these files or in their names; `unread` are those of parts that no reader takes text from."""

    uploads: tuple[Upload, ...]
    names: tuple[str, ...]
    unread: frozenset[str]


class _Names:
    """Hands the names out, each once."""

    def __init__(self) -> None:
        self._left = iter(NAMES)
        self.unread: set[str] = set()

    def fact(self) -> str:
        return f"Warfarin interacts with {self.name()}."

    def name(self, *, unread: bool = False) -> str:
        name = next(self._left)
        if unread:
            self.unread.add(name)
        return name

    def rest(self) -> list[str]:
        return list(self._left)


def plant() -> PlantedFiles:
    """Body, title, table, header, note, sheet, attribute, comment, property, attachment, archive and file name."""
    names = _Names()
    makers = {
        "eml": _email,
        "docx": _word,
        "pptx": _slides,
        "xlsx": _workbook,
        "pdf": _pdf,
        "html": _page,
        "md": _markdown,
        "csv": _table,
        "json": _record,
    }
    uploads = [Upload(f"{names.name()}.{ending}", make(names)) for ending, make in makers.items()]
    inner = f"Note on {names.name()}\n\n{names.fact()}\n".encode()
    uploads.append(Upload("letters.zip", make_zip({f"ward/{names.name()}.txt": inner})))
    rest = names.rest()
    half = len(rest) // 2
    for number, part in enumerate((rest[:half], rest[half:])):
        text = "\n\n".join(f"Warfarin interacts with {name}. {name} treats atrial fibrillation." for name in part)
        uploads.append(Upload(f"list_{number}.txt", f"Interactions, part {number}\n\n{text}\n".encode()))
    shared = Upload("review.txt", SHARED + f"\n{NAMES[0]} interacts with amiodarone.\n".encode())
    return PlantedFiles((*uploads, shared), NAMES, frozenset(names.unread))


def staying() -> list[Upload]:
    """Files that keep what they say: they fill the same pages of the database, and one states a fact of `SHARED`."""
    drugs = ("warfarin", "amiodarone", "digoxin", "aspirin", "heparin", "metoprolol", "ramipril")
    made = [Upload("shared.txt", SHARED)]
    for number in range(STAYING):
        lines = [
            f"{drugs[(number + n) % 7].title()} interacts with {drugs[(number + 3 * n + 1) % 7]} in group {number}-{n}."
            for n in range(4)
        ]
        made.append(Upload(f"group_{number}.txt", f"Group {number}\n\n{' '.join(lines)}\n".encode()))
    return made


def _email(names: _Names) -> bytes:
    message = EmailMessage()
    message["Subject"] = f"Letter on {names.name()}"
    message["From"] = f"{names.name()} <ward@example.org>"
    message["To"] = f"{names.name()} <practice@example.org>"
    message["X-Ward"] = names.name(unread=True)
    message["Date"] = "Mon, 02 Mar 2026 10:00:00 +0000"
    message.set_content(f"{names.fact()}\n\nSeen again by {names.name()}.\n")
    attachment = f"Plan of {names.name()}\n\n{names.fact()}\n".encode()
    message.add_attachment(attachment, maintype="text", subtype="plain", filename=f"{names.name()}.txt", cte="8bit")
    return message.as_bytes()


def _word(names: _Names) -> bytes:
    document = docx.Document()
    document.core_properties.author = names.name(unread=True)
    document.core_properties.keywords = names.name(unread=True)
    document.add_heading(f"Letter on {names.name()}", level=0)
    document.add_paragraph(names.fact())
    table = document.add_table(rows=0, cols=2)
    for cells in (("Drug", "Dose (mg)"), (names.name(), "5"), ("Aspirin", names.name())):
        for cell, value in zip(table.add_row().cells, cells, strict=True):
            cell.text = value
    document.sections[0].header.paragraphs[0].text = names.name(unread=True)
    return _saved(document)


def _slides(names: _Names) -> bytes:
    presentation = pptx.Presentation()
    presentation.core_properties.author = names.name(unread=True)
    slide = presentation.slides.add_slide(presentation.slide_layouts[5])
    assert slide.shapes.title is not None
    slide.shapes.title.text = f"Case of {names.name()}"
    box = slide.shapes.add_textbox(Inches(1), Inches(2), Inches(6), Inches(1))
    box.text_frame.text = names.fact()
    frame = slide.notes_slide.notes_text_frame
    assert frame is not None
    frame.text = f"Ask {names.name()} about it."
    return _saved(presentation)


def _workbook(names: _Names) -> bytes:
    workbook = openpyxl.Workbook()
    workbook.properties.creator = names.name(unread=True)
    workbook.remove(workbook.worksheets[0])
    sheet = workbook.create_sheet(names.name())
    for cells in (["Drug", "Interacts with"], ["Warfarin", names.name()], [names.name(), "Aspirin"]):
        sheet.append(cells)
    return _saved(workbook)


def _pdf(names: _Names) -> bytes:
    pdf = FPDF()
    pdf.set_title(f"Report on {names.name()}")
    pdf.set_author(names.name(unread=True))
    pdf.set_subject(names.name(unread=True))
    pdf.set_keywords(names.name(unread=True))
    for _page_number in range(2):
        pdf.add_page()
        pdf.set_font("Helvetica", size=11)
        pdf.multi_cell(0, 8, f"{names.fact()} {names.fact()}")
    return bytes(pdf.output())


def _page(names: _Names) -> bytes:
    return (
        f"<html><head><title>Page on {names.name()}</title><meta name=author content={names.name(unread=True)}></head>"
        f"<body><!-- {names.name(unread=True)} --><h1>Interactions of {names.name()}</h1><p>{names.fact()}</p>"
        f"<img alt='{names.name(unread=True)}' src=x><table><tr><th>Drug</th></tr><tr><td>{names.name()}</td></tr>"
        "</table></body></html>"
    ).encode()


def _markdown(names: _Names) -> bytes:
    return (
        f"# Guide to {names.name()}\n\n{names.fact()}\n\n| Drug | Dose |\n|---|---|\n| {names.name()} | 5 |\n".encode()
    )


def _table(names: _Names) -> bytes:
    return f"drug,{names.name()}\nWarfarin,5\n{names.name()},7\n".encode()


def _record(names: _Names) -> bytes:
    return json.dumps({"drug": names.name(), names.name(): {"note": names.fact()}}).encode()


def _saved(document: Any) -> bytes:
    target = io.BytesIO()
    document.save(target)
    return target.getvalue()


_numbers = count(1)


def new_version_of(name: str) -> bytes:
    """Other content for a file of this name, each time different, without any planted name."""
    return f"Note {next(_numbers)}\n\nWarfarin interacts with fluconazole. File {len(name)} was replaced.\n".encode()
