"""Small real files of every format that the document loaders read, made by the formats' own libraries."""

import io
import json
import zipfile
from email.message import EmailMessage

import docx
import openpyxl
import pptx
from fpdf import FPDF
from pptx.util import Inches

SENTENCE = "Warfarin interacts with amiodarone."
TABLE = [["Drug", "Dose (mg)"], ["Warfarin", "5"], ["Amiodarone", "200"]]


def make_pdf(*pages: str, title: str = "", rotation: int = 0) -> bytes:
    """A line of each page's text a line of the page; a first line that begins with # is larger."""
    pdf = FPDF()
    pdf.set_title(title)
    for text in pages:
        pdf.add_page()
        for line in text.split("\n"):
            size = 20 if line.startswith("# ") else 11
            pdf.set_font("Helvetica", size=size)
            pdf.cell(0, 1.2 * size / 2, line.removeprefix("# "), new_x="LMARGIN", new_y="NEXT")
        pdf.pages[pdf.page].set_dimensions(*_size(pdf))
    return turned(bytes(pdf.output()), rotation) if rotation else bytes(pdf.output())


def _size(pdf: FPDF) -> tuple[float, float]:
    return pdf.w_pt, pdf.h_pt


def turned(content: bytes, rotation: int) -> bytes:
    """The same pages, shown turned to the right by `rotation` degrees."""
    from pypdf import PdfReader, PdfWriter

    writer = PdfWriter()
    for page in PdfReader(io.BytesIO(content)).pages:
        writer.add_page(page.rotate(rotation))
    return _written(writer)


def protect_pdf(content: bytes, *, user: str, owner: str) -> bytes:
    from pypdf import PdfReader, PdfWriter

    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(content)))
    writer.encrypt(user_password=user, owner_password=owner, algorithm="AES-256")
    return _written(writer)


def _written(writer: object) -> bytes:
    target = io.BytesIO()
    writer.write(target)  # type: ignore[attr-defined]
    return target.getvalue()


def make_scan(text: str) -> bytes:
    """A page that is a picture of `text`."""
    from PIL import Image, ImageDraw, ImageFont

    image = Image.new("RGB", (1240, 1754), "white")
    ImageDraw.Draw(image).text((120, 160), text, fill="black", font=ImageFont.load_default(size=40))
    pdf = FPDF()
    pdf.add_page()
    pdf.image(image, 0, 0, 210, 297)
    return bytes(pdf.output())


def make_docx() -> bytes:
    document = docx.Document()
    document.add_heading("Discharge letter", level=0)
    document.add_heading("Medication", level=1)
    document.add_paragraph(SENTENCE)
    table = document.add_table(rows=0, cols=2)
    for values in TABLE:
        for cell, value in zip(table.add_row().cells, values, strict=True):
            cell.text = value
    document.add_paragraph("Seen again in May.")
    return _saved(document)


def make_pptx() -> bytes:
    presentation = pptx.Presentation()
    first = presentation.slides.add_slide(presentation.slide_layouts[5])
    first.shapes.title.text = "Discharge letter"
    box = first.shapes.add_textbox(Inches(1), Inches(2), Inches(6), Inches(1))
    box.text_frame.text = SENTENCE
    second = presentation.slides.add_slide(presentation.slide_layouts[5])
    second.shapes.title.text = "Medication"
    table = second.shapes.add_table(3, 2, Inches(1), Inches(2), Inches(6), Inches(2)).table
    for row, values in enumerate(TABLE):
        for column, value in enumerate(values):
            table.cell(row, column).text = value
    second.notes_slide.notes_text_frame.text = "Say that the dose was lowered."
    return _saved(presentation)


def make_xlsx() -> bytes:
    workbook = openpyxl.Workbook()
    workbook.remove(workbook.worksheets[0])
    sheet = workbook.create_sheet("Revenue")
    sheet.append(["Revenue by segment, 2025"])
    sheet.append(["Segment", "Amount (EUR)"])
    sheet.append(["Retail", 1250.5])
    sheet.append(["Private banking", 300, "audited"])
    other = workbook.create_sheet("Medication")
    for values in TABLE:
        other.append(values)
    return _saved(workbook)


def _saved(document: object) -> bytes:
    target = io.BytesIO()
    document.save(target)  # type: ignore[attr-defined]
    return target.getvalue()


def make_email(*, html: bool = False, attachments: tuple[tuple[str, bytes], ...] = ()) -> bytes:
    message = EmailMessage()
    message["Subject"] = "Discharge letter"
    message["From"] = "ward@example.org"
    message["To"] = "practice@example.org"
    message["Date"] = "Mon, 02 Mar 2026 10:00:00 +0000"
    if html:
        message.set_content(f"<html><body><h2>Medication</h2><p>{SENTENCE}</p></body></html>", subtype="html")
    else:
        message.set_content(f"{SENTENCE}\n\nSeen again in May.\n")
    for name, content in attachments:
        message.add_attachment(content, maintype="application", subtype="octet-stream", filename=name)
    return message.as_bytes()


def make_zip(files: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return target.getvalue()


TEXT = f"Discharge letter\n\nMEDICATION\n\n{SENTENCE}\n".encode()
PAGED_TEXT = f"Discharge letter\n\n{SENTENCE}\n\f\nSeen again in May.\n".encode()
MARKDOWN = f"""# Discharge letter

## Medication

**{SENTENCE}** See [the plan](https://example.org).

| Drug | Dose (mg) |
|---|---|
| Warfarin | 5 |
| Amiodarone | 200 |
""".encode()
HTML = f"""<!doctype html><html><head><title>Discharge letter</title><script>alert(1)</script></head><body>
<h1>Discharge letter</h1><h2>Medication</h2><div><p>{SENTENCE}</p><p hidden>Never shown.</p></div>
<table><tr><th>Drug</th><th>Dose (mg)</th></tr><tr><td>Warfarin</td><td>5</td></tr>
<tr><td>Amiodarone</td><td>200</td></tr></table></body></html>""".encode()
CSV = "\ufeffDrug;Dose (mg);2025\r\nWarfarin;5;a\r\nAmiodarone;200;b;extra\r\n".encode()
JSON = json.dumps([{"patient": "P-1", "medicationDose": {"drug": "Warfarin", "mg": 5}}, {"patient": "P-2"}]).encode()
FHIR = json.dumps(
    {
        "resourceType": "Bundle",
        "entry": [
            {
                "resource": {
                    "resourceType": "Patient",
                    "name": [{"given": ["Ann"], "family": "Lee"}],
                    "gender": "female",
                }
            },
            {
                "resource": {
                    "resourceType": "MedicationRequest",
                    "status": "active",
                    "medicationCodeableConcept": {"coding": [{"system": "urn:x", "code": "1", "display": "Warfarin"}]},
                    "dosageInstruction": [{"text": "5 mg daily"}],
                }
            },
        ],
    }
).encode()
HL7 = (
    b"MSH|^~\\&|LAB|WARD|DAFE|HOME|20260302101500||ORU^R01|M1|P|2.5\r"
    b"PID|1||P-1||Lee^Ann||19500412|F\r"
    b"DG1|1||I48^Atrial fibrillation\r"
    b"OBX|1|NM|INR^International normalised ratio||2.4||2.0-3.0|N|||F|||20260302\r"
)
CCDA = f"""<?xml version="1.0"?><ClinicalDocument xmlns="urn:hl7-org:v3"><title>Discharge letter</title>
<recordTarget><patientRole><patient><name><given>Ann</given><family>Lee</family></name>
<birthTime value="19500412"/></patient></patientRole></recordTarget>
<component><structuredBody><component><section><title>Medication</title><text><paragraph>{SENTENCE}</paragraph>
<table><thead><tr><th>Drug</th><th>Dose (mg)</th></tr></thead><tbody><tr><td>Warfarin</td><td>5</td></tr>
<tr><td>Amiodarone</td><td>200</td></tr></tbody></table></text></section></component></structuredBody></component>
</ClinicalDocument>""".encode()
FIRST_PAGE = f"# Discharge letter\nMedication of the patient in two lines\n{SENTENCE}\n"
FORMATS = {
    "letter.pdf": make_pdf(FIRST_PAGE, "Seen again in May.", title="Discharge letter"),
    "letter.docx": make_docx(),
    "letter.pptx": make_pptx(),
    "letter.xlsx": make_xlsx(),
    "letter.csv": CSV,
    "letter.txt": TEXT,
    "letter.md": MARKDOWN,
    "letter.html": HTML,
    "letter.eml": make_email(),
    "letter.json": JSON,
    "letter.hl7": HL7,
    "bundle.json": FHIR,
    "letter.xml": CCDA,
}
