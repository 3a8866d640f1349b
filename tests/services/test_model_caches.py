"""Answers that a model writes: what is kept of them, and how many calls equal questions cost."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from app.container import OPERATOR, Services
from app.domain.answers import Answer, Mode
from app.domain.ids import WorkspaceId
from app.domain.workspaces import Workspace
from app.pipeline import model_answering
from backends.cache.base import Layer
from backends.embeddings.hashing import HashingEmbedder
from backends.embeddings.settings import HashingEmbedderSettings
from backends.llm.scripted import ScriptedLanguageModel
from backends.llm.settings import ScriptedAnswer, ScriptedSettings
from tests.services.asking import QUESTION, ask, content, kept_keys
from tests.services.letters import WARFARIN, add
from tests.working import work_off

ROOT = Path(__file__).parents[2]
MADE = "Warfarin interacts with amiodarone [1]."
BOTH = f"{MADE} Warfarin increases the risk of bleeding [1]."


@pytest.fixture
def ward(services: Services, workspace: Workspace) -> WorkspaceId:
    add(services, workspace.id, "letter.txt", WARFARIN)
    work_off(services)
    return workspace.id


class Counting(ScriptedLanguageModel):
    """Counts what it was asked, and shows how many of the others wait meanwhile."""

    def __init__(self, *answers: ScriptedAnswer, name: str = "a", seconds_per_piece: float = 0.03) -> None:
        super().__init__(ScriptedSettings(answers=answers, seconds_per_piece=seconds_per_piece))
        self.calls = 0
        self._name = name

    def describe(self) -> Any:
        return replace(super().describe(), digest=f"sha256:{self._name}")

    def stream(self, *arguments: Any, **options: Any) -> Iterator[Any]:
        self.calls += 1
        return super().stream(*arguments, **options)


@pytest.fixture
def give_model(services: Services, monkeypatch: pytest.MonkeyPatch) -> Callable[[Counting | None], None]:
    """From now on this model writes, as tested."""
    answerer: Any = services.questions._answerer._answerer
    parser = answerer._retriever._parser

    def give(model: Counting | None) -> None:
        writer = model and model_answering.AnswerWriter(
            model, info=model.describe(), parser=parser, embedder=HashingEmbedder(HashingEmbedderSettings())
        )
        monkeypatch.setattr(answerer, "_find_writer", lambda: writer)

    return give


def test_another_model_answers_anew(services: Services, ward: WorkspaceId, give_model: Callable[..., None]) -> None:
    models = [Counting(ScriptedAnswer(text=MADE), name=name, seconds_per_piece=0) for name in ("a", "b")]
    for model in models:
        give_model(model)
        assert ask(services, OPERATOR, ward, mode=Mode.RAG).kept_at is None
        kept = ask(services, OPERATOR, ward, mode=Mode.RAG)
        assert kept.kept_at is not None and kept.model == "scripted"
    assert [model.calls for model in models] == [1, 1]
    give_model(None)
    quoted = ask(services, OPERATOR, ward, mode=Mode.RAG)
    assert quoted.kept_at is None and quoted.model is None


@pytest.mark.parametrize(
    "script",
    [
        ScriptedAnswer(text=f"{MADE} It may", fails="unavailable"),
        ScriptedAnswer(text=f"{MADE} It may", fails="output"),
        ScriptedAnswer(text=f"{MADE} And " + "so on and " * 300),
    ],
)
def test_what_a_model_did_not_finish_is_not_kept(
    services: Services, ward: WorkspaceId, give_model: Callable[..., None], script: ScriptedAnswer
) -> None:
    model = Counting(script, seconds_per_piece=0)
    give_model(model)
    for _ in range(2):
        answer = ask(services, OPERATOR, ward, mode=Mode.RAG)
        assert answer.notice and answer.kept_at is None
    assert model.calls == 2
    assert kept_keys(services, Layer.ANSWER) == []


def ask_at_once(services: Services, ward: WorkspaceId, number: int) -> Sequence[Answer]:
    barrier = Barrier(number)

    def one(_: int) -> Answer:
        barrier.wait()
        return ask(services, OPERATOR, ward, mode=Mode.RAG)

    with ThreadPoolExecutor(number) as threads:
        return list(threads.map(one, range(number)))


@pytest.mark.parametrize("number", [20, 100])
def test_equal_questions_at_once_cost_one_call(
    services: Services, ward: WorkspaceId, give_model: Callable[..., None], number: int
) -> None:
    model = Counting(ScriptedAnswer(text=MADE))
    give_model(model)
    answers = ask_at_once(services, ward, number)
    assert model.calls == 1
    assert all(content(answer) == content(answers[0]) for answer in answers)
    assert answers[0].model == "scripted" and answers[0].finished


def test_whoever_watches_sees_it_grow(services: Services, ward: WorkspaceId, give_model: Callable[..., None]) -> None:
    give_model(
        Counting(ScriptedAnswer(text=f"{MADE} Warfarin increases the risk of bleeding [1]."), seconds_per_piece=0.1)
    )
    leading = services.questions.ask(OPERATOR, workspace_id=ward, text=QUESTION, mode=Mode.RAG)
    next(leading)
    watching = services.questions.ask(OPERATOR, workspace_id=ward, text=QUESTION, mode=Mode.RAG)
    with ThreadPoolExecutor(2) as threads:
        lengths = [
            [len(answer.sentences) for answer in steps.result() if answer.model]
            for steps in [threads.submit(list, one) for one in (leading, watching)]
        ]
    assert sorted(set(lengths[1])) == sorted(set(lengths[0])) == [0, 1, 2]


def test_whoever_stops_leaves_the_others_their_answer(
    services: Services, ward: WorkspaceId, give_model: Callable[..., None]
) -> None:
    model = Counting(ScriptedAnswer(text=BOTH), seconds_per_piece=0.1)
    give_model(model)
    leading = services.questions.ask(OPERATOR, workspace_id=ward, text=QUESTION, mode=Mode.RAG)
    for answer in leading:
        if answer.model and answer.sentences:
            break
    with ThreadPoolExecutor(5) as threads:
        waiting = [threads.submit(ask, services, OPERATOR, ward, mode=Mode.RAG) for _ in range(5)]
        time.sleep(0.5)
        leading.close()  # type: ignore[attr-defined]
        answers = [one.result() for one in waiting]
    assert model.open_streams == 0
    assert model.calls == 2
    assert {answer.text for answer in answers} == {BOTH.replace(" [1]", "")}


def test_whoever_fails_keeps_the_error_and_the_others_get_their_answer(
    services: Services, ward: WorkspaceId, give_model: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = Counting(ScriptedAnswer(text=MADE), seconds_per_piece=0.05)
    give_model(model)
    stream, failed = model.stream, []

    def failing_once(*arguments: Any, **options: Any) -> Iterator[Any]:
        pieces = stream(*arguments, **options)
        yield next(iter(pieces))
        if not failed:
            failed.append(1)
            time.sleep(0.5)
            raise RuntimeError("a fault of the program")
        yield from pieces

    monkeypatch.setattr(model, "stream", failing_once)
    barrier = Barrier(6)

    def one(_: int) -> Answer | str:
        barrier.wait()
        try:
            return ask(services, OPERATOR, ward, mode=Mode.RAG)
        except RuntimeError as error:
            return str(error)

    with ThreadPoolExecutor(6) as threads:
        results = list(threads.map(one, range(6)))
    errors = [one for one in results if isinstance(one, str)]
    assert errors == ["a fault of the program"]
    assert {one.text for one in results if isinstance(one, Answer)} == {"Warfarin interacts with amiodarone."}
    assert model.calls == 2


def test_a_reader_that_is_stuck_delays_others_for_a_while_only(
    services: Services, ward: WorkspaceId, give_model: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.pipeline.single_flight._MOST_HELD_SECONDS", 1.0)
    give_model(Counting(ScriptedAnswer(text=MADE), seconds_per_piece=0))
    stuck = services.questions.ask(OPERATOR, workspace_id=ward, text=QUESTION, mode=Mode.RAG)
    next(stuck)
    started = time.monotonic()
    assert ask(services, OPERATOR, ward, mode=Mode.RAG).finished
    assert time.monotonic() - started > 0.9
    *_, last = stuck
    assert last.finished


@pytest.mark.slow
def test_equal_questions_at_once_cost_one_call_in_several_processes(services: Services, ward: WorkspaceId) -> None:
    command = [sys.executable, "-m", "tests.services.asking_child", str(services.settings.data_dir), ward]
    asking = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) for _ in range(3)
    ]
    try:
        for process in asking:
            assert process.stdout is not None and process.stdout.readline() == "ready\n"
        for process in asking:
            assert process.stdin is not None
            process.stdin.write("now\n")
            process.stdin.flush()
        said = [json.loads(process.communicate(timeout=120)[0]) for process in asking]
    finally:
        for process in asking:
            process.kill()
    assert sum(one["calls"] for one in said) == 1
    assert sorted(one["kept"] for one in said) == [False, True, True]
    assert len({tuple(one["said"]) for one in said}) == 1
