"""Measures which passages are found: recall of the gold passages among the best two and five."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from app.domain.answers import Mode, Passage
from app.domain.ids import VersionId
from app.evaluation.datasets import SourceQuestion, read_passages, read_questions
from app.evaluation.workspace import Instruments, MeasuredWorkspace, open_workspace, passage_documents

_CHUNKS_ASKED = 20


@dataclass(frozen=True, slots=True)
class RetrievalFigures:
    """Recalls are means over questions of |gold among the best k| / |gold|; `all_at_5` is the share of questions with
    every gold passage among the best five."""

    questions: int
    passages: int
    recall_at_2: float
    recall_at_5: float
    all_at_5: float
    by_type: dict[str, dict[str, float]] = field(default_factory=dict)
    configuration: dict[str, Any] = field(default_factory=dict)
    model: str = ""
    seconds: float = 0.0


def evaluate_retrieval(
    *,
    corpus: Path,
    questions: Path,
    instruments: Instruments,
    modes: Sequence[Mode] = (Mode.RAG, Mode.GRAPHRAG),
    titles: bool = True,
    limit: int | None = None,
) -> tuple[dict[Mode, RetrievalFigures], list[dict[str, Any]]]:
    """Figures of each mode, and one row a question and mode; passages in chunks count as found with their first."""
    passages = read_passages(corpus)
    asked = read_questions(questions, limit=limit)
    figures: dict[Mode, RetrievalFigures] = {}
    rows: list[dict[str, Any]] = []
    with open_workspace(passage_documents(passages, titles=titles), instruments) as workspace:
        for mode in modes:
            started = time.perf_counter()
            found = {question.id: find_sources(question.text, mode=mode, workspace=workspace) for question in asked}
            rows += [
                {"id": one.id, "mode": mode.value, "found": found[one.id], "gold": sorted(one.gold)} for one in asked
            ]
            figures[mode] = RetrievalFigures(
                passages=len(passages),
                **score_retrieval(asked, found),
                configuration={"mode": mode.value, "titles": titles, "extractor": instruments.extractor.version},
                model=instruments.embedder.name,
                seconds=round(time.perf_counter() - started, 1),
            )
    return figures, rows


def find_sources(question: str, *, mode: Mode, workspace: MeasuredWorkspace) -> list[str]:
    """The sources of the chunks that retrieval finds, best first, each once."""
    retrieved = workspace.retriever.retrieve(
        question,
        workspace_id=workspace.workspace_id,
        permitted=workspace.scope.permitted,
        mode=mode,
        limit=_CHUNKS_ASKED,
    )
    return sources_of(retrieved.passages, workspace.source_of)


def sources_of(passages: Iterable[Passage], source_of: dict[VersionId, str]) -> list[str]:
    return list(dict.fromkeys(source_of[passage.chunk.version_id] for passage in passages))


def score_retrieval(asked: Sequence[SourceQuestion], found: dict[str, list[str]]) -> dict[str, Any]:
    """The figures over these questions, and by type where they have one."""
    kinds = sorted({question.kind for question in asked} - {""})
    by_type = {kind: _figures([one for one in asked if one.kind == kind], found) for kind in kinds}
    return {"questions": len(asked), **_figures(asked, found), "by_type": by_type}


def _figures(asked: Sequence[SourceQuestion], found: dict[str, list[str]]) -> dict[str, float]:
    scored = [question for question in asked if question.gold]
    return {
        "recall_at_2": _mean([recall(question.gold, found[question.id], at=2) for question in scored]),
        "recall_at_5": _mean([recall(question.gold, found[question.id], at=5) for question in scored]),
        "all_at_5": _mean([float(question.gold <= set(found[question.id][:5])) for question in scored]),
    }


def recall(gold: frozenset[str], found: Sequence[str], *, at: int) -> float:
    """|gold among the first `at`| / |gold|."""
    return len(gold & set(found[:at])) / len(gold)


def _mean(values: Sequence[float]) -> float:
    return round(sum(values) / len(values), 4) if values else 0.0


def as_json(figures: RetrievalFigures) -> dict[str, Any]:
    return asdict(figures)
