"""Draws a sample source as a PDF with letterhead, headings, ruled tables and page numbers."""

from datetime import UTC, datetime
from typing import Any

from fpdf import FPDF
from fpdf.enums import TableBordersLayout, XPos, YPos
from fpdf.fonts import FontFace

from tests.samples.sources import Block, Source

_COLOURS = {"hospital": (11, 98, 119), "bank": (38, 56, 92)}
_GREY = (84, 96, 106)
_MADE = datetime(2026, 6, 1, tzinfo=UTC)
_SIZES = {"text": 10.0, "item": 10.0, "signature": 10.0, "heading": 12.5, "subheading": 11.7, "title": 17.0}


class SamplePage(FPDF):
    """A4 with a letterhead on the first page, a running head on the others and a foot on all."""

    def __init__(self, source: Source, *, sector: str) -> None:
        super().__init__(format="A4", unit="mm")
        self.source, self.colour = source, _COLOURS[sector]
        self.core_fonts_encoding = "windows-1252"
        self.set_margins(24, 20, 24)
        self.set_auto_page_break(True, margin=24)
        self.set_creation_date(_MADE)
        self.set_title(source.title)
        self.set_author(source.fields.get("letterhead", ""))
        self.set_lang("en-GB")
        self.c_margin = 0

    def header(self) -> None:
        fields = self.source.fields
        self.set_text_color(*self.colour)
        if self.page_no() == 1:
            self.set_font("Helvetica", "B", 10)
            self._line(fields.get("letterhead", ""), 5.5)
            self.set_text_color(*_GREY)
            self.set_font("Helvetica", "", 8)
            for name in ("unit", "address"):
                if fields.get(name):
                    self._line(fields[name], 4)
        else:
            self.set_text_color(*_GREY)
            self.set_font("Helvetica", "", 8)
            self._line(f"{fields.get('running', self.source.title)}", 4)
        self.set_draw_color(*self.colour)
        self.set_line_width(0.5)
        self.line(self.l_margin, self.get_y() + 1.5, self.w - self.r_margin, self.get_y() + 1.5)
        self.ln(7)

    def footer(self) -> None:
        self.set_y(-16)
        self.set_font("Helvetica", "", 8)
        self.set_text_color(*_GREY)
        half = self.epw / 2
        self.cell(half, 4, self.source.fields.get("footer", ""))
        self.cell(half, 4, f"Page {self.page_no()} of {{nb}}", align="R")

    def _line(self, text: str, height: float) -> None:
        self.cell(0, height, text, new_x=XPos.LMARGIN, new_y=YPos.NEXT)


def build_pdf(source: Source, *, sector: str) -> bytes:
    page = SamplePage(source, sector=sector)
    page.add_page()
    blocks = source.blocks
    for place, block in enumerate(blocks):
        following = blocks[place + 1] if place + 1 < len(blocks) else None
        _draw(page, block, following)
    return bytes(page.output())


def _draw(page: SamplePage, block: Block, following: Block | None) -> None:
    if block.kind == "break":
        page.add_page()
    elif block.kind == "table":
        _draw_table(page, block.rows)
    elif block.kind in {"title", "heading", "subheading"}:
        _keep_together(page, 26 if following is not None else 12)
        _draw_heading(page, block)
    elif block.kind == "caption":
        _keep_together(page, 30)
        _write(page, block.text, style="B", size=9, height=4.6, after=1)
    elif block.kind == "item":
        page.set_x(page.l_margin + 4)
        _write(page, f"\u2022 {block.text}", indent=4, after=1.2)
    elif block.kind == "signature":
        _write(page, block.text, after=0)
    elif block.kind == "note":
        _write(page, block.text, size=8.5, height=4.2, colour=_GREY)
    else:
        _write(page, block.text)


def _draw_heading(page: SamplePage, block: Block) -> None:
    size = _SIZES[block.kind]
    page.ln(1 if block.kind == "title" else 2.5)
    colour = page.colour if block.kind != "subheading" else (30, 36, 42)
    _write(page, block.text, style="B", size=size, height=size * 0.48, after=2, colour=colour)


def _write(
    page: SamplePage,
    text: str,
    *,
    style: str = "",
    size: float = 10,
    height: float = 5,
    indent: float = 0,
    after: float = 2.8,
    colour: tuple[int, int, int] = (23, 28, 33),
) -> None:
    """A paragraph that stays on one page, so that no foot stands inside a sentence."""
    page.set_font("Helvetica", style, size)
    page.set_text_color(*colour)
    width = page.epw - indent
    lines: Any = page.multi_cell(width, height, text, align="L", dry_run=True, output="LINES")
    _keep_together(page, len(lines) * height)
    page.set_x(page.l_margin + indent)
    page.multi_cell(width, height, text, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    page.ln(after)


def _keep_together(page: SamplePage, height: float) -> None:
    if page.get_y() + height > page.page_break_trigger:
        page.add_page()


def _draw_table(page: SamplePage, rows: tuple[tuple[str, ...], ...]) -> None:
    page.set_font("Helvetica", "", 9)
    page.set_text_color(23, 28, 33)
    page.set_draw_color(150, 160, 168)
    page.set_line_width(0.2)
    widths = [_column_width([row[column] for row in rows]) for column in range(len(rows[0]))]
    heading = FontFace(emphasis="BOLD", fill_color=(233, 238, 240), color=(23, 28, 33))
    with page.table(
        borders_layout=TableBordersLayout.ALL,
        col_widths=tuple(widths),
        headings_style=heading,
        line_height=5,
        padding=(0.8, 1.4),
        text_align="LEFT",
    ) as table:
        for cells in rows:
            row = table.row()
            for cell in cells:
                row.cell(cell)
    page.ln(3.5)


def _column_width(cells: list[str]) -> float:
    """In proportion to the longest cell, and no narrower than its longest word."""
    longest_word = max((len(word) for cell in cells for word in cell.split()), default=0)
    return max(8, min(max(map(len, cells)), 44), longest_word * 1.35 + 1)
