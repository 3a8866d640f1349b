"""Reads the text sources of the generated samples: a head of fields, then blocks in a small markup."""

from dataclasses import dataclass
from pathlib import Path

import yaml

_HEADINGS = {"# ": "title", "## ": "heading", "### ": "subheading"}


@dataclass(frozen=True, slots=True)
class Block:
    """`kind` is title, heading, subheading, text, item, note, caption, table or break; `rows` for tables only."""

    kind: str
    text: str = ""
    rows: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """`name` is the file to be built, such as "letter.pdf"."""

    name: str
    fields: dict[str, str]
    blocks: tuple[Block, ...]

    @property
    def title(self) -> str:
        return self.fields.get("title") or next(block.text for block in self.blocks if block.kind == "title")


def read_source(path: Path) -> Source:
    """The file's name without its last ending is the name of what is built from it."""
    _, head, body = path.read_text(encoding="utf-8").split("---\n", maxsplit=2)
    fields = {key: str(value) for key, value in (yaml.safe_load(head) or {}).items()}
    return Source(path.stem, fields, tuple(_blocks(body)))


def _blocks(body: str) -> list[Block]:
    """Blocks are parted by empty lines; the lines of a text block are joined, those of a note and an item are kept."""
    found: list[Block] = []
    for part in body.strip().split("\n\n"):
        lines = [line.rstrip() for line in part.strip("\n").split("\n")]
        found += _read(lines)
    return found


def _read(lines: list[str]) -> list[Block]:
    first = lines[0]
    for mark, kind in _HEADINGS.items():
        if first.startswith(mark):
            return [Block(kind, first[len(mark) :]), *(_read(lines[1:]) if lines[1:] else [])]
    if first == "===":
        return [Block("break"), *(_read(lines[1:]) if lines[1:] else [])]
    if first.startswith("^ "):
        return [Block("caption", first[2:]), *(_read(lines[1:]) if lines[1:] else [])]
    if first.startswith("|"):
        return [Block("table", rows=tuple(tuple(_cells(line)) for line in lines))]
    if first.startswith("- "):
        return [Block("item", text) for text in " ".join(lines)[2:].split(" - ")]
    if first.startswith("! "):
        return [Block("note", " ".join(lines)[2:])]
    if first.startswith("> "):
        return [Block("signature", line[2:]) for line in lines]
    return [Block("text", " ".join(lines))]


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]
