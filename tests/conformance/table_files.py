"""Small real PDF files with ruled tables, and files that the main PDF reader cannot open."""

import re
from collections.abc import Sequence

from fpdf import FPDF
from fpdf.fonts import FontFace

from tests.conformance.document_files import turned

ABOVE = "Ann Lee takes two medicines with her meals."
BELOW = "She is seen again in May."
Cell = str | tuple[str, int, int]
"""A text, or with how many columns and rows it spans."""
DOSES: list[list[Cell]] = [["Drug", "Dose (mg)", "Since"], ["Warfarin", "5", "2024"], ["Amiodarone", "200", "2025"]]


def new_pdf() -> FPDF:
    pdf = FPDF()
    pdf.add_page()
    pdf.set_font("Helvetica", size=11)
    return pdf


def write_line(pdf: FPDF, text: str) -> None:
    pdf.cell(0, 7, text, new_x="LMARGIN", new_y="NEXT")


def draw_table(pdf: FPDF, rows: Sequence[Sequence[Cell]], *, bold: bool = True, repeat: bool = True) -> None:
    """Every cell has a border; the first row is bold and comes again on a new page, or it is like the others."""
    with pdf.table(
        first_row_as_headings=bold,
        headings_style=FontFace(emphasis="BOLD"),
        repeat_headings=1 if repeat else 0,
        line_height=7,
        text_align="LEFT",
    ) as table:
        for cells in rows:
            row = table.row()
            for cell in cells:
                text, columns, deep = cell if isinstance(cell, tuple) else (cell, 1, 1)
                row.cell(text, colspan=columns, rowspan=deep)


def make_table(
    rows: Sequence[Sequence[Cell]] = DOSES, *, caption: str = "", bold: bool = True, rotation: int = 0
) -> bytes:
    """Prose, the table with its caption, prose."""
    pdf = new_pdf()
    write_line(pdf, ABOVE)
    if caption:
        pdf.ln(10)
        write_line(pdf, caption)
    else:
        pdf.ln(20)
    draw_table(pdf, rows, bold=bold)
    pdf.ln(20)
    write_line(pdf, BELOW)
    content = bytes(pdf.output())
    return turned(content, rotation) if rotation else content


def make_long_table(*, repeat: bool, pages_before: int = 0, rows: int = 60) -> bytes:
    """A table that goes on over the end of a page."""
    pdf = new_pdf()
    for number in range(pages_before):
        write_line(pdf, f"Page {number + 1} of the letter comes before.")
        pdf.add_page()
    numbered = [[f"Drug {chr(65 + n // 26)}{chr(65 + n % 26)}", str(n + 1)] for n in range(rows)]
    draw_table(pdf, [["Name of the drug", "Dose (mg)"], *numbered], repeat=repeat)
    return bytes(pdf.output())


def make_bars() -> bytes:
    """The rules of the table are thin filled bars."""
    pdf = new_pdf()
    top, height, edges = 40.0, 8.0, (20.0, 70.0, 120.0, 170.0)
    for number in range(len(DOSES) + 1):
        pdf.rect(edges[0], top + number * height, edges[-1] - edges[0] + 0.3, 0.3, style="F")
    for edge in edges:
        pdf.rect(edge, top, 0.3, len(DOSES) * height, style="F")
    for number, cells in enumerate(DOSES):
        for edge, cell in zip(edges, cells, strict=False):
            pdf.text(edge + 2, top + number * height + 5.5, str(cell))
    return bytes(pdf.output())


def make_frames() -> bytes:
    """Prose in a frame, an empty grid, and a chart whose grid holds two labels."""
    pdf = new_pdf()
    pdf.multi_cell(100, 7, f"{ABOVE}\n{BELOW}", border=1)
    for left, top, columns, rows in ((20, 60, 4, 6), (20, 150, 8, 8)):
        for number in range(columns + 1):
            pdf.line(left + 15 * number, top, left + 15 * number, top + 10 * rows)
        for number in range(rows + 1):
            pdf.line(left, top + 10 * number, left + 15 * columns, top + 10 * number)
    pdf.text(24, 157, "high")
    pdf.text(84, 227, "low")
    return bytes(pdf.output())


def make_lines(*, across: int, down: int) -> bytes:
    """A page of text under many ruling lines."""
    pdf = new_pdf()
    write_line(pdf, ABOVE)
    width, height = 190 / max(1, across - 1), 250 / max(1, down - 1)
    for number in range(across):
        pdf.line(10 + number * width, 30, 10 + number * width, 280)
    for number in range(down):
        pdf.line(10, 30 + number * height, 200, 30 + number * height)
    return bytes(pdf.output())


def make_form_table() -> bytes:
    """A table drawn at twice its size inside a form object, which is moved and halved on the page."""
    lines = [f"{x} 0 m {x} 160 l S" for x in (0, 200, 400)] + [f"0 {y} m 400 {y} l S" for y in (0, 80, 160)]
    words = [(20, 110, "Drug"), (220, 110, "Dose (mg)"), (20, 30, "Warfarin"), (220, 30, "5")]
    texts = [f"BT /F1 24 Tf {x} {y} Td ({word}) Tj ET" for x, y, word in words]
    drawn = "\n".join([*lines, *texts]).encode()
    font = b"<< /Font << /F1 5 0 R >> >>"
    placed = b"q 0.5 0 0 0.5 100 500 cm /X1 Do Q"
    parts = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents 4 0 R /Resources << /XObject << /X1 6 0 R >> "
        b"/Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(placed), placed),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        b"<< /Type /XObject /Subtype /Form /BBox [0 0 400 160] /Resources %s /Length %d >>\nstream\n%s\nendstream"
        % (font, len(drawn), drawn),
    ]
    content, places = b"%PDF-1.4\n", []
    for number, part in enumerate(parts, start=1):
        places.append(len(content))
        content += b"%d 0 obj\n%s\nendobj\n" % (number, part)
    listed = b"".join(b"%010d 00000 n \n" % place for place in places)
    head = b"xref\n0 %d\n0000000000 65535 f \n%s" % (len(parts) + 1, listed)
    return content + head + b"trailer\n<< /Size 7 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % len(content)


def without_root(content: bytes, root: bytes) -> bytes:
    """A PDF whose trailer names no catalog, or a wrong one."""
    return re.sub(rb"/Root \d+ 0 R", root, content)
