"""Measures extractive answers: whether they hold the gold string, cite gold passages, and refuse what is not there."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from app.domain.answers import Answer, Mode, Verdict
from app.domain.names import fold
from app.evaluation.datasets import SourcePassage, SourceQuestion
from app.evaluation.extraction_matching import names_occur, token_f1
from app.evaluation.workspace import Instruments, MeasuredWorkspace, open_workspace, passage_documents
from app.pipeline.answering import Scope
from app.pipeline.extractive import find_candidates, support_of
from app.pipeline.support import judge

_CHUNKS_ASKED = 30


@dataclass(frozen=True, slots=True)
class AnswerFigures:
    """`contains_gold` (five sentences), `gold_in_1`, `gold_in_3` are shares of the questions that have a gold string
    other than yes and no; the others are shares of all questions, `citation_right` of the sentences shown."""

    questions: int
    passages: int
    answered: float
    refused_answerable: float
    answered_unanswerable: float
    """With the gold passages taken away."""
    support_auroc: float
    """How well the support score tells questions with their gold passages from the same ones without."""
    citation_right: float
    first_citation_right: float
    unsupported_shown: float
    contains_gold: float | None = None
    gold_in_1: float | None = None
    gold_in_3: float | None = None
    f1: float | None = None
    """Token F1 of the first sentence and the gold string."""
    support_kept_90: float = 0.0
    """The support below which a tenth of the answerable questions lie."""
    configuration: dict[str, Any] = field(default_factory=dict)
    model: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class AnsweredQuestion:
    source: SourceQuestion
    answer: Answer
    sources: tuple[str, ...]
    """Of the first citation of each sentence shown."""
    titles: tuple[str, ...]
    support_without: float


def evaluate_answers(
    *,
    passages: Sequence[SourcePassage],
    questions: Sequence[SourceQuestion],
    instruments: Instruments,
    mode: Mode = Mode.GRAPHRAG,
    titles: bool = True,
    is_gold: Callable[[SourceQuestion, str, str], bool] | None = None,
) -> tuple[AnswerFigures, list[dict[str, Any]]]:
    """Figures and one row a question. `is_gold(question, sentence, title)` decides what holds the gold; by default a
    sentence or title in which a gold string stands."""
    started = time.perf_counter()
    with open_workspace(passage_documents(passages, titles=titles), instruments) as workspace:
        shown_titles = {passage.id: passage.title for passage in passages}
        answered = [
            answer_question(question, workspace=workspace, instruments=instruments, mode=mode, titles=shown_titles)
            for question in questions
        ]
        workspace_bounds = workspace.scope.workspace
    figures = score_answers(answered, is_gold=is_gold or holds_gold, refuse_below=workspace_bounds.refuse_below)
    return (
        AnswerFigures(
            **figures,
            passages=len(passages),
            configuration={
                "mode": mode.value,
                "titles": titles,
                "extractor": instruments.extractor.version,
                "refuse_below": workspace_bounds.refuse_below,
            },
            model=instruments.embedder.name,
            seconds=round(time.perf_counter() - started, 1),
        ),
        [_row(one) for one in answered],
    )


def answer_question(
    question: SourceQuestion,
    *,
    workspace: MeasuredWorkspace,
    instruments: Instruments,
    mode: Mode,
    titles: dict[str, str],
) -> AnsweredQuestion:
    """The answer without a refusal, so that its sentences and support can be scored against any bound."""
    never_refusing = replace(workspace.scope.workspace, refuse_below=-2.0)
    scope = Scope(never_refusing, workspace.scope.documents)
    *_, answer = workspace.answerer.answer(question.text, scope=scope, mode=mode)
    by_number = {citation.n: citation for citation in answer.citations}
    sources = tuple(workspace.source_of[by_number[sentence.citations[0]].version_id] for sentence in answer.sentences)
    return AnsweredQuestion(
        source=question,
        answer=answer,
        sources=sources,
        titles=tuple(titles[source] for source in sources),
        support_without=_support_without(question, workspace=workspace, instruments=instruments, mode=mode),
    )


def _support_without(
    question: SourceQuestion, *, workspace: MeasuredWorkspace, instruments: Instruments, mode: Mode
) -> float:
    """The support left when the gold passages are taken out of what was found."""
    retrieved = workspace.retriever.retrieve(
        question.text,
        workspace_id=workspace.workspace_id,
        permitted=workspace.scope.permitted,
        mode=mode,
        limit=_CHUNKS_ASKED,
    )
    rest = [one for one in retrieved.passages if workspace.source_of[one.chunk.version_id] not in question.gold]
    left = replace(retrieved, passages=tuple(replace(one, rank=rank) for rank, one in enumerate(rest, start=1)))
    return support_of(find_candidates(left, embedder=instruments.embedder), retrieved=left)


def score_answers(
    answered: Sequence[AnsweredQuestion],
    *,
    is_gold: Callable[[SourceQuestion, str, str], bool],
    refuse_below: float,
) -> dict[str, Any]:
    with_gold = [one for one in answered if is_factual(one.source)]
    supports = [one.answer.support for one in answered]
    without = [one.support_without for one in answered]
    refused = [judge(score, refuse_below=refuse_below, weak_below=9) is Verdict.NOT_SUPPORTED for score in supports]
    shown = [(one, place) for one in answered for place in range(len(one.answer.sentences))]
    figures: dict[str, Any] = {
        "questions": len(answered),
        "answered": _share([not one for one in refused]),
        "refused_answerable": _share(refused),
        "answered_unanswerable": _share([score >= refuse_below for score in without]),
        "support_auroc": round(auroc(supports, without), 4),
        "support_kept_90": round(sorted(supports)[len(supports) // 10], 3) if supports else 0.0,
        "citation_right": _share([one.sources[place] in one.source.gold for one, place in shown]),
        "first_citation_right": _share([bool(one.sources) and one.sources[0] in one.source.gold for one in answered]),
        "unsupported_shown": _share([not _is_verbatim(one, place) for one, place in shown]),
    }
    if with_gold:
        hits = [[is_gold(one.source, *pair) for pair in _pairs(one)] for one in with_gold]
        figures |= {
            "contains_gold": _share([any(hit[:5]) for hit in hits]),
            "gold_in_1": _share([any(hit[:1]) for hit in hits]),
            "gold_in_3": _share([any(hit[:3]) for hit in hits]),
            "f1": round(sum(_first_f1(one) for one in with_gold) / len(with_gold), 4),
        }
    return figures


def is_factual(question: SourceQuestion) -> bool:
    """Has a gold string that a sentence can hold: yes and no are in none."""
    return bool(question.answers) and fold(question.answers[0]) not in {"yes", "no"}


def holds_gold(question: SourceQuestion, sentence: str, title: str) -> bool:
    return names_occur(question.answers, sentence) or names_occur(question.answers, title)


def auroc(positive: Sequence[float], negative: Sequence[float]) -> float:
    """The chance that a positive is above a negative, ties half (Mann and Whitney 1947)."""
    if not positive or not negative:
        return 0.0
    wins = sum((one > other) + (one == other) / 2 for one in positive for other in negative)
    return wins / (len(positive) * len(negative))


def _pairs(one: AnsweredQuestion) -> list[tuple[str, str]]:
    return [(sentence.text, title) for sentence, title in zip(one.answer.sentences, one.titles, strict=True)]


def _is_verbatim(one: AnsweredQuestion, place: int) -> bool:
    sentence = one.answer.sentences[place]
    quotes = {citation.n: citation.quote for citation in one.answer.citations}
    return any(sentence.text in quotes[number] for number in sentence.citations)


def _first_f1(one: AnsweredQuestion) -> float:
    if not one.answer.sentences:
        return 0.0
    return max(token_f1(one.answer.sentences[0].text, gold) for gold in one.source.answers)


def _share(values: Sequence[bool]) -> float:
    return round(sum(values) / len(values), 4) if values else 0.0


def _row(one: AnsweredQuestion) -> dict[str, Any]:
    return {
        "id": one.source.id,
        "question": one.source.text,
        "gold": list(one.source.answers),
        "sentences": [sentence.text for sentence in one.answer.sentences],
        "sources": list(one.sources),
        "support": round(one.answer.support, 3),
        "support_without_gold": round(one.support_without, 3),
        "unknown_entities": list(one.answer.unknown_entities),
    }


def as_json(figures: AnswerFigures) -> dict[str, Any]:
    return {name: value for name, value in asdict(figures).items() if value is not None}
