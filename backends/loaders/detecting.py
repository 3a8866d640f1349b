"""Tells what a file is from its first bytes and its name; nothing is parsed here."""

import re

from backends.loaders.community import EPUB, ODT, ORG, RST, RTF, is_offered
from backends.loaders.community import NAMES as _COMMUNITY_NAMES
from backends.loaders.writing import ReaderError

PDF = "application/pdf"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
ZIP = "application/zip"
TEXT = "text/plain"
MARKDOWN = "text/markdown"
HTML = "text/html"
CSV = "text/csv"
EMAIL = "message/rfc822"
JSON = "application/json"
FHIR = "application/fhir+json"
HL7 = "application/hl7-v2"
CCDA = "application/cda+xml"

NAMES = {
    PDF: "PDF",
    DOCX: "Word",
    PPTX: "PowerPoint",
    XLSX: "Excel",
    ZIP: "ZIP archive",
    TEXT: "text",
    MARKDOWN: "Markdown",
    HTML: "web page",
    CSV: "table (CSV)",
    EMAIL: "e-mail",
    JSON: "JSON",
    FHIR: "FHIR",
    HL7: "HL7 v2",
    CCDA: "C-CDA",
    **_COMMUNITY_NAMES,
}
_SUPPORTED = "PDF, DOCX, PPTX, XLSX, CSV, TXT, MD, HTML, EML, JSON, HL7, FHIR JSON, C-CDA XML"
_OFFERED = "EPUB, RTF, ODT, ORG, RST"
_OFFICE = {"docx": (b"word/", DOCX), "pptx": (b"ppt/", PPTX), "xlsx": (b"xl/", XLSX)}
_TEXTS = {
    "txt": TEXT,
    "text": TEXT,
    "log": TEXT,
    "md": MARKDOWN,
    "markdown": MARKDOWN,
    "htm": HTML,
    "html": HTML,
    "csv": CSV,
    "tsv": CSV,
    "eml": EMAIL,
    "json": JSON,
    "ndjson": JSON,
    "hl7": HL7,
    "xml": CCDA,
    "org": ORG,
    "rst": RST,
}
_ONLY_BY_CONTENT = frozenset({*_OFFICE, "pdf", "zip", "epub", "rtf", "odt"})
_MACRO_ENDINGS = frozenset({"docm", "dotm", "xlsm", "xltm", "xlam", "pptm", "potm", "ppsm"})
_MACROS = b"vbaProject.bin"
_LEGACY_OFFICE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_RTF = b"{\\rtf"
_BOOK = b"mimetypeapplication/epub+zip"
_OPEN_TEXT = b"mimetypeapplication/vnd.oasis.opendocument.textPK"
_NAMED = {"epub": ((b"META-INF/container.xml",), EPUB), "odt": ((b"content.xml", b"META-INF/manifest.xml"), ODT)}
"""What is in them however they were packed."""
_FIRST_NAME = 30
"""Where in a ZIP archive the name of its first file stands; these formats have their type there, not packed."""
_FILLED = re.compile(rb"[^\x00 \t\r\n]")
_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_FHIR_TYPE = re.compile(rb'"resourceType"\s*:\s*"[A-Z]')


def detect(name: str, content: bytes) -> str:
    """The media type. Raises ReaderError for what is empty, not supported, or not what its name says."""
    ending = name.rsplit(".", 1)[-1].lower() if "." in name else ""
    if not _FILLED.search(content):
        raise ReaderError("The file is empty: choose another one.")
    if b"%PDF-" in content[:1024]:
        return _expect(ending, {"pdf", ""}, PDF)
    if content.startswith(_LEGACY_OFFICE):
        raise ReaderError(
            "Old or password-protected Office files cannot be read: save it without password as DOCX, XLSX or PPTX."
        )
    if content.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _zipped(ending, content)
    if content.startswith(_RTF):
        return _expect(ending, {"rtf", ""}, RTF)
    if ending in _ONLY_BY_CONTENT:
        raise ReaderError(
            f"The file is not {_article(ending)} {ending.upper()} file although its name says so: check it and add it"
            " again."
        )
    return _written(ending, content)


def _expect(ending: str, fitting: set[str], media_type: str) -> str:
    if ending in fitting:
        return media_type
    kind = NAMES[media_type]
    raise ReaderError(
        f"The file is {_article(kind)} {kind} file but is named .{ending[:10]}: rename it and add it again."
    )


def _article(kind: str) -> str:
    return "an" if kind[0] in "AEIOUaeiou" or kind.upper() == "RTF" else "a"


def supported() -> str:
    """What can be added, as the end of a sentence."""
    return f"{_SUPPORTED}, {_OFFERED} or ZIP" if is_offered() else f"{_SUPPORTED} or ZIP"


def _zipped(ending: str, content: bytes) -> str:
    for start, media_type in ((_BOOK, EPUB), (_OPEN_TEXT, ODT)):
        if content.startswith(start, _FIRST_NAME):
            return _expect(ending, {NAMES[media_type].lower(), ""}, media_type)
    if ending in _NAMED and all(part in content for part in _NAMED[ending][0]):
        return _NAMED[ending][1]
    for office, (folder, media_type) in _OFFICE.items():
        if folder in content and b"[Content_Types].xml" in content:
            if ending in _MACRO_ENDINGS or _MACROS in content:
                raise ReaderError(
                    "Office files with macros are not taken: save it without macros as DOCX, XLSX or PPTX."
                )
            return _expect(ending, {office, ""}, media_type)
    return _expect(ending, {"zip"}, ZIP)


def _written(ending: str, content: bytes) -> str:
    start = content[:4096].lstrip(b"\xef\xbb\xbf \t\r\n\x0b")
    if start.startswith((b"MSH|", b"FHS|", b"BHS|")):
        return HL7
    if not content.startswith((b"\xff\xfe", b"\xfe\xff")) and _BINARY.search(content[:65_536]):
        raise ReaderError(f"This kind of file cannot be read: add {supported()}.")
    if start.startswith((b"{", b"[")) and ending in {"json", "ndjson", "fhir", ""}:
        return FHIR if _FHIR_TYPE.search(content[:200_000]) else JSON
    if start.startswith(b"<") and b"ClinicalDocument" in content[:20_000]:
        return CCDA
    if ending == "xml":
        raise ReaderError("This XML is not a C-CDA document; other XML cannot be read: add it as text or HTML.")
    if ending in _TEXTS:
        return _TEXTS[ending]
    if ending == "":
        return TEXT
    raise ReaderError(f"Files named .{ending[:10]} cannot be read: add {supported()}.")
