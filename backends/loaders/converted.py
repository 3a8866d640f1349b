"""Makes the HTML that pandoc writes legible to unstructured, with nothing left out, run together or moved."""

import re
from copy import copy
from typing import Any

from backends.loaders import hidden

_TEXT = "\ufdd2"
"""Begins every piece of text on its way through unstructured, which takes a lone sign for nothing and "– 5" for a list
item with 5 in it; no character (Unicode 23.7), so no text holds it on purpose."""
_TEXT_BLOCKS = ["main", "figure", "figcaption", "details", "summary", "nav"]
_NOTE = re.compile(r"[\[(]?([^\W_]{1,4}|[*†‡§]{1,3})[\])]?")
_MOST_SPANNED, _MOST_CELLS = 100, 100_000


def plain(text: str) -> str:
    """What came through unstructured, as it is to be kept."""
    return text.replace(_TEXT, "")


def legible(html: str) -> str:
    """What unstructured would leave out, such as captions, or run together: 10⁹ is 10^9 and not 109."""
    from bs4 import BeautifulSoup
    from bs4.element import NavigableString

    soup = BeautifulSoup(plain(html), "lxml")
    hidden.mark_html(soup)
    for element in [*soup.find_all("img"), *soup.find_all("a", class_="footnote-back")]:
        element.decompose()
    _write_notes(soup)
    _write_boxes(soup)
    for element in soup.find_all(_TEXT_BLOCKS):
        element.name = "div"
    for element in soup.find_all("p", class_="subtitle"):
        element.name = "h2"
    for element in soup.find_all(["del", "s", "strike"]):
        element.name = "span"
        element.insert(0, "[struck out: ")
        element.append("]")
    for element in soup.find_all("sup"):
        element.insert(0, "^")
    for table in soup.find_all("table"):
        _fill_spans(table)
    for text in soup.find_all(string=True):
        if type(text) is NavigableString and text.strip():
            text.replace_with(f"{_TEXT}{text}")
    return str(soup)


def _write_notes(soup: Any) -> None:
    """The mark of a footnote is no power: "2 [1]" and not "2^1"."""
    for link in soup.find_all("a"):
        named = {*link.get("class", []), link.get("role"), link.get("epub:type"), link.get("data-type")}
        text = link.get_text().strip()
        raised = link.find_parent("sup") or link.find("sup")
        is_note = named & {"footnote-ref", "doc-noteref", "noteref"} or (
            raised is not None and raised.get_text().strip() == text and str(link.get("href", "")).startswith("#")
        )
        if is_note and (mark := _NOTE.fullmatch(text)):
            outer = link.find_parent("sup")
            place = outer if outer is not None and outer.get_text().strip() == text else link
            place.replace_with(f" [{mark[1]}]")


def _write_boxes(soup: Any) -> None:
    for box in soup.find_all("input", type="checkbox"):
        space = "" if str(box.next_sibling or "")[:1].isspace() else " "
        box.replace_with(("☒" if box.has_attr("checked") else "☐") + space)


def _fill_spans(table: Any) -> None:
    """A cell over several rows stands in each, the heading of several columns over each; others leave blanks."""
    rows = [row for row in table.find_all("tr") if row.find_parent("table") is table]
    cells = [_cells(row) for row in rows]
    if not any(cell.has_attr("colspan") or cell.has_attr("rowspan") for row in cells for cell in row):
        return
    filled = 0
    above: dict[int, tuple[Any, int]] = {}
    for number, row in enumerate(rows):
        if number and row.parent is not rows[number - 1].parent:
            above = {}
        placed = _placed(cells[number], above, is_heading=number == 0 or row.find_parent("thead") is not None)
        above = {place: (cell, left - 1) for place, (cell, left) in enumerate(placed) if left > 0}
        filled += len(placed)
        if filled > _MOST_CELLS:
            return
        row.clear()
        row.extend(cell for cell, _left in placed)


def _placed(waiting: list[Any], above: dict[int, tuple[Any, int]], *, is_heading: bool) -> list[tuple[Any, int]]:
    """The cells of a row with those that reach into it, each with the rows that it still goes on for."""
    placed: list[tuple[Any, int]] = []
    while waiting or len(placed) in above:
        if len(placed) in above:
            cell, left = above[len(placed)]
            placed.append((copy(cell), left))
            continue
        cell = waiting.pop(0)
        left = _spanned(cell, "rowspan") - 1
        placed.append((cell, left))
        for _ in range(_spanned(cell, "colspan") - 1):
            twin = copy(cell)
            if not is_heading:
                twin.clear()
            placed.append((twin, left))
    return placed


def _cells(row: Any) -> list[Any]:
    return list(row.find_all(["td", "th"], recursive=False))


def _spanned(cell: Any, attribute: str) -> int:
    """How many; 0 rows are all that follow."""
    value = cell.attrs.pop(attribute, "1")
    return min(int(value) or _MOST_SPANNED, _MOST_SPANNED) if value.isdecimal() and len(value) < 9 else 1
