"""The whole application on several endpoints: who answers when one is away, and that documents wait."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from app.container import OPERATOR, Services, open_services
from app.domain.answers import Answer, Mode
from app.domain.documents import DocumentStatus
from app.domain.ids import WorkspaceId
from app.domain.jobs import JobState
from app.pipeline.model_answering import STANDS_IN
from app.services.health import HealthCheck
from app.settings import load_settings
from app.views import AnswerView
from tests.servers.vllm_dialect import VllmDialect, vllm_dialect
from tests.servers.vllm_process import VllmProcess, vllm_process
from tests.services.letters import ASPIRIN, WARFARIN, add, job_of, status_of
from tests.working import work_off

pytestmark = [pytest.mark.model, pytest.mark.slow, pytest.mark.timeout(300)]
QUESTION = "What does warfarin interact with?"


def endpoint(name: str, server: Any, model: str, **options: Any) -> dict[str, Any]:
    return {"name": name, "model": {"kind": "openai", "url": server.url, "model": model}, **options}


def services_of(folder: Path, *endpoints: dict[str, Any]) -> Services:
    llm = {"kind": "router", "endpoints": endpoints}
    settings = load_settings(
        data_dir=folder, embeddings={"kind": "hashing"}, llm=llm, model_band="model_led", samples=False
    )
    return open_services(settings)


def ask(services: Services, workspace_id: WorkspaceId) -> Answer:
    *_, answer = services.questions.ask(OPERATOR, workspace_id=workspace_id, text=QUESTION, mode=Mode.RAG, fresh=True)
    return answer


def until(condition: Callable[[], Any], *, seconds: float = 60) -> Any:
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.1)
    return found


def endpoint_checks(services: Services) -> dict[str, HealthCheck]:
    checks = services.health.checks(OPERATOR)
    return {one.name.removeprefix("Model endpoint "): one for one in checks if one.name.startswith("Model endpoint ")}


@pytest.fixture
def small() -> Iterator[VllmDialect]:
    with vllm_dialect(model="mistral", root="/models/mistral") as server:
        yield server


@pytest.fixture
def large() -> Iterator[VllmProcess]:
    with vllm_process(model="llama", root="/models/llama") as server:
        yield server


def test_the_next_model_answers_and_the_receipt_says_so(tmp_path: Path, small: VllmDialect, large: VllmProcess) -> None:
    """The large one is killed between two questions; then the small one stops too."""
    chain = (
        endpoint("small", small, "mistral", tier="small"),
        endpoint("large", large, "llama", tasks=["answer"]),
    )
    with closing(services_of(tmp_path, *chain)) as services:
        workspace_id = services.workspaces.add(OPERATOR, name="Cardiology").id
        add(services, workspace_id, "letter.txt", WARFARIN)
        work_off(services)
        answer = until(lambda: (found := ask(services, workspace_id)).model == "llama" and found)
        assert (answer.notice, len(answer.sentences) > 0) == ("", True)
        large.kill()
        for _ in range(4):
            answer = ask(services, workspace_id)
            assert (answer.model, answer.notice) == ("mistral", STANDS_IN.format(name="mistral"))
            assert answer.sentences[0].text == "Hello, this is an answer of eleven tokens ."
        receipt = AnswerView.of(answer).receipt
        assert (receipt.model, receipt.notice) == ("mistral", answer.notice)
        checks = endpoint_checks(services)
        assert (checks["large"].ok, checks["small"].ok) == (False, True)
        assert checks["large"].detail.startswith("Circuit open. No language model server answers at")
        assert checks["small"].detail.startswith(
            "Circuit closed, 0 of 8 calls, for answers, checks, facts. mistral, window of 1,024 tokens. Set by an admin"
        )
        small.refuses = 503
        answer = ask(services, workspace_id)
        assert answer.model is None
        assert answer.sentences[0].text == "Warfarin interacts with amiodarone."


def test_documents_wait_for_the_model_that_reads_and_no_other_reads_them(tmp_path: Path, small: VllmDialect) -> None:
    with ExitStack() as stack:
        reader = stack.enter_context(vllm_process(model="llama", window_tokens=8192))
        chain = (endpoint("reader", reader, "llama"), endpoint("other", small, "mistral", tier="small"))
        services = stack.enter_context(closing(services_of(tmp_path, *chain)))
        workspace_id = services.workspaces.add(OPERATOR, name="Cardiology").id
        first = add(services, workspace_id, "first.txt", WARFARIN)
        work_off(services)
        assert status_of(services, first) is DocumentStatus.INDEXED
        reader.kill()
        second = add(services, workspace_id, "second.txt", ASPIRIN)
        stop = Event()
        worker = Thread(target=services.make_indexing().serve, kwargs={"stop": stop})
        worker.start()
        stack.callback(worker.join)
        stack.callback(stop.set)
        until(lambda: job_of(services, second).error)
        assert job_of(services, second).state is JobState.WAITING
        assert "No language model server answers at" in job_of(services, second).error
        assert [path for path, _ in small.requests if path.endswith("completions")] == []
        stack.enter_context(vllm_process(model="llama", window_tokens=8192, port=reader.port))
        until(lambda: status_of(services, second) is DocumentStatus.INDEXED, seconds=120)
        assert [path for path, _ in small.requests if path.endswith("completions")] == []
