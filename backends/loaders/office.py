"""Reads DOCX, PPTX and XLSX."""

import io
import re
import zipfile
from collections.abc import Collection, Iterator
from datetime import date, datetime
from math import inf
from typing import Any

from backends.loaders.hidden import concealed, hidden_lines, mark_slide, mark_word
from backends.loaders.packages import check_package
from backends.loaders.writing import DocumentWriter, ReaderError

_MOST_ROWS = 200_000
_MOST_COLUMNS = 500
_HEADING_STYLE = re.compile(r"heading (\d)", re.IGNORECASE)


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
