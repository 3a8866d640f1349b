"""Measures whether the page that holds the answer is found in PDF files, with the file known and among all files."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.domain.answers import Mode, Passage
from app.domain.documents import LoadedDocument
from app.domain.ids import VersionId
from app.errors import InvalidInputError
from app.evaluation.datasets import PageQuestion, read_page_questions
from app.evaluation.workspace import Instruments, MeasuredDocument, MeasuredWorkspace, open_workspace
from backends.loaders.base import DocumentLoader
from backends.loaders.settings import LocalLoaderSettings
from backends.loading import load

_CHUNKS_ASKED = 30
_DEPTHS = (1, 3, 5)

Place = tuple[str, int]
"""A file's name and a page of it, from 1."""


@dataclass(frozen=True, slots=True)
class PageFigures:
    """Shares of questions with a gold page among the best k pages: of the known file, and of all files together."""

    questions: int
    documents: int
    pages: int
    known: dict[str, float]
    all: dict[str, float]
    configuration: dict[str, Any] = field(default_factory=dict)
    model: str = ""
    seconds: float = 0.0


def evaluate_pages(
    *, pdfs: Path, questions: Path, instruments: Instruments, mode: Mode = Mode.RAG, limit: int | None = None
) -> tuple[PageFigures, list[dict[str, Any]]]:
    """Figures and one row a question."""
    asked = read_page_questions(questions, limit=limit)
    started = time.perf_counter()
    loaded = {path.name: _load(path) for path in sorted(pdfs.glob("*.pdf"))}
    missing = sorted({question.document for question in asked} - loaded.keys())
    if missing:
        raise InvalidInputError(f"{pdfs} lacks {missing[0]}, which a question is about.")
    documents = [MeasuredDocument(name, name, document) for name, document in loaded.items()]
    with open_workspace(documents, instruments, facts=mode is not Mode.RAG) as workspace:
        version_of = {source: version for version, source in workspace.source_of.items()}
        rows = [_ask(question, workspace, loaded, version_of[question.document], mode) for question in asked]
    figures = PageFigures(
        questions=len(asked),
        documents=len(loaded),
        pages=sum(len(document.pages) for document in loaded.values()),
        known=score_pages([(row["gold"], row["known"]) for row in rows]),
        all=score_pages([(row["gold"], row["all"]) for row in rows]),
        configuration={"mode": mode.value},
        model=instruments.embedder.name,
        seconds=round(time.perf_counter() - started, 1),
    )
    return figures, rows


def score_pages(found: Sequence[tuple[list[Place], list[Place]]]) -> dict[str, float]:
    """Each item is the gold pages and the pages found, best first."""
    return {
        f"page_top_{depth}": round(sum(bool(set(gold) & set(pages[:depth])) for gold, pages in found) / len(found), 4)
        for depth in _DEPTHS
        if found
    }


def pages_of(
    passages: Iterable[Passage], loaded: dict[str, LoadedDocument], source_of: dict[VersionId, str]
) -> list[Place]:
    """The pages that the passages touch, each once, in the passages' order; of one passage the fullest page first."""
    places: dict[Place, None] = {}
    for passage in passages:
        source = source_of[passage.chunk.version_id]
        span = passage.chunk.span
        shares = sorted(
            (-(min(span.end, page.span.end) - max(span.start, page.span.start)), page.number)
            for page in loaded[source].pages
            if page.span.overlaps(span)
        )
        places.update(dict.fromkeys((source, number) for _, number in shares))
    return list(places)


def _ask(
    question: PageQuestion,
    workspace: MeasuredWorkspace,
    loaded: dict[str, LoadedDocument],
    version_id: VersionId,
    mode: Mode,
) -> dict[str, Any]:
    found = {}
    for name, permitted in (("known", frozenset({version_id})), ("all", workspace.scope.permitted)):
        retrieved = workspace.retriever.retrieve(
            question.text, workspace_id=workspace.workspace_id, permitted=permitted, mode=mode, limit=_CHUNKS_ASKED
        )
        found[name] = pages_of(retrieved.passages, loaded, workspace.source_of)
    gold = [(question.document, page) for page in sorted(question.pages)]
    return {"id": question.id, "gold": gold, **found}


def _load(path: Path) -> LoadedDocument:
    loader = load(DocumentLoader, LocalLoaderSettings(ocr=False))
    return loader.load(path.name, path.read_bytes())
