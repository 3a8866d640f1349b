"""Reads DOCX, PPTX and XLSX."""

import io
import re
import zipfile
import zlib
from collections.abc import Collection, Iterator
from datetime import date, datetime
from math import inf
from typing import IO, Any
from xml.parsers import expat

from backends.loaders.hidden import concealed, hidden_lines, mark_slide, mark_word
from backends.loaders.writing import DocumentWriter, ReaderError

_LARGEST_PART = 400_000_000
_LARGEST_RATIO = 300
_MOST_ROWS = 200_000
_MOST_COLUMNS = 500
_PIECE_BYTES = 4_096
_HEADING_STYLE = re.compile(r"heading (\d)", re.IGNORECASE)


def check_package(content: bytes) -> None:
    """Refuse an Office package that unpacks to far more than it is or declares XML entities. Raises ReaderError."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as package:
            infos = package.infolist()
            total = sum(info.file_size for info in infos)
            if total > _LARGEST_PART or total > max(50_000_000, len(content) * _LARGEST_RATIO):
                raise ReaderError("The Office file unpacks to more than the limit allows: split it and add the parts.")
            for info in infos:
                if info.filename.lower().endswith((".xml", ".rels")):
                    with package.open(info) as part:
                        refuse_doctype(part)
    except (zipfile.BadZipFile, zlib.error, OSError, ValueError, NotImplementedError, EOFError, RuntimeError) as error:
        raise ReaderError("The Office file is damaged: open it, save it again and add it.") from error


def refuse_doctype(part: IO[bytes]) -> None:
    """Read XML up to its first element. Raises ReaderError for a document type, which alone can declare entities."""

    def found(*_parts: object) -> None:
        raise ReaderError("The file declares XML entities or a DTD, which is not safe to read: save it again without.")

    begun: list[str] = []
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = found
    parser.StartElementHandler = lambda name, _attributes: begun.append(name)
    try:
        while not begun and (piece := part.read(_PIECE_BYTES)):
            parser.Parse(piece)
    except expat.ExpatError:
        return  # what is no XML is said by the reader of the part


def read_docx(content: bytes, writer: DocumentWriter) -> None:
    """Paragraphs, headings and tables in their order."""
    import docx
    from docx.table import Table

    check_package(content)
    try:
        document = docx.Document(io.BytesIO(content))
    except (KeyError, ValueError, OSError, zipfile.BadZipFile) as error:
        raise ReaderError("The Word file is damaged: open it, save it again and add it.") from error
    mark_word(document.element.body)
    for part in document.iter_inner_content():
        if isinstance(part, Table):
            writer.add_table([[cell.text for cell in row.cells] for row in part.rows])
            continue
        style = (part.style.name or "") if part.style is not None else ""
        heading = _HEADING_STYLE.match(style)
        if style == "Title":
            writer.add_heading(part.text, level=1)
        elif heading:
            writer.add_heading(part.text, level=int(heading.group(1)))
        else:
            writer.add_paragraph(part.text)


def read_pptx(content: bytes, writer: DocumentWriter) -> None:
    """A slide is a page: title, texts, tables, then the speaker's notes."""
    import pptx
    from pptx.exc import PackageNotFoundError

    check_package(content)
    try:
        presentation = pptx.Presentation(io.BytesIO(content))
    except (KeyError, ValueError, OSError, PackageNotFoundError, zipfile.BadZipFile) as error:
        raise ReaderError("The PowerPoint file is damaged: open it, save it again and add it.") from error
    for number, slide in enumerate(presentation.slides, start=1):
        mark_slide(slide, width=presentation.slide_width or inf, height=presentation.slide_height or inf)
        title = slide.shapes.title
        if title is not None and title.text.strip():
            writer.add_heading(title.text, level=1 if number == 1 else 2)
        for shape in _shapes(slide.shapes):
            if title is not None and shape.shape_id == title.shape_id:
                continue
            if shape.has_text_frame:
                writer.add_paragraph(shape.text_frame.text)
            elif getattr(shape, "has_table", False):
                writer.add_table([[cell.text for cell in row.cells] for row in shape.table.rows])
        if slide.has_notes_slide and slide.notes_slide.notes_text_frame is not None:
            writer.add_paragraph(slide.notes_slide.notes_text_frame.text)
        writer.end_page()


def _shapes(shapes: Any) -> Iterator[Any]:
    for shape in shapes:
        if hasattr(shape, "shapes"):
            yield from _shapes(shape.shapes)
        else:
            yield shape


def read_xlsx(content: bytes, writer: DocumentWriter) -> None:
    """A sheet is a page; its first row with two filled cells names the columns, what is above is its caption. Hidden
    sheets, rows and columns are marked; what has the colour of its cell is not looked for."""
    import openpyxl
    from openpyxl.utils.exceptions import InvalidFileException

    check_package(content)
    try:
        workbook = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
    except (KeyError, ValueError, OSError, InvalidFileException, zipfile.BadZipFile) as error:
        raise ReaderError("The Excel file is damaged: open it, save it again and add it.") from error
    for sheet in workbook.worksheets:
        if not hasattr(sheet, "iter_rows"):
            continue
        lines = _hidden_lines(sheet, content)
        is_hidden = sheet.sheet_state != "visible"
        writer.add_heading(concealed(sheet.title) if is_hidden else sheet.title, level=2)
        _read_sheet(sheet, writer, *lines, every=is_hidden)
        writer.end_page()


def _hidden_lines(sheet: Any, content: bytes) -> tuple[set[int], set[int]]:
    """What openpyxl leaves out where it reads row by row."""
    with zipfile.ZipFile(io.BytesIO(content)) as package, package.open(sheet._worksheet_path) as part:
        return hidden_lines(part)


def _read_sheet(
    sheet: Any, writer: DocumentWriter, hidden_rows: Collection[int], hidden_columns: Collection[int], *, every: bool
) -> None:
    header: list[str] | None = None
    caption: str | None = None
    rows = 0
    cut = False
    sheet.reset_dimensions()  # what the file says of its size is not always true, and cells beyond it would be lost
    for number, values in enumerate(sheet.iter_rows(values_only=True), start=1):
        cells = [_shown(value) for value in values[:_MOST_COLUMNS]]
        whole = every or number in hidden_rows
        if whole or hidden_columns:
            cells = [
                concealed(cell) if whole or column in hidden_columns else cell
                for column, cell in enumerate(cells, start=1)
            ]
        cut = cut or any(value is not None for value in values[_MOST_COLUMNS:])
        filled = [cell for cell in cells if cell]
        if not filled:
            header = None
            continue
        rows += 1
        if rows > _MOST_ROWS:
            raise ReaderError(f"The sheet has more than {_MOST_ROWS:,} rows: keep those that matter.")
        if len(filled) == 1:
            writer.add_paragraph(filled[0])
            caption = filled[0]
        elif header is None:
            header = cells
        else:
            writer.add_row(header, cells, caption=caption)
    if cut:
        writer.warnings.append(f"Of sheet {sheet.title} only the first {_MOST_COLUMNS} columns were read.")


def _shown(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time().isoformat() == "00:00:00" else value.isoformat(" ", "minutes")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float):
        return f"{value:.10g}"
    return str(value)
