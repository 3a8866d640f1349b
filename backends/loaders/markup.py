"""Reads HTML pages and C-CDA documents."""

from typing import Any

from backends.loaders.hidden import mark_html
from backends.loaders.writing import DocumentWriter, ReaderError

_SKIPPED = ["script", "style", "noscript", "template", "svg", "iframe", "object", "embed", "head"]
_BLOCKS = ["p", "li", "pre", "blockquote", "dd", "dt", "figcaption", "td", "th", "address", "caption"]
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_CDA = "{urn:hl7-org:v3}"


def read_html(content: bytes, writer: DocumentWriter) -> None:
    """Headings, paragraphs, list items and tables in their order; scripts and parts marked as hidden are left out,
    what a style hides is read and marked."""
    from bs4 import BeautifulSoup

    soup = BeautifulSoup(content, "lxml")
    if soup.title is not None and soup.title.get_text(strip=True):
        writer.title = soup.title.get_text(" ")
    for element in soup(_SKIPPED):
        element.decompose()
    for element in soup.find_all(hidden=True):
        element.decompose()
    mark_html(soup)
    _read_blocks(soup.body or soup, writer)


def _read_blocks(parent: Any, writer: DocumentWriter) -> None:
    from bs4.element import NavigableString, Tag

    loose: list[str] = []

    def end_loose() -> None:
        writer.add_paragraph(" ".join(" ".join(loose).split()))
        loose.clear()

    for child in parent.children:
        if isinstance(child, NavigableString):
            if type(child) is NavigableString:
                loose.append(str(child))
        elif not isinstance(child, Tag):
            continue
        elif child.name in _HEADINGS:
            end_loose()
            writer.add_heading(child.get_text(" ", strip=True), level=_HEADINGS[child.name])
        elif child.name == "table" and child.find("table") is None:
            end_loose()
            rows = child.find_all("tr")
            writer.add_table([[cell.get_text(" ", strip=True) for cell in row.find_all(["td", "th"])] for row in rows])
        elif child.name in _BLOCKS and child.find(["table", "ul", "ol", "p", "div"]) is None:
            end_loose()
            writer.add_paragraph(" ".join(child.get_text(" ").split()))
        elif child.find([*_BLOCKS, *_HEADINGS, "table", "div", "section"]) is not None:
            end_loose()
            _read_blocks(child, writer)
        else:
            loose.append(child.get_text(" "))
    end_loose()


def read_ccda(content: bytes, writer: DocumentWriter) -> None:
    """Title, patient, then each section's narrative. Entities and DTDs are refused."""
    import defusedxml
    from defusedxml.ElementTree import ParseError, fromstring

    try:
        root = fromstring(content, forbid_dtd=True)
    except defusedxml.DefusedXmlException as error:
        raise ReaderError(
            "The XML declares entities or a DTD, which is not safe to read: export it without."
        ) from error
    except (ParseError, ValueError, RecursionError) as error:
        raise ReaderError("The C-CDA document is not valid XML: export it again and add it.") from error
    title = root.findtext(f"{_CDA}title") or "Clinical document"
    writer.add_heading(title, level=1)
    _read_patient(root, writer)
    for section in root.iter(f"{_CDA}section"):
        name = section.findtext(f"{_CDA}title")
        if name:
            writer.add_heading(name, level=2)
        narrative = section.find(f"{_CDA}text")
        if narrative is not None:
            _read_narrative(narrative, writer)


def _read_patient(root: Any, writer: DocumentWriter) -> None:
    patient = root.find(f".//{_CDA}recordTarget/{_CDA}patientRole/{_CDA}patient")
    if patient is None:
        return
    name = " ".join(" ".join(part.itertext()) for part in patient.findall(f"{_CDA}name")[:1]).split()
    birth = patient.find(f"{_CDA}birthTime")
    gender = patient.find(f"{_CDA}administrativeGenderCode")
    parts = [f"Patient: {' '.join(name)}"] if name else []
    if birth is not None and (value := birth.get("value", "")):
        parts.append(f"born {value[:4]}-{value[4:6]}-{value[6:8]}".rstrip("-"))
    if gender is not None and gender.get("displayName"):
        parts.append(str(gender.get("displayName")).lower())
    writer.add_paragraph(", ".join(parts))


def _read_narrative(element: Any, writer: DocumentWriter) -> None:
    """Tables as rows, list items and paragraphs as paragraphs, other text as it stands."""
    loose = [element.text or ""]
    for child in element:
        name = child.tag.removeprefix(_CDA) if isinstance(child.tag, str) else ""
        if name in {"table", "list", "paragraph", "item", "caption"}:
            writer.add_paragraph(" ".join("".join(loose).split()))
            loose = []
        if name == "table":
            _read_table(child, writer)
        elif name in {"list", "item"} and _has_parts(child):
            _read_narrative(child, writer)
        elif name in {"paragraph", "item", "caption", "list"}:
            writer.add_paragraph(_text(child))
        elif name:
            loose.append(" " + _text(child))
        loose.append(child.tail or "")
    writer.add_paragraph(" ".join("".join(loose).split()))


def _read_table(table: Any, writer: DocumentWriter) -> None:
    rows = [[_text(cell) for cell in row if cell.tag in {f"{_CDA}td", f"{_CDA}th"}] for row in table.iter(f"{_CDA}tr")]
    writer.add_table(rows)


def _text(element: Any) -> str:
    return " ".join(" ".join(element.itertext()).split())


def _has_parts(element: Any) -> bool:
    return any(child.tag in {f"{_CDA}item", f"{_CDA}table", f"{_CDA}paragraph", f"{_CDA}list"} for child in element)
