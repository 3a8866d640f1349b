"""Writes the content of an OpenDocument text so that pandoc, which knows only part of the format, reads all of it."""

import io
import zipfile
import zlib
from collections import Counter
from copy import deepcopy
from typing import Any

from lxml import etree

_OASIS = "urn:oasis:names:tc:opendocument:xmlns:"
_TEXT, _TABLE, _DRAW, _OFFICE = (f"{{{_OASIS}{name}:1.0}}" for name in ("text", "table", "drawing", "office"))
_STYLE = f"{{{_OASIS}style:1.0}}"
_PARTS = "mimetype", "META-INF/manifest.xml", "meta.xml", "styles.xml"
_DROPPED = {
    *(_OFFICE + name for name in ("annotation", "annotation-end", "forms", "scripts", "binary-data")),
    *(_TEXT + name for name in ("tracked-changes", "script", "table-of-content", "alphabetical-index")),
    *(_TEXT + name for name in ("illustration-index", "table-index", "object-index", "note-citation")),
    *(_TEXT + name for name in ("bibliography-source", "user-index-source", "soft-page-break")),
    *(f"{{{_OASIS}svg-compatible:1.0}}{name}" for name in ("title", "desc")),
}
"""Notes of other people, what was deleted, and what repeats the text."""
_UNWRAPPED = {
    *(_TABLE + name for name in ("table-header-rows", "table-rows", "table-row-group")),
    *(_TABLE + name for name in ("table-header-columns", "table-columns", "table-column-group")),
    *(_TEXT + name for name in ("section", "bibliography", "user-index", "index-body", "index-title")),
}
_ROWS_OF_TABLES = {_TABLE + name for name in ("table", "table-row", "table-cell", "covered-table-cell")}
_LISTS = {_TEXT + name for name in ("list", "list-item", "list-header")}
_LINES = {_TEXT + "p", _TEXT + "h"}
_BLOCKS = {*_LINES, _TEXT + "list", _TABLE + "table"}
_READ_IN_LINES = {_TEXT + name for name in ("span", "s", "tab", "line-break", "a", "note", "note-body", "list-item")}
_CELLS = {_TABLE + "table-cell", _TABLE + "covered-table-cell"}
_MOST_REPEATED, _MOST_CELLS = 100, 100_000


class OpenText:
    """`content` is the file to hand over; `is_partial` tells of text in it that is not."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.is_partial = False
        self._letters: Counter[str] = Counter()
        self._cells = 0
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as package:
                parts = {name: package.read(name) for name in _PARTS if name in package.namelist()}
                root = _parsed(package.read("content.xml"))
        except (KeyError, zipfile.BadZipFile, zlib.error, etree.XMLSyntaxError):
            return  # pandoc says what is wrong
        self.is_partial = next(root.iter(_DRAW + "object"), None) is not None
        self._rewrite(root)
        self._letters = _letters("".join(root.itertext()))
        self.is_partial |= _has_margins(parts.get("styles.xml", b""))
        self.content = _packed({**parts, "content.xml": etree.tostring(root, encoding="UTF-8", xml_declaration=True)})

    def is_read_by(self, text: str) -> bool:
        """Whether all letters and digits came out, but for a few."""
        lost = (self._letters - _letters(text)).total()
        return not self.is_partial and lost <= max(2, self._letters.total() // 500)

    def _rewrite(self, root: Any) -> None:
        for element in list(root.iter()):
            if element.tag == _TEXT + "section" and _is_hidden(element):
                self.is_partial = True
                _remove(element)
            elif element.tag in _DROPPED:
                _remove(element)
        for element in list(root.iter(_TEXT + "numbered-paragraph", _TEXT + "list-item", _TEXT + "list-header")):
            _number(element)
        for element in list(root.iter(*_UNWRAPPED)):
            _unwrap(element)
        for element in reversed([one for one in root.iter() if one.tag.startswith(_DRAW)]):
            _lift(element)
        for element in list(root.iter()):
            if _is_field(element):
                _unwrap(element)
        for table in list(root.iter(_TABLE + "table")):
            if next(table.iterancestors(*_CELLS), None) is None:
                self._write_table(table)

    def _write_table(self, table: Any) -> None:
        for element in [one for cell in table.iter(*_CELLS) for one in cell.iterdescendants()]:
            if element.tag in _LISTS | _ROWS_OF_TABLES:
                _unwrap(element)
            elif element.tag == _TABLE + "table-column":
                _remove(element)
            elif element.tag == _TEXT + "h":
                element.tag = _TEXT + "p"
        for row in table.findall(_TABLE + "table-row"):
            for cell in [one for one in row if one.tag in _CELLS]:
                self._repeat(cell, "number-columns-repeated")
            self._repeat(row, "number-rows-repeated")
        _fill_spans(table)

    def _repeat(self, element: Any, attribute: str) -> None:
        asked = _number_in(element.attrib.pop(_TABLE + attribute, "1"))
        times = min(asked, _MOST_REPEATED)
        self._cells += times * max(1, len(element) if element.tag not in _CELLS else 1)
        has_text = any(sign.isalnum() for sign in "".join(element.itertext()))
        if self._cells > _MOST_CELLS:
            times = 1
        self.is_partial |= has_text and times < asked
        for _ in range(times - 1):
            twin = deepcopy(element)
            twin.tail = None
            element.addnext(twin)


def _parsed(content: bytes) -> Any:
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, huge_tree=False, remove_comments=True, remove_pis=True
    )
    return etree.fromstring(content, parser)


def _packed(parts: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in parts.items():
            package.writestr(name, content)
    return target.getvalue()


def _letters(text: str) -> Counter[str]:
    return Counter(sign for sign in text if sign.isalnum())


def _has_margins(styles: bytes) -> bool:
    """Whether a header or footer of pages holds text beside numbers of pages."""
    try:
        root = _parsed(styles)
    except etree.XMLSyntaxError:
        return False
    kinds = (f"{_STYLE}{name}{place}" for name in ("header", "footer") for place in ("", "-left", "-first"))
    margins = [margin for margin in root.iter(*kinds) if margin.get(_STYLE + "display") != "false"]
    for field in [one for margin in margins for one in margin.iter(_TEXT + "page-number", _TEXT + "page-count")]:
        field.text = None
    return any(sign.isalnum() for margin in margins for sign in "".join(margin.itertext()))


def _is_hidden(section: Any) -> bool:
    display = section.get(_TEXT + "display")
    return bool(display == "none" or (display == "condition" and section.get(_TEXT + "is-hidden") == "true"))


def _remove(element: Any) -> None:
    """Without the text behind it."""
    parent = element.getparent()
    if parent is None:
        return
    _append(parent, element.getprevious(), element.tail)
    parent.remove(element)


def _append(parent: Any, before: Any, text: str | None) -> None:
    if before is not None:
        before.tail = (before.tail or "") + (text or "")
    else:
        parent.text = (parent.text or "") + (text or "")


def _unwrap(element: Any) -> None:
    """What is in it stands in its place."""
    parent = element.getparent()
    if parent is None:
        return
    _append(parent, element.getprevious(), element.text)
    tail = element.tail
    element.tail = None
    last = element
    for child in list(element):
        last.addnext(child)
        last = child
    if last is not element:
        last.tail = (last.tail or "") + (tail or "")
    else:
        _append(parent, element.getprevious(), tail)
    parent.remove(element)


def _number(element: Any) -> None:
    """The number of a paragraph stands in it; a list writes its own."""
    if element.tag == _TEXT + "list-header":
        element.tag = _TEXT + "list-item"
    number = element.find(_TEXT + "number")
    line = next(iter(element.iterchildren(*_LINES)), None)
    if number is not None:
        if line is not None and element.tag == _TEXT + "numbered-paragraph" and number.text:
            line.text = f"{number.text} {line.text or ''}"
        _remove(number)
    if element.tag == _TEXT + "numbered-paragraph":
        _unwrap(element)


def _lift(drawn: Any) -> None:
    """Paragraphs of a text box or shape stand behind the paragraph that holds it."""
    blocks = [one for one in drawn.iterdescendants(*_BLOCKS) if next(one.iterancestors(*_BLOCKS, drawn.tag)) is drawn]
    if not blocks:
        return
    place = next(drawn.iterancestors(*_LINES), drawn)
    for block in reversed(blocks):
        block.tail = None
        place.addnext(block)
    _remove(drawn)


def _is_field(element: Any) -> bool:
    """Something in a line that pandoc leaves out with its text."""
    if element.tag in _READ_IN_LINES | _BLOCKS or element.tag.startswith((_DRAW, _TABLE)):
        return False
    return next(element.iterancestors(*_LINES), None) is not None


def _number_in(text: str) -> int:
    return max(1, int(text)) if text.isdecimal() and len(text) < 9 else 1


def _fill_spans(table: Any) -> None:
    """A cell over several rows stands in each, the heading of several columns over each."""
    covers: dict[tuple[int, int], Any] = {}
    for down, row in enumerate(table.findall(_TABLE + "table-row")):
        for right, cell in enumerate([one for one in row if one.tag in _CELLS]):
            owner = covers.get((down, right))
            if cell.tag == _TABLE + "covered-table-cell":
                cell.tag = _TABLE + "table-cell"
                for child in list(cell):
                    cell.remove(child)
                cell.extend(deepcopy(list(owner)) if owner is not None else [])
                continue
            rows, columns = (
                min(_number_in(cell.attrib.pop(f"{_TABLE}number-{kind}-spanned", "1")), _MOST_REPEATED)
                for kind in ("rows", "columns")
            )
            for place in range(1, rows * columns):
                if len(covers) < _MOST_CELLS and (down == 0 or place % columns == 0):
                    covers[down + place // columns, right + place % columns] = cell
