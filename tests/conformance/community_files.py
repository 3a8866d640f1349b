"""Small real files of the formats that the community loaders read, written by hand."""

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager

from backends.loaders import community
from backends.loaders.base import DocumentLoader
from backends.loaders.settings import LocalLoaderSettings
from backends.loading import load
from tests.conformance.document_files import SENTENCE
from tests.servers.requiring import require

UMLAUTS = "Größe, Übelkeit und ärztliche Maßnahmen"
ODT_TYPE = "application/vnd.oasis.opendocument.text"
_ROWS = (("Drug", "Dose (mg)"), ("Warfarin", "5"), ("Amiodarone", "200"))
SPACES = " ".join(
    f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{space}:1.0"'
    for name, space in (
        ("office", "office"),
        ("text", "text"),
        ("table", "table"),
        ("style", "style"),
        ("fo", "xsl-fo-compatible"),
    )
)
_CONTAINER = (
    '<?xml version="1.0"?><container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    '<rootfile full-path="OEBPS/content.opf" media-type="application/oebps-package+xml"/></rootfiles></container>'
)
_PACKAGE = (
    '<?xml version="1.0"?><package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id">'
    '<metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>Discharge letter</dc:title>'
    '<dc:identifier id="id">x</dc:identifier><dc:language>en</dc:language></metadata><manifest>'
    '<item id="a" href="a.xhtml" media-type="application/xhtml+xml"/>'
    '<item id="b" href="b.xhtml" media-type="application/xhtml+xml"/></manifest>'
    '<spine><itemref idref="a"/><itemref idref="b"/></spine></package>'
)
_HTML_TABLE = (
    "<table><tr><th>Drug</th><th>Dose (mg)</th></tr>"
    "<tr><td>Warfarin</td><td>5</td></tr><tr><td>Amiodarone</td><td>200</td></tr></table>"
)
CHAPTER = (
    f"<h2>Medication</h2><p>{SENTENCE}</p><ul><li>{UMLAUTS}</li><li>Second item</li></ul>{_HTML_TABLE}"
    "<p>Leucocytes 10<sup>9</sup>/L</p>"
)


def make_epub(
    chapter: str = CHAPTER, *, parts: Mapping[str, bytes | str] | None = None, packing: int = zipfile.ZIP_DEFLATED
) -> bytes:
    """A book of two chapters; `parts` come on top, or in the place of its own."""
    start = '<?xml version="1.0" encoding="utf-8"?><!DOCTYPE html><html xmlns="http://www.w3.org/1999/xhtml"><body>'
    own = {
        "META-INF/container.xml": _CONTAINER,
        "OEBPS/content.opf": _PACKAGE,
        "OEBPS/a.xhtml": f"{start}{chapter}</body></html>",
        "OEBPS/b.xhtml": f"{start}<main><h2>Later</h2><p>Seen again in May.</p></main></body></html>",
    }
    return _package("application/epub+zip", {**own, **(parts or {})}, packing)


def make_odt(body: str | None = None, *, parts: Mapping[str, bytes | str] | None = None) -> bytes:
    """An OpenDocument text; `parts` come on top, or in the place of its own."""
    start = f'<?xml version="1.0" encoding="UTF-8"?><office:document-content {SPACES} office:version="1.3">'
    raised = '<style:style style:name="up" style:family="text"><style:text-properties style:text-position="super 58%"/>'
    styles = f"<office:automatic-styles>{raised}</style:style></office:automatic-styles>"
    text = body if body is not None else _odt_body()
    own = {
        "META-INF/manifest.xml": _manifest(""),
        "styles.xml": f'<?xml version="1.0"?><office:document-styles {SPACES}/>',
        "content.xml": f"{start}{styles}<office:body><office:text>{text}</office:text></office:body>"
        "</office:document-content>",
    }
    return _package(ODT_TYPE, {**own, **(parts or {})})


def locked_odt() -> bytes:
    """As LibreOffice marks a part that a password protects; the part itself is noise."""
    lock = '<manifest:encryption-data manifest:checksum-type="SHA1/1K" manifest:checksum="AAAA"/>'
    return make_odt(parts={"META-INF/manifest.xml": _manifest(lock), "content.xml": bytes(range(256)) * 4})


def locked_epub(algorithm: str) -> bytes:
    part = (
        '<encryption xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><enc:EncryptedData'
        ' xmlns:enc="http://www.w3.org/2001/04/xmlenc#">'
        f'<enc:EncryptionMethod Algorithm="{algorithm}"/></enc:EncryptedData></encryption>'
    )
    return make_epub(parts={"META-INF/encryption.xml": part})


def understated_epub() -> bytes:
    """A chapter of 1.5 GB that says of itself to have a thousand bytes, under a name that is not looked into before."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = b"".join(packer.compress(b"word " * 200_000) for _ in range(1_500)) + packer.flush()
    chapter = '<manifest><item id="c" href="c.dat" media-type="application/xhtml+xml"/>'
    parts = _PACKAGE.replace("<manifest>", chapter).replace("<spine>", '<spine><itemref idref="c"/>')
    content = bytearray(
        make_epub(parts={"OEBPS/content.opf": parts, "OEBPS/c.dat": packed}, packing=zipfile.ZIP_STORED)
    )
    name = b"OEBPS/c.dat"
    for place, packing_at, size_at in ((content.index(name) - 30, 8, 22), (content.rindex(name) - 46, 10, 24)):
        struct.pack_into("<H", content, place + packing_at, zipfile.ZIP_DEFLATED)
        struct.pack_into("<I", content, place + size_at, 1_000)
    return bytes(content)


def make_rtf(body: str) -> bytes:
    """What is beyond ASCII as code points, as word processors write it."""
    return ("{\\rtf1\\ansi\\ansicpg1252\\uc1 " + "".join(map(_rtf_sign, body)) + "}").encode("ascii")


def _rtf_sign(sign: str) -> str:
    return sign if sign.isascii() else f"\\u{ord(sign)}?"


def _package(media_type: str, parts: Mapping[str, bytes | str], packing: int = zipfile.ZIP_DEFLATED) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", packing) as package:
        package.writestr("mimetype", media_type, zipfile.ZIP_STORED)
        for name, content in parts.items():
            package.writestr(name, content)
    return target.getvalue()


def _manifest(lock: str) -> str:
    return (
        '<?xml version="1.0"?><manifest:manifest'
        ' xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
        f'<manifest:file-entry manifest:full-path="/" manifest:media-type="{ODT_TYPE}"/>'
        f'<manifest:file-entry manifest:full-path="content.xml" manifest:media-type="text/xml">{lock}'
        "</manifest:file-entry></manifest:manifest>"
    )


def _odt_body() -> str:
    cells = [[f"<table:table-cell><text:p>{cell}</text:p></table:table-cell>" for cell in row] for row in _ROWS]
    rows = "".join(f"<table:table-row>{''.join(row)}</table:table-row>" for row in cells)
    items = "".join(f"<text:list-item><text:p>{item}</text:p></text:list-item>" for item in (UMLAUTS, "Second item"))
    return (
        '<text:h text:outline-level="1">Discharge letter</text:h><text:h text:outline-level="2">Medication</text:h>'
        f"<text:p>{SENTENCE}</text:p><text:list>{items}</text:list>"
        f'<table:table><table:table-column table:number-columns-repeated="2"/>{rows}</table:table>'
        '<text:p>Leucocytes 10<text:span text:style-name="up">9</text:span>/L</text:p>'
    )


def _rtf_body() -> str:
    rows = "".join(
        "\\trowd\\cellx2000\\cellx4000" + "".join(f"\\pard\\intbl {cell}\\cell" for cell in row) + "\\row"
        for row in _ROWS
    )
    heads = ("Discharge letter", "Medication")
    headings = "".join(f"\\pard\\outlinelevel{level} {text}\\par" for level, text in enumerate(heads))
    return (
        f"{headings}\\pard\\plain {SENTENCE}\\par {UMLAUTS}\\par Second item\\par{rows}"
        "\\pard Leucocytes 10{\\super 9}/L\\par"
    )


ORG = f"""#+TITLE: Discharge letter
* Medication
{SENTENCE}
- {UMLAUTS}
- Second item

| Drug | Dose (mg) |
|------+-----------|
| Warfarin | 5 |
| Amiodarone | 200 |

Leucocytes 10^{{9}}/L
""".encode()
RST = f"""Discharge letter
================

Medication
----------

{SENTENCE}

- {UMLAUTS}
- Second item

==========  =========
Drug        Dose (mg)
==========  =========
Warfarin    5
Amiodarone  200
==========  =========

Leucocytes 10\\ :sup:`9`/L
""".encode()
COMMUNITY_FORMATS = {
    "letter.epub": make_epub(),
    "letter.odt": make_odt(),
    "letter.rtf": make_rtf(_rtf_body()),
    "letter.org": ORG,
    "letter.rst": RST,
}


def require_community_loaders() -> None:
    """Skips, or fails where they are required, without what reads these files."""
    if not community.is_offered():
        require("community-loaders", f"install {community.missing()}")


@contextmanager
def community_loader() -> Iterator[DocumentLoader]:
    require_community_loaders()
    opened: DocumentLoader = load(DocumentLoader, LocalLoaderSettings())
    with closing(opened):
        yield opened
