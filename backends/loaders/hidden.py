"""Marks text that a person who opens the file does not see, on its way through a reader."""

import re
from typing import Any

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


def unmarked(text: str) -> str:
    return _MARKS.sub("", text)


def blanked(text: str) -> str:
    """A space for each mark, so that no place moves: for text whose places are known."""
    return _MARKS.sub(" ", text)


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
            text.replace_with(f"{_BEGIN}{unmarked(text)}{_END}")


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
            for text in run.findall("{*}t"):
                text.text = f"{_BEGIN}{text.text}{_END}"


def _is_hidden(properties: Any) -> bool:
    vanish, size = properties.find("{*}vanish"), properties.find("{*}sz")
    off = vanish is not None and _value(vanish) in {"0", "false", "off"}
    half_points = _value(size) if size is not None else ""
    return (vanish is not None and not off) or (half_points.isdigit() and int(half_points) < 4)


def _value(element: Any) -> str:
    return next((value for name, value in element.attrib.items() if name.endswith("}val")), "")
