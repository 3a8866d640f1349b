"""Facts of table rows: the row's label, the column, the value."""

import re
from collections.abc import Iterator

from app.domain.documents import Span
from app.domain.graph import Assertion, ProposedTriple
from app.pipeline.verification import ParsedSentence

_CELL = re.compile(r"(?P<column>[^:;\n]{1,80}): (?P<value>[^;\n]{1,200})")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}.{0,15}|\d{1,2} [A-Z][a-z]+(?: \d{4})?|[A-Z][a-z]+ \d{4}")
_NUMERIC = re.compile(
    r"(?:(?:above|below|over|under|at least|at most|up to) )?[\d(<>=~±+\-−][\d.,%()\s/<>=~±+\-−]*\S{0,12}$"
)

_LONGEST_KEY = 40


def row_label(text: str) -> str:
    """What a rendered row is about: its first cell."""
    return text.partition("; ")[0].split(": ", 1)[-1].strip()


def read_row(row: ParsedSentence, *, shared_label: bool = False) -> Iterator[ProposedTriple]:
    """One fact a filled cell, from a row rendered as "label; column: value; column: value".

    With `shared_label` several rows are about the same thing: then the first cell in words tells them apart and joins
    the relations of the cells behind it ("dose of Amiodarone").
    """
    label, _, rest = row.text.partition("; ")
    label_text = row_label(row.text)
    key = ""
    label_start = row.text.find(label_text)
    if not label_text or not rest:
        return
    subject_span = Span(row.span.start + label_start, row.span.start + label_start + len(label_text))
    offset = len(label) + 2
    for match in _CELL.finditer(row.text, offset):
        value, column = match["value"].strip(), match["column"].strip()
        if not value or value in {"-", "–", "n/a"} or value == label_text:
            continue
        start = row.span.start + match.start("value")
        yield ProposedTriple(
            sentence=row.span,
            subject=label_text,
            relation=f"{column.lower()} of {key}" if key else column.lower(),
            object=value,
            kind="table",
            assertion=Assertion.AFFIRMED,
            subject_span=subject_span,
            object_span=Span(start, start + len(match["value"].rstrip())),
            subject_type=_type_of(label_text),
            object_type=_type_of(value),
        )
        if shared_label and not key and not any(map(str.isdigit, value)) and len(value) <= _LONGEST_KEY:
            key = value


def _type_of(cell: str) -> str:
    if _DATE.fullmatch(cell):
        return "Date"
    return "Amount" if _NUMERIC.match(cell) else "Concept"
