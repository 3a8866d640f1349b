"""Facts of table rows: the row's label, the column, the value."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from app.domain.documents import Span
from app.domain.graph import Assertion, ProposedTriple
from app.pipeline.verification import ParsedSentence

_CELL = re.compile(r"(?P<column>[^:;\n]{1,80}): (?P<value>[^;\n]{1,200})")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}.{0,15}|\d{1,2} [A-Z][a-z]+(?: \d{4})?|[A-Z][a-z]+ \d{4}")
_NUMERIC = re.compile(
    r"(?:(?:above|below|over|under|at least|at most|up to) )?[\d(<>=~±+\-−][\d.,%()\s/<>=~±+\-−]*\S{0,12}$"
)

_MEASURED = re.compile(r"\b(?:value|result|reference range|amount|commitment|outstanding|balance|price|limit)\b|\(m\)")
_IDENTIFIER = re.compile(r"[A-Z]{1,4}[-/ ]?\d{3,20}(?:[-/ ]\d{3,20}){0,5}|\d{6,}")
_LONGEST_KEY = 40
_EMPTY = frozenset({"", "-", "–", "n/a"})
_UNIT_COLUMNS = frozenset({"unit", "units", "currency"})
_FORM_COLUMNS = frozenset({"entry", "detail", "details"})
"""The second column of a form: "Record | Entry: TG-204417" does not say whose record."""
_USUAL_KEYS = frozenset(
    "medicine medication drug test analyte investigation procedure covenant item measure metric product company".split()
)
"""What a row of records is about beside whom it belongs to."""


@dataclass(frozen=True, slots=True)
class TableKeys:
    """Of rows that share labels: `column_of` a label tells its rows apart, such as "Medicine" or "Test"; the columns
    `of_label` tell labels apart, such as a record number."""

    column_of: dict[str, str]
    of_label: frozenset[str]


_NO_KEYS = TableKeys({}, frozenset())


def row_label(text: str) -> str:
    """What a rendered row is about: its first cell."""
    return text.partition("; ")[0].split(": ", 1)[-1].strip()


def table_keys(rows: Iterable[str]) -> TableKeys:
    """A label's column is the one that usually tells rows apart, else the first of those whose filled cells are words
    and most unlike."""
    cells: dict[str, dict[str, list[str]]] = {}
    for row in rows:
        columns = cells.setdefault(row_label(row), {})
        for match in _CELL.finditer(row, row.find("; ") + 2):
            columns.setdefault(match["column"].strip(), []).append(match["value"].strip())
    found = {label: _key_column(columns) for label, columns in cells.items()}
    of_label = {column for columns in cells.values() for column in columns if _is_one_to_one(column, cells)}
    return TableKeys({label: key for label, key in found.items() if key}, frozenset(of_label))


def _key_column(columns: dict[str, list[str]]) -> str | None:
    several = {name: values for name, values in columns.items() if len(set(values)) > 1}
    usual = [name for name in several if name.lower() in _USUAL_KEYS]
    in_words = [name for name, values in several.items() if all(map(_is_words, values))]
    return max(usual or in_words, key=lambda name: len(set(several[name])), default=None)


def _is_words(value: str) -> bool:
    return bool(value) and not any(map(str.isdigit, value)) and len(value) <= _LONGEST_KEY


def _is_one_to_one(column: str, cells: dict[str, dict[str, list[str]]]) -> bool:
    """Every label has one value in this column, some several times, and no two labels have the same; with one label
    alone it is a number that identifies something."""
    values = [columns[column] for columns in cells.values() if column in columns]
    alike = all(len(set(of_one)) == 1 for of_one in values) and any(len(of_one) > 1 for of_one in values)
    different = len(values) == len({of_one[0] for of_one in values})
    return alike and different and (len(values) > 1 or bool(_IDENTIFIER.fullmatch(values[0][0])))


def read_row(row: ParsedSentence, *, keys: TableKeys = _NO_KEYS) -> Iterator[ProposedTriple]:
    """One fact a filled cell, from a row rendered as "label; column: value; column: value".

    With a column that tells rows apart, or one that usually does, the relations of the other cells carry its cell
    ("dose of Amiodarone"), but for what is the label's own. A column that holds the unit or currency of the row's
    numbers goes with these ("in mmol/L").
    """
    label, _, rest = row.text.partition("; ")
    label_text = row_label(row.text)
    if not label_text or not rest:
        return
    offset = len(label) + 2
    cells = [match for match in _CELL.finditer(row.text, offset) if match["value"].strip() not in _EMPTY]
    columns = {match["column"].strip().lower(): match["value"].strip() for match in cells}
    key_column = keys.column_of.get(label_text)
    names = [key_column.lower()] if key_column else [name for name in columns if name in _USUAL_KEYS]
    key = next((columns[name] for name in names if name in columns), "")
    key_start = max((match.start() for match in cells if match["column"].strip().lower() in names), default=0)
    unit = next((columns[name] for name in columns if name in _UNIT_COLUMNS), "")
    for match in cells:
        value, column = match["value"].strip(), match["column"].strip().lower()
        if value != label_text and column not in _UNIT_COLUMNS and not (column in _FORM_COLUMNS and len(cells) == 1):
            before = match.start() < key_start and bool(_IDENTIFIER.fullmatch(value))
            is_own = match["column"].strip() in keys.of_label or before
            relation = f"{column} of {key}" if key and value != key and not is_own else column
            yield _fact(row, label_text, relation, match, unit)


def _fact(row: ParsedSentence, label: str, relation: str, cell: re.Match[str], unit: str) -> ProposedTriple:
    value = cell["value"].strip()
    label_start, start = row.span.start + row.text.find(label), row.span.start + cell.start("value")
    if unit and _is_measured(relation) and _NUMERIC.match(value) and not _DATE.fullmatch(value):
        relation = f"{relation} in {unit}"
    return ProposedTriple(
        sentence=row.span,
        subject=label,
        relation=relation,
        object=value,
        kind="table",
        assertion=Assertion.AFFIRMED,
        subject_span=Span(label_start, label_start + len(label)),
        object_span=Span(start, start + len(cell["value"].rstrip())),
        subject_type=_type_of(label),
        object_type=_type_of(value),
    )


def _is_measured(relation: str) -> bool:
    """Whether the row's unit or currency is that of this column: not of a rating, a count or a percentage."""
    return bool(_MEASURED.search(relation)) and "%" not in relation


def _type_of(cell: str) -> str:
    if _DATE.fullmatch(cell):
        return "Date"
    return "Amount" if _NUMERIC.match(cell) else "Concept"
