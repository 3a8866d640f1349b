"""Which of a table's first rows name its columns, and which tables are forms of labels and entries."""

import re
from collections.abc import Iterable, Sequence

from backends.loaders.pdf_cells import Row

ENTRY = ("", "entry")
"""The columns of a form, which have no names."""
_DEEPEST = 3
_LONGEST_NAME = 120
_MOST_NUMBERS = 4
_NUMBER = re.compile(r"\d[\d.,]*")
_PERIOD = re.compile(r"\([^()]*\)|\b(?:(?:Q[1-4]|H[12]|FY) ?)?(?:19|20)\d{2}\b")
_QUANTITY = re.compile(r"[(<>=~±+\-−$€£¥]*\s?\d[\d.,%()\s/<>=~±+\-−]*\S{0,12}")
_IDENTIFIER = re.compile(r"\b[A-Z]{1,5}\d{0,2}-\d[\d-]{2,}\b")


def is_banner(row: Row) -> bool:
    """One cell over all columns."""
    return row[0] is not None and row[0].columns == len(row)


def caption_rows(rows: Sequence[Row]) -> int:
    """How many of the first rows stand over the whole table, or hold one cell only."""
    return next((place for place, row in enumerate(rows) if not (is_banner(row) or _filled(row) < 2)), len(rows))


def header_rows(rows: Sequence[Row]) -> int:
    """How many of `rows`, which begin behind the captions, name the columns."""
    if len(rows) < 2 or not _names_columns(rows):
        return 0
    first = [cell for cell in rows[0] if cell is not None and cell.words]
    deep = 2 if any(cell.columns > 1 for cell in first) else max(cell.rows for cell in first)
    return deep if deep <= min(_DEEPEST, len(rows) - 1) else 1


def column_names(rows: Iterable[Row], count: int) -> tuple[str, ...]:
    """Of `count` columns; a name over several columns is said in each, names under it follow it."""
    names: list[list[str]] = [[] for _ in range(count)]
    for row in rows:
        for column, cell in enumerate(row):
            for parts in names[column : column + cell.columns] if cell is not None else ():
                if cell is not None and cell.text not in {"", *parts}:
                    parts.append(cell.text)
    return tuple(" ".join(parts) for parts in names)


def is_plausible(names: Sequence[str]) -> bool:
    """Not whole columns of records between two lines."""
    return all(len(name) <= _LONGEST_NAME and len(_NUMBER.findall(name)) <= _MOST_NUMBERS for name in names)


def is_bold(row: Row) -> bool:
    filled = [cell for cell in row if cell is not None and cell.words]
    return bool(filled) and all(cell.bold for cell in filled)


def as_pairs(rows: Sequence[Row]) -> list[Row]:
    """The rows of a table without a header, those of a form "label, entry, label, entry" one pair a row."""
    count = len(rows[0]) if rows else 0
    labels = [cell.text for row in rows for cell in row[::2] if cell is not None and cell.words]
    if count < 4 or count % 2 or sum(any(map(str.isdigit, label)) for label in labels) * 4 > len(labels):
        return list(rows)
    pairs = [row[place : place + 2] for row in rows for place in range(0, count, 2)]
    return [pair for pair in pairs if _filled(pair)]


def _filled(row: Row) -> int:
    return sum(cell is not None and bool(cell.words) for cell in row)


def _names_columns(rows: Sequence[Row]) -> bool:
    """Bold names over plain cells settle it, unless one is an identifier. Values, a label that ends with a colon and
    bold labels beside plain entries speak against it; two columns of words are a list of terms."""
    head = [cell for cell in rows[0][1:] if cell is not None and cell.words]
    below = [cell for row in rows[1:] for cell in row[1:] if cell is not None and cell.words and cell not in head]
    if not head or not below or any(_IDENTIFIER.search(cell.text) for cell in head):
        return False
    plain_below = sum(cell.bold for cell in below) * 2 < len(below)
    if all(cell.bold for cell in head) and plain_below:
        return True
    labels = [row[0] for row in rows if row[0] is not None and row[0].words]
    if any(_is_value(cell.text) for cell in head) or (rows[0][0] in labels and labels[0].text.endswith(":")):
        return False
    if plain_below and labels and all(label.bold for label in labels):
        return False
    values = sum(_is_value(cell.text) for cell in below)
    return len(rows[0]) > 2 or rows[0][0] not in labels or values * 2 > len(below)


def _is_value(text: str) -> bool:
    """Digits for the most part, but no year or other period, which may name a column."""
    text = _PERIOD.sub("", text).strip()
    signs = sum(map(str.isalnum, text))
    digits = sum(map(str.isdigit, text))
    return digits > 0 and (_QUANTITY.fullmatch(text) is not None or digits * 3 > signs * 2)
