"""Reads plain text, Markdown, CSV and JSON."""

import csv
import io
import json
import re
from collections.abc import Iterator
from itertools import islice

from backends.loaders.writing import DocumentWriter, ReaderError

_HEADING = re.compile(r"^(#{1,6})\s+(.+?)\s*#*$")
_MARKDOWN_ROW = re.compile(r"^\s*\|(.+)\|\s*$")
_RULE_ROW = re.compile(r"^\s*\|?[\s:|-]+\|?\s*$")
_TITLE_LENGTH = 90
_MOST_COLUMNS = 500
_DEEPEST = 60


def decode(content: bytes) -> str:
    """UTF-8 or UTF-16 by its mark, else UTF-8, else Windows-1252, which fits any bytes."""
    for mark, encoding in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if content.startswith(mark):
            return content.decode(encoding, "replace")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def read_text(content: bytes, writer: DocumentWriter) -> None:
    """Paragraphs are separated by empty lines; a short first line without an end mark is the title; a form feed ends
    a page."""
    pages = decode(content).replace("\r\n", "\n").split("\f")
    for number, page in enumerate(pages):
        for place, block in enumerate(re.split(r"\n[ \t]*\n", page)):
            lines = block.strip().split("\n")
            if number == 0 and place == 0 and _is_title(lines[0]):
                writer.add_heading(lines[0], level=1)
                writer.add_paragraph("\n".join(lines[1:]))
                continue
            if len(lines) == 1 and _is_section(lines[0]):
                writer.add_heading(lines[0].strip(" :"), level=2)
                continue
            writer.add_paragraph(block)
        if len(pages) > 1:
            writer.end_page()


def read_markdown(content: bytes, writer: DocumentWriter) -> None:
    table: list[list[str]] = []
    block: list[str] = []

    def end_block() -> None:
        if table:
            writer.add_table(table)
            table.clear()
        if block:
            writer.add_paragraph("\n".join(block))
            block.clear()

    for line in decode(content).splitlines():
        heading, row = _HEADING.match(line), _MARKDOWN_ROW.match(line)
        if heading:
            end_block()
            writer.add_heading(_plain(heading.group(2)), level=len(heading.group(1)))
        elif row:
            if block:
                end_block()
            if not _RULE_ROW.match(line):
                table.append([_plain(cell.strip()) for cell in row.group(1).split("|")])
        elif not line.strip():
            end_block()
        else:
            if table:
                end_block()
            block.append(_plain(line))
    end_block()


def read_csv(content: bytes, writer: DocumentWriter) -> None:
    """The first line names the columns; every other line is one row."""
    text = decode(content)
    try:
        rows = list(_csv_rows(text, max(",;\t|", key=lambda sign: _fit(text, sign))))
    except csv.Error as error:
        raise ReaderError("The table cannot be read: save it as CSV with one header line and add it again.") from error
    if rows and len(rows[0]) > _MOST_COLUMNS:
        raise ReaderError(f"The table has more than {_MOST_COLUMNS} columns: keep those that matter.")
    writer.add_table(rows)


def _csv_rows(text: str, delimiter: str) -> Iterator[list[str]]:
    for row in csv.reader(io.StringIO(text), delimiter=delimiter, skipinitialspace=True):
        if any(cell.strip() for cell in row):
            yield row


def _fit(text: str, delimiter: str) -> tuple[int, int]:
    """How many of the first rows have as many columns as the header, and how many that are; none for one column."""
    widths = [len(row) for row in islice(_csv_rows(text, delimiter), 50)]
    return (widths.count(widths[0]), widths[0]) if widths and widths[0] > 1 else (0, 0)


def read_json(content: bytes, writer: DocumentWriter) -> None:
    """Every object of a list becomes a paragraph of "path: value" lines; JSON lines are read too."""
    for record in parse_json(decode(content)):
        writer.add_paragraph("\n".join(f"{path}: {value}" for path, value in flatten(record)))


def parse_json(text: str) -> list[object]:
    """The top list's members, one object, or one object a line. Raises ReaderError."""
    try:
        found = json.loads(text)
        return found if isinstance(found, list) else [found]
    except RecursionError as error:
        raise ReaderError("The JSON is nested too deeply to be a record.") from error
    except ValueError:
        try:
            return [json.loads(line) for line in text.splitlines() if line.strip()]
        except (ValueError, RecursionError) as error:
            raise ReaderError("The file is not valid JSON: check it and add it again.") from error


def flatten(value: object, path: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
    """Leaves with their path, "medication dose"; positions in lists are left out."""
    if depth > _DEEPEST:
        raise ReaderError("The JSON is nested too deeply to be a record.")
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from flatten(inner, f"{path} {_spaced(str(key))}".strip(), depth + 1)
    elif isinstance(value, list):
        for inner in value:
            yield from flatten(inner, path, depth + 1)
    elif value is not None and str(value).strip():
        yield path or "value", " ".join(str(value).split())


def _spaced(key: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", key).replace("_", " ").lower()


def _plain(text: str) -> str:
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text)
    return re.sub(r"(\*\*|__|`)(.+?)\1", r"\2", text)


def _is_title(line: str) -> bool:
    line = line.strip()
    return 3 < len(line) <= _TITLE_LENGTH and line[-1] not in ".,;:!?" and line[0].isalnum()


def _is_section(line: str) -> bool:
    line = line.strip()
    return _is_title(line.rstrip(":")) and (line.isupper() or line.endswith(":")) and len(line.split()) <= 8
