"""Marks text that a person who opens the file does not see, on its way through a reader."""

import re
from contextlib import suppress
from typing import IO, Any
from xml.parsers import expat

from app.domain.documents import Span

_BEGIN, _END = "\ufdd0", "\ufdd1"
"""No characters (Unicode 23.7): no text holds them on purpose."""
_MARKS = re.compile(f"[{_BEGIN}{_END}]")
_ENDS = r"\s*(?:;|$|!)"
_STYLE = re.compile(
    r"(?<![-\w])(?:display\s*:\s*none|visibility\s*:\s*hidden|color\s*:\s*transparent|text-indent\s*:\s*-\d{3,}"
    rf"|font-size\s*:\s*(?:0*(?:\.\d+|[01](?:\.\d+)?)p[xt]|0+(?:\.0+)?(?:em|rem|%)?){_ENDS}"
    rf"|opacity\s*:\s*0+(?:\.0+)?{_ENDS})",
    re.IGNORECASE,
)

_MOST_COLUMNS = 16_384
"""Of a worksheet (ECMA-376)."""


def unmarked(text: str) -> str:
    return _MARKS.sub("", text)


def blanked(text: str) -> str:
    """A space for each mark, so that no place moves: for text whose places are known."""
    return _MARKS.sub(" ", text)


def concealed(text: str) -> str:
    return f"{_BEGIN}{unmarked(text)}{_END}" if text else text


def is_marked(text: str) -> bool:
    return _BEGIN in text


def split(text: str) -> tuple[str, list[Span]]:
    """The text without marks, and where in it what they enclose lies; what is never closed goes on to the end."""
    plain: list[str] = []
    spans: list[Span] = []
    length = depth = start = 0
    for piece in re.split(f"([{_BEGIN}{_END}])", text):
        if piece == _BEGIN:
            start = start if depth else length
            depth += 1
        elif piece == _END:
            depth = max(0, depth - 1)
            if depth == 0 and length > start:
                spans.append(Span(start, length))
        else:
            plain.append(piece)
            length += len(piece)
    if depth and length > start:
        spans.append(Span(start, length))
    return "".join(plain), spans


def mark_html(soup: Any) -> None:
    """Elements that their own style hides, or makes too small or transparent to be seen; comments are no text."""
    for text in _texts(soup):
        if _MARKS.search(text):
            text.replace_with(unmarked(text))
    for element in soup.find_all(style=_STYLE):
        for text in _texts(element):
            text.replace_with(concealed(text))


def _texts(element: Any) -> list[Any]:
    from bs4.element import NavigableString

    return [text for text in element.find_all(string=True) if type(text) is NavigableString]


def mark_word(body: Any) -> None:
    """Runs with the property "hidden" (w:vanish), and those of a size below two points."""
    for text in body.iter("{*}t"):
        text.text = unmarked(text.text or "")
    for run in body.iter("{*}r"):
        properties = run.find("{*}rPr")
        if properties is not None and _is_hidden(properties):
            _conceal(run)


def mark_slide(slide: Any, *, width: float, height: float) -> None:
    """Shapes that are switched off or lie beside the slide, and runs of a size below two points."""
    for text in slide.element.iter("{*}t"):
        text.text = unmarked(text.text or "")
    for run in slide.element.iter("{*}r"):
        properties = run.find("{*}rPr")
        size = properties.get("sz", "") if properties is not None else ""
        if size.isdigit() and int(size) < 200:  # in hundredths of a point
            _conceal(run)
    for shape in slide.shapes:
        off = any(one.get("hidden") in {"1", "true"} for one in shape.element.findall("*/{*}cNvPr"))
        if off or _is_beside(shape, width, height):
            _conceal(shape.element)


def _is_beside(shape: Any, width: float, height: float) -> bool:
    if None in {shape.left, shape.top, shape.width, shape.height}:
        return False
    right, bottom = shape.left + shape.width, shape.top + shape.height
    return bool(right <= 0 or bottom <= 0 or shape.left >= width or shape.top >= height)


def _conceal(element: Any) -> None:
    for text in element.iter("{*}t"):
        text.text = concealed(text.text or "")


def hidden_lines(part: IO[bytes]) -> tuple[set[int], set[int]]:
    """Numbers of the rows and of the columns that a worksheet hides, counted from 1, from its XML.

    What stands behind a fault of the XML is not read: the reader of the cells tells that.
    """
    rows, columns = set[int](), set[int]()

    def begins(name: str, values: dict[str, str]) -> None:
        if name.rpartition(":")[2] not in {"row", "col"} or values.get("hidden") not in {"1", "true"}:
            return
        if values.get("r", "").isdecimal():
            rows.add(int(values["r"]))
        elif values.get("min", "").isdecimal() and values.get("max", "").isdecimal():
            columns.update(range(int(values["min"]), min(int(values["max"]), _MOST_COLUMNS) + 1))

    parser = expat.ParserCreate()
    parser.StartElementHandler = begins
    with suppress(expat.ExpatError):
        parser.ParseFile(part)
    return rows, columns


def _is_hidden(properties: Any) -> bool:
    vanish, size = properties.find("{*}vanish"), properties.find("{*}sz")
    off = vanish is not None and _value(vanish) in {"0", "false", "off"}
    half_points = _value(size) if size is not None else ""
    return (vanish is not None and not off) or (half_points.isdigit() and int(half_points) < 4)


def _value(element: Any) -> str:
    return next((value for name, value in element.attrib.items() if name.endswith("}val")), "")
