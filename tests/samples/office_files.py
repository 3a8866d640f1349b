"""Builds DOCX, PPTX and XLSX samples, packed again with one date, so that equal text gives equal bytes."""

import io
import re
import zipfile
from datetime import datetime
from typing import Any

import docx
import openpyxl
import pptx
from docx.shared import Pt, RGBColor
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from pptx.util import Inches
from pptx.util import Pt as SlidePt

from tests.samples.sources import Block, Source

_MADE = datetime(2026, 6, 1, 9, 0, 0)
_PACKED = (2026, 6, 1, 9, 0, 0)
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_STAMP = re.compile(rb"(<dcterms:(created|modified)[^>]*>)[^<]*(</dcterms:)")


def build_docx(source: Source) -> bytes:
    document = docx.Document()
    _set_properties(document.core_properties, source)
    document.styles["Normal"].font.name = "Calibri"
    document.styles["Normal"].font.size = Pt(10.5)
    head = document.sections[0].header.paragraphs[0]
    head.text = " · ".join(source.fields[name] for name in ("letterhead", "unit", "address") if source.fields.get(name))
    document.sections[0].footer.paragraphs[0].text = source.fields.get("footer", "")
    for block in source.blocks:
        _add_to_document(document, block)
    return _packed(document)


def _add_to_document(document: Any, block: Block) -> None:
    if block.kind == "table":
        table = document.add_table(rows=0, cols=len(block.rows[0]), style="Table Grid")
        for number, cells in enumerate(block.rows):
            row = table.add_row()
            for cell, text in zip(row.cells, cells, strict=True):
                cell.text = text
                cell.paragraphs[0].runs[0].bold = number == 0
        document.add_paragraph()
    elif block.kind == "title":
        document.add_paragraph(block.text, style="Title")
    elif block.kind in {"heading", "subheading"}:
        document.add_heading(block.text, level=1 if block.kind == "heading" else 2)
    elif block.kind == "item":
        document.add_paragraph(block.text, style="List Bullet")
    elif block.kind == "break":
        document.add_page_break()
    else:
        paragraph = document.add_paragraph(block.text)
        if block.kind == "caption":
            paragraph.runs[0].bold = True
        if block.kind == "note":
            paragraph.runs[0].font.color.rgb = RGBColor(0x54, 0x60, 0x6A)
        if block.kind == "signature":
            paragraph.paragraph_format.space_after = Pt(0)


def build_pptx(source: Source) -> bytes:
    """The title block opens the first slide, each heading another; notes go to the speaker's notes."""
    presentation = pptx.Presentation()
    presentation.slide_width, presentation.slide_height = Inches(13.333), Inches(7.5)
    _set_properties(presentation.core_properties, source)
    slide: Any = None
    for block in source.blocks:
        if block.kind in {"title", "heading"}:
            slide = presentation.slides.add_slide(presentation.slide_layouts[5])
            slide.shapes.title.text = block.text
            slide.shapes.title.width = Inches(12.1)
            slide.shapes.title.left, slide.shapes.title.top = Inches(0.6), Inches(0.4)
        else:
            _add_to_slide(slide, block)
    return _packed(presentation)


def _add_to_slide(slide: Any, block: Block) -> None:
    if block.kind == "note":
        slide.notes_slide.notes_text_frame.text = block.text
        return
    used = [shape.top + shape.height for shape in slide.shapes]
    top = max([Inches(1.7), *(edge + Inches(0.05) for edge in used[1:])])
    if block.kind == "table":
        rows, columns = len(block.rows), len(block.rows[0])
        shape = slide.shapes.add_table(rows, columns, Inches(0.6), top, Inches(12.1), Inches(0.42) * rows)
        for number, cells in enumerate(block.rows):
            for column, text in enumerate(cells):
                cell = shape.table.cell(number, column)
                cell.text = text
                cell.text_frame.paragraphs[0].font.size = SlidePt(14)
        return
    lines = 1 + len(block.text) // 105
    box = slide.shapes.add_textbox(Inches(0.6), top, Inches(12.1), Inches(0.36) * lines)
    box.text_frame.word_wrap = True
    box.text_frame.text = block.text
    box.text_frame.paragraphs[0].font.size = SlidePt(18)


def build_xlsx(source: Source) -> bytes:
    """Each title begins a sheet; a text is a line of one cell, a table follows with its header row."""
    workbook = openpyxl.Workbook()
    workbook.remove(workbook.worksheets[0])
    workbook.properties.title, workbook.properties.creator = source.title, source.fields.get("author", "")
    workbook.properties.created = workbook.properties.modified = _MADE
    sheet: Any = None
    for block in source.blocks:
        if block.kind == "title":
            sheet = workbook.create_sheet(block.text)
        elif block.kind == "table":
            _add_to_sheet(sheet, block.rows)
            sheet.append([])
        else:
            sheet.append([block.text])
            sheet.cell(sheet.max_row, 1).font = Font(bold=block.kind == "caption", size=11)
    return _packed(workbook)


def _add_to_sheet(sheet: Any, rows: tuple[tuple[str, ...], ...]) -> None:
    for number, cells in enumerate(rows):
        sheet.append([float(cell) if _NUMBER.fullmatch(cell) and number else cell or None for cell in cells])
        for column, cell in enumerate(sheet[sheet.max_row], start=1):
            cell.alignment = Alignment(wrap_text=True, vertical="top")
            if number == 0:
                cell.font = Font(bold=True)
                cell.fill = PatternFill("solid", fgColor="E9EEF0")
            letter = get_column_letter(column)
            width = min(34, max(len(row[column - 1]) for row in rows if len(row) >= column) + 3)
            sheet.column_dimensions[letter].width = max(width, sheet.column_dimensions[letter].width)


def _set_properties(properties: Any, source: Source) -> None:
    properties.title, properties.author = source.title, source.fields.get("author", "")
    properties.created = properties.modified = _MADE
    properties.last_modified_by, properties.comments = "", ""


def _packed(document: Any) -> bytes:
    """Saved, then its parts written again in order with one date."""
    saved, target = io.BytesIO(), io.BytesIO()
    document.save(saved)
    with zipfile.ZipFile(saved) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            data = old.read(name)
            if name == "docProps/core.xml":
                data = _STAMP.sub(rb"\g<1>2026-06-01T09:00:00Z\g<3>", data)
            new.writestr(zipfile.ZipInfo(name, _PACKED), data, zipfile.ZIP_DEFLATED)
    return target.getvalue()
