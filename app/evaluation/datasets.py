"""Reads the JSON Lines formats that `dafe evaluate` takes."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.errors import InvalidInputError


@dataclass(frozen=True, slots=True)
class SourcePassage:
    id: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class SourceQuestion:
    """`answers` are the gold string and its aliases, empty where the set gives none; `gold` are passage ids."""

    id: str
    text: str
    gold: frozenset[str]
    answers: tuple[str, ...] = ()
    kind: str = ""


@dataclass(frozen=True, slots=True)
class GoldPair:
    """Two things a text relates, each by the names it goes under; for a listed fact the sentence is in `fact`."""

    head: tuple[str, ...]
    tail: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SourceText:
    """A text to extract from. `entities` are the names of each gold entity, where the set lists them all."""

    id: str
    title: str
    text: str
    pairs: tuple[GoldPair, ...] = ()
    entities: tuple[tuple[str, ...], ...] = ()
    entity_types: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PageQuestion:
    """`pages` count from 1."""

    id: str
    text: str
    document: str
    pages: frozenset[int]


def read_passages(path: Path) -> list[SourcePassage]:
    """`{id, title, text}` a line."""
    return [_made(path, lambda row=row: _passage(row)) for row in read_rows(path)]


def read_questions(path: Path, *, limit: int | None = None) -> list[SourceQuestion]:
    """`{id, question, gold: [passage id]}` a line, with `answer`, `aliases` and `type` where given."""
    return [_made(path, lambda row=row: _question(row)) for row in read_rows(path)][:limit]


def read_texts(path: Path, *, limit: int | None = None) -> tuple[str, list[SourceText]]:
    """The name of the format (tekgen, redocred, bc5cdr, mine) and its texts.

    Raises InvalidInputError when the first line has none of the four.
    """
    rows = list(read_rows(path))
    if not rows:
        raise InvalidInputError(f"{path.name} is empty: give a file with one JSON object a line.")
    form = _form_of(rows[0])
    if form is None:
        raise InvalidInputError(f"{path.name} has neither triples nor relations nor facts: see the formats' README.")
    return form, [_made(path, lambda row=row: _READERS[form](row)) for row in rows[:limit]]


def read_page_questions(path: Path, *, limit: int | None = None) -> list[PageQuestion]:
    """`{id, doc, question, evidence: [{page_index0}]}` a line."""
    return [_made(path, lambda row=row: _page_question(row)) for row in read_rows(path)][:limit]


def read_abstracts(path: Path, *, limit: int | None = None) -> tuple[list[SourcePassage], list[SourceQuestion]]:
    """PubMedQA: every section of an abstract is a passage without a title, gold for that abstract's question. No
    sentence holds the answer's own words."""
    passages: list[SourcePassage] = []
    questions: list[SourceQuestion] = []
    for row in read_rows(path):
        ids = [f"{row['id']}.{place}" for place in range(len(row["contexts"]))]
        passages += [SourcePassage(id_, "", text) for id_, text in zip(ids, row["contexts"], strict=True)]
        questions.append(SourceQuestion(row["id"], row["question"], frozenset(ids)))
    return passages, questions[:limit]


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    """Raises InvalidInputError for a missing file or a line that is no JSON object."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except OSError as error:
        raise InvalidInputError(f"{path} cannot be read: {error.strerror}.") from error
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise InvalidInputError(f"Line {number} of {path.name} is no JSON.") from error
        if not isinstance(row, dict):
            raise InvalidInputError(f"Line {number} of {path.name} is no JSON object.")
        yield row


def _made(path: Path, make: Any) -> Any:
    try:
        return make()
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidInputError(f"{path.name} lacks a field or has one of another kind: {error}.") from error


def _passage(row: dict[str, Any]) -> SourcePassage:
    return SourcePassage(row["id"], row.get("title") or "", row["text"])


def _question(row: dict[str, Any]) -> SourceQuestion:
    answers = tuple(answer for answer in (row.get("answer"), *(row.get("aliases") or ())) if answer)
    return SourceQuestion(row["id"], row["question"], frozenset(row["gold"]), answers, row.get("type") or "")


def _page_question(row: dict[str, Any]) -> PageQuestion:
    pages = frozenset(evidence["page_index0"] + 1 for evidence in row["evidence"])
    return PageQuestion(row["id"], row["question"], row["doc"], pages)


def _form_of(row: dict[str, Any]) -> str | None:
    if "facts" in row:
        return "mine"
    if "relations" in row:
        return "bc5cdr"
    if "triples" in row:
        return "redocred" if "entities" in row else "tekgen"
    return None


def _tekgen(row: dict[str, Any]) -> SourceText:
    pairs = tuple(GoldPair((head,), (tail,)) for head, _, tail in row["triples"])
    return SourceText(row["id"], "", row["text"], pairs)


def _redocred(row: dict[str, Any]) -> SourceText:
    entities = tuple(tuple(entity["names"]) for entity in row["entities"])
    joined = dict.fromkeys((min(one["h"], one["t"]), max(one["h"], one["t"])) for one in row["triples"])
    pairs = tuple(GoldPair(entities[head], entities[tail]) for head, tail in joined if head != tail)
    return SourceText(row["id"], row["id"], row["text"], pairs, entities)


def _bc5cdr(row: dict[str, Any]) -> SourceText:
    named: dict[tuple[str, str], list[str]] = {}
    for entity in row["entities"]:
        names = named.setdefault((entity["type"], entity["mesh"]), [])
        if entity["text"] not in names:
            names.append(entity["text"])
    pairs = tuple(GoldPair(tuple(one["head_names"]), tuple(one["tail_names"])) for one in row["relations"])
    types = tuple(kind for kind, _ in named)
    return SourceText(row["id"], "", row["text"], pairs, tuple(map(tuple, named.values())), types)


def _mine(row: dict[str, Any]) -> SourceText:
    return SourceText(row["id"], row.get("topic") or "", row["text"], facts=tuple(row["facts"]))


_READERS = {"tekgen": _tekgen, "redocred": _redocred, "bc5cdr": _bc5cdr, "mine": _mine}
