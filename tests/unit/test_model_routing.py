"""Calls over several endpoints, against real servers on loopback."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from typing import Any

import pytest
from pydantic import ValidationError

from app.domain.models import Message, ModelInfo
from app.errors import BackendUnavailableError, InvalidInputError
from backends.llm import pool
from backends.llm.base import CallOutcome, LanguageModel
from backends.llm.counting import estimate_tokens
from backends.llm.endpoint import Endpoint
from backends.llm.openai import OpenAILanguageModel
from backends.llm.pool import ReplicaPool
from backends.llm.router import RoutedLanguageModels
from backends.llm.settings import EndpointSettings, OpenAISettings, RouterSettings
from backends.refusals import BusyError
from tests.servers.vllm_dialect import VllmDialect, vllm_dialect
from tests.servers.vllm_process import vllm_process

HELLO = [Message("user", "Say hello.")]
LONG = [Message("user", "Count to a thousand.")]


def endpoint(name: str, server: Any, *, model: str = "smol", timeout_seconds: float = 20, **options: Any) -> Any:
    openai = OpenAISettings(url=server.url, model=model, timeout_seconds=timeout_seconds)
    return EndpointSettings(name=name, model=openai, **options)


@contextmanager
def routed(
    *endpoints: EndpointSettings, ended: list[tuple[str, CallOutcome]] | None = None, **options: Any
) -> Iterator[RoutedLanguageModels]:
    """`ended` gets each call that has ended."""

    def on_call(name: str, outcome: CallOutcome) -> None:
        if ended is not None:
            ended.append((name, outcome))

    router = RoutedLanguageModels(RouterSettings(endpoints=endpoints, **options), on_call=on_call)
    try:
        yield router
    finally:
        router.close()


@pytest.fixture
def servers() -> Iterator[Callable[..., VllmDialect]]:
    with ExitStack() as stack:
        yield lambda **properties: stack.enter_context(vllm_dialect(**properties))


def ask(model: LanguageModel, text: str = "Say hello.", *, max_tokens: int = 50) -> str:
    return "".join(piece.text for piece in model.stream([Message("user", text)], max_tokens=max_tokens))


def extracting(router: RoutedLanguageModels) -> LanguageModel:
    return router.models_for("extract")[0]


def chats(server: VllmDialect) -> list[dict[str, Any]]:
    return [body for path, body in server.requests if path == "/v1/chat/completions"]


def until(condition: Callable[[], bool], *, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


def state_of(router: RoutedLanguageModels, place: int = 0) -> Any:
    return router.endpoints(wait_seconds=60)[place]


def test_equal_replicas_get_equal_shares(servers: Callable[..., VllmDialect]) -> None:
    first, second = servers(seconds_per_token=0.01), servers(seconds_per_token=0.01)
    with routed(endpoint("a", first), endpoint("b", second)) as router, ThreadPoolExecutor(8) as pool:
        router.endpoints(wait_seconds=60)
        answers = list(pool.map(lambda _: ask(extracting(router)), range(40)))
    assert all("eleven tokens" in answer for answer in answers)
    assert len(chats(first)) + len(chats(second)) == 40
    assert abs(len(chats(first)) - len(chats(second))) <= 6


def test_a_slow_replica_gets_the_calls_that_it_copes_with(servers: Callable[..., VllmDialect]) -> None:
    quick, slow = servers(seconds_per_token=0.002), servers(seconds_per_token=0.05)
    with routed(endpoint("a", slow), endpoint("b", quick)) as router, ThreadPoolExecutor(6) as pool:
        router.endpoints(wait_seconds=60)
        list(pool.map(lambda _: ask(extracting(router)), range(60)))
    assert len(chats(quick)) > 2 * len(chats(slow)) > 0


def test_no_more_calls_at_once_than_allowed_and_indexing_leaves_one_for_people(
    servers: Callable[..., VllmDialect],
) -> None:
    server = servers(seconds_per_token=0.01)
    with routed(endpoint("a", server, most_at_once=4)) as router, ThreadPoolExecutor(12) as pool:
        list(pool.map(lambda _: ask(extracting(router)), range(24)))
        assert server.most_seen == 3
        list(pool.map(lambda _: ask(router), range(24)))
        assert server.most_seen == 4


def test_a_person_overtakes_fifty_calls_of_indexing(servers: Callable[..., VllmDialect]) -> None:
    """With a single slot: the person's call comes right after the one that runs."""
    server = servers(seconds_per_token=0.005)
    with routed(endpoint("a", server, most_at_once=1)) as router, ThreadPoolExecutor(51) as pool:
        indexing = [pool.submit(ask, extracting(router), f"document {number}") for number in range(50)]
        until(lambda: len(chats(server)) >= 3)
        before = len(chats(server))
        assert ask(router, "a person") == "Hello, this is an answer of eleven tokens ."
        asked = [body["messages"][-1]["content"] for body in chats(server)]
        assert asked.index("a person") <= before + 1
        assert not all(one.done() for one in indexing)
        assert all(one.result() for one in indexing)


def test_a_killed_server_costs_no_call_that_has_shown_nothing(servers: Callable[..., VllmDialect]) -> None:
    """In the middle of a queue: only those whose words were already shown fail, and none is done twice."""
    other = servers(seconds_per_token=0.005)
    with (
        vllm_process(seconds_per_token=0.05) as doomed,
        routed(endpoint("a", doomed, most_at_once=2), endpoint("b", other, most_at_once=2)) as router,
        ThreadPoolExecutor(30) as pool,
    ):
        shown: dict[int, bool] = {}

        def read(number: int) -> str:
            text = ""
            for piece in extracting(router).stream([Message("user", f"document {number}")], max_tokens=50):
                shown[number] = shown.get(number, False) or bool(piece.text)
                text += piece.text
            return text

        router.endpoints(wait_seconds=60)
        calls = [pool.submit(read, number) for number in range(30)]
        until(lambda: state_of(router).outstanding > 0 and any(shown.values()))
        doomed.kill()
        failed = [number for number, call in enumerate(calls) if call.exception() is not None]
        assert len(failed) <= 2
        assert all(shown[number] and "broke off" in str(calls[number].exception()) for number in failed)
        assert all("eleven tokens" in call.result() for number, call in enumerate(calls) if number not in failed)
    texts = [body["messages"][-1]["content"] for body in chats(other)]
    assert len(texts) == len(set(texts))


def test_an_answer_that_breaks_off_after_its_first_words_is_not_begun_again(
    servers: Callable[..., VllmDialect],
) -> None:
    first, second = servers(), servers()
    ended: list[tuple[str, CallOutcome]] = []
    with routed(endpoint("a", first), endpoint("b", second), ended=ended) as router:
        with pytest.raises(BackendUnavailableError, match="broke off"):
            ask(router, "[[cut]]")
        assert len(chats(first)) + len(chats(second)) == 1
        assert [outcome for _, outcome in ended] == ["failed"]


def test_a_server_without_room_halves_its_limit_and_the_call_is_done_elsewhere_or_later(
    servers: Callable[..., VllmDialect],
) -> None:
    server = servers(seconds_per_token=0.02, most_running=3)
    ended: list[tuple[str, CallOutcome]] = []
    with routed(endpoint("a", server, most_at_once=8), ended=ended) as router, ThreadPoolExecutor(8) as pool:
        router.endpoints(wait_seconds=60)
        assert state_of(router).limit == 8
        answers = [pool.submit(ask, router) for _ in range(8)]
        until(lambda: state_of(router).limit == 4)
        assert all("eleven tokens" in answer.result() for answer in answers)
        assert state_of(router).breaker == "closed"
        assert ended.count(("a", "done")) == 8
        assert ended.count(("a", "busy")) == len(ended) - 8 > 0


def test_a_breaker_opens_is_half_open_for_a_trial_and_closes(servers: Callable[..., VllmDialect]) -> None:
    server = servers(refuses=500)
    with routed(endpoint("a", server)) as router:
        for _ in range(3):
            with pytest.raises(BackendUnavailableError, match="HTTP 500"):
                ask(router)
        assert (state_of(router).breaker, "HTTP 500" in state_of(router).problem) == ("open", True)
        sent = len(chats(server))
        with pytest.raises(BackendUnavailableError, match="HTTP 500"):
            ask(router)
        with pytest.raises(BackendUnavailableError):
            router.describe()
        assert len(chats(server)) == sent
        server.refuses = 0
        until(lambda: state_of(router).breaker == "closed")
        assert "eleven tokens" in ask(router)
        assert state_of(router).problem == ""


def test_tokens_are_estimated_while_no_endpoint_takes_calls(servers: Callable[..., VllmDialect]) -> None:
    server, text = servers(), "Warfarin was stopped."
    with routed(endpoint("a", server)) as router:
        assert router.count_tokens(text) == estimate_tokens(text)
        assert server.requests == []
        router.describe()
        assert router.count_tokens(text) < estimate_tokens(text)
        server.refuses = 500
        for _ in range(3):
            with pytest.raises(BackendUnavailableError, match="HTTP 500"):
                ask(router)
        asked = [path for path, _ in server.requests].count("/tokenize")
        assert router.count_tokens(text) == estimate_tokens(text)
        assert [path for path, _ in server.requests].count("/tokenize") == asked > 0


def test_a_server_that_says_nothing_is_waited_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "_FIRST_LOOK_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings = OpenAISettings(url=f"http://127.0.0.1:{silent.getsockname()[1]}/v1", model="m", timeout_seconds=5)
        with routed(EndpointSettings(name="a", model=settings)) as router:
            began = time.monotonic()
            with pytest.raises(BackendUnavailableError, match="not looked at yet"):
                router.describe()
            assert time.monotonic() - began < 4


def test_a_server_that_was_killed_is_used_again_when_it_is_back() -> None:
    with ExitStack() as stack:
        server = stack.enter_context(vllm_process())
        router = stack.enter_context(routed(endpoint("a", server)))
        assert "eleven tokens" in ask(router)
        server.kill()
        for _ in range(3):
            with pytest.raises(BackendUnavailableError):
                ask(router)
        assert (state_of(router).breaker, state_of(router).outstanding) == ("open", 0)
        time.sleep(1.5)
        assert state_of(router).breaker != "closed"
        stack.enter_context(vllm_process(port=server.port))
        until(lambda: state_of(router).breaker == "closed")
        assert "eleven tokens" in ask(router)


def test_a_server_that_hangs_keeps_nobody_waiting_for_long(
    servers: Callable[..., VllmDialect], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes connections and says nothing; what the calls themselves allow, 100 seconds, is not waited for."""
    monkeypatch.setattr("backends.llm.openai._LIST_SECONDS", 0.5)
    good = servers()
    with socket.create_server(("127.0.0.1", 0)) as silent, ThreadPoolExecutor(1) as pool:
        hung = OpenAISettings(url=f"http://127.0.0.1:{silent.getsockname()[1]}/v1", model="smol", timeout_seconds=100)
        with routed(EndpointSettings(name="a", model=hung), endpoint("b", good)) as router:
            assert "nothing for 0.5 seconds" in router.endpoints(wait_seconds=30)[0].problem
            assert pool.submit(ask, router).result(timeout=30)


def test_a_call_that_comes_again_stands_where_it_stood(servers: Callable[..., VllmDialect]) -> None:
    """It was refused for want of room while another queued behind it."""
    place = Endpoint(endpoint("a", servers(), most_at_once=1))
    with closing(ReplicaPool([place], wait_seconds=60)) as pool, ExitStack() as behind:
        pool.describe("answer")
        first, second = pool.call("answer"), pool.call("answer")
        with pool.turn(first):
            assert pool.granted(first, within_seconds=1)
            behind.enter_context(pool.turn(second))
            pool.failed(first, BusyError("No room."))
        with pool.turn(first):
            assert not pool.granted(second, within_seconds=0.2)
            until(lambda: pool.granted(first, within_seconds=0.1))
            assert second.endpoint is None
        assert pool.granted(second, within_seconds=1)


def test_an_endpoint_that_fails_in_an_unforeseen_way_is_asked_again(servers: Callable[..., VllmDialect]) -> None:
    class Odd(Endpoint):
        asked = 0

        def describe(self) -> ModelInfo:
            self.asked += 1
            if self.asked == 1:
                raise KeyError("what a library of the vendor's lets out")
            return super().describe()

    place = Odd(endpoint("a", servers()))
    with closing(ReplicaPool([place], wait_seconds=60)) as pool:
        assert "the log names" in pool.states(wait_seconds=20)[place].problem
        until(lambda: place.asked > 1 and place.info is not None)
        assert pool.describe("answer").name == "smol"


def test_a_call_that_was_refused_for_want_of_room_is_done_when_there_is_some(
    servers: Callable[..., VllmDialect],
) -> None:
    server = servers(seconds_per_token=0.05, most_running=1)
    with routed(endpoint("a", server, most_at_once=1)) as router, ThreadPoolExecutor(1) as pool:
        router.endpoints(wait_seconds=60)
        direct = pool.submit(ask_directly, server)
        until(lambda: server.running == 1)
        assert ask(router, "a person")
        assert direct.result()
    texts = [body["messages"][-1]["content"] for body in chats(server)]
    assert 2 <= texts.count("a person") <= 4


def ask_directly(server: VllmDialect) -> str:
    with closing(OpenAILanguageModel(OpenAISettings(url=server.url, model=server.model))) as model:
        return ask(model)


def test_a_closed_call_gives_its_slot_back_and_one_that_waits_leaves_the_queue(
    servers: Callable[..., VllmDialect],
) -> None:
    server = servers(seconds_per_token=0.05)
    with routed(endpoint("a", server, most_at_once=1)) as router:
        running = router.stream(LONG, max_tokens=500)
        assert next(piece.text for piece in running if piece.text)
        waiting = router.stream(HELLO, max_tokens=50)
        assert next(waiting).text == ""
        waiting.close()  # type: ignore[attr-defined]
        assert state_of(router).outstanding == 1
        running.close()  # type: ignore[attr-defined]
        assert state_of(router).outstanding == 0
        assert "eleven tokens" in ask(router)
    assert len(chats(server)) == 2
    until(lambda: server.running == 0)


def test_closing_the_router_ends_the_waiting_and_the_looking(servers: Callable[..., VllmDialect]) -> None:
    server = servers(seconds_per_token=0.05)
    with ThreadPoolExecutor(1) as pool:
        with routed(endpoint("a", server, most_at_once=1)) as router:
            running = router.stream(LONG, max_tokens=500)
            assert next(piece.text for piece in running if piece.text)
            waiting = pool.submit(ask, router)
            time.sleep(0.2)
            assert not waiting.done()
        with pytest.raises(BackendUnavailableError, match="closed"):
            waiting.result(timeout=5)
        with pytest.raises(BackendUnavailableError, match="closed"):
            ask(router)
        running.close()  # type: ignore[attr-defined]
    assert "endpoint a" not in {thread.name for thread in threading.enumerate()}


def test_a_person_waits_no_longer_than_set(servers: Callable[..., VllmDialect]) -> None:
    server = servers(seconds_per_token=0.05)
    with routed(endpoint("a", server, most_at_once=1), wait_seconds=0.3) as router:
        router.endpoints(wait_seconds=60)
        running = router.stream(LONG, max_tokens=500)
        assert next(piece.text for piece in running if piece.text)
        with pytest.raises(BackendUnavailableError, match="busy"):
            ask(router)
        running.close()  # type: ignore[attr-defined]


def test_a_replica_with_another_model_is_left_out_until_it_is_the_same(servers: Callable[..., VllmDialect]) -> None:
    good, swapped = servers(), servers(root="/models/another")
    with routed(endpoint("a", good), endpoint("b", swapped)) as router:
        assert [bool(one.problem) for one in router.endpoints(wait_seconds=60)].count(True) == 1
        left_out, used = (good, swapped) if state_of(router, 0).problem else (swapped, good)
        for _ in range(6):
            ask(router)
        assert (len(chats(left_out)), len(chats(used))) == (0, 6)
        left_out.root = used.root
        until(lambda: not any(one.problem for one in router.endpoints()))
        for _ in range(6):
            ask(router)
        assert len(chats(left_out)) >= 2


def test_a_model_that_was_swapped_is_noticed_before_the_next_call(servers: Callable[..., VllmDialect]) -> None:
    """With as many for the old model as for the new one, the old one stays; a call never gets another than it began
    with."""
    first, second = servers(), servers()
    with routed(endpoint("a", first), endpoint("b", second)) as router:
        router.endpoints(wait_seconds=60)
        digest = router.describe().digest
        first.root = "/models/another"
        time.sleep(1.1)
        for _ in range(4):
            assert ask(router)
        assert (len(chats(first)), len(chats(second))) == (0, 4)
        assert router.describe().digest == digest
        second.root = first.root
        time.sleep(1.1)
        with pytest.raises(BackendUnavailableError, match="replaced"):
            ask(router)
        assert len(chats(first)) + len(chats(second)) == 4
        assert ask(router)
        assert router.describe().digest != digest


def test_large_models_answer_first_and_extraction_has_one_model(servers: Callable[..., VllmDialect]) -> None:
    large, small, other = servers(model="llama"), servers(model="mistral"), servers(model="phi")
    with routed(
        endpoint("small", small, model="mistral", tier="small"),
        endpoint("large", large, model="llama", tasks={"answer"}),
        endpoint("reader", other, model="phi", tasks={"extract"}),
    ) as router:
        assert [model.describe().name for model in router.models_for("answer")] == ["llama", "mistral"]
        assert [model.describe().name for model in router.models_for("extract")] == ["mistral"]
        assert [model.describe().name for model in router.models_for("verify")] == ["mistral"]
        assert router.describe().name == "llama"


def test_extraction_goes_to_no_other_model(servers: Callable[..., VllmDialect]) -> None:
    other = servers(model="other")
    with vllm_process() as server, routed(endpoint("a", server), endpoint("b", other, model="other")) as router:
        reader = extracting(router)
        assert ask(reader)
        server.kill()
        for _ in range(4):
            with pytest.raises(BackendUnavailableError):
                ask(reader)
        assert chats(other) == []
        assert ask(router.models_for("answer")[1])


def test_an_endpoint_gets_the_calls_of_its_tasks_only(servers: Callable[..., VllmDialect]) -> None:
    first, second = servers(), servers()
    with routed(endpoint("a", first, tasks={"answer"}), endpoint("b", second, tasks={"extract"})) as router:
        for _ in range(4):
            ask(router)
        ask(extracting(router))
    assert (len(chats(first)), len(chats(second))) == (4, 1)


def test_vllm_is_told_who_waits_where_it_puts_calls_in_order(servers: Callable[..., VllmDialect]) -> None:
    ordered, plain = servers(), servers(model="other")
    with routed(
        endpoint("a", ordered, priority_scheduling=True), endpoint("b", plain, model="other", tier="small")
    ) as router:
        ask(router)
        ask(extracting(router))
        ask(router.models_for("answer")[1])
    person, indexing = [body["priority"] for body in chats(ordered)]
    assert person < indexing
    assert "priority" not in chats(plain)[0]


def test_a_refused_prompt_is_no_failure_of_its_endpoint(servers: Callable[..., VllmDialect]) -> None:
    first, second = servers(window_tokens=512), servers(window_tokens=256)
    with routed(endpoint("a", first), endpoint("b", second)) as router:
        router.endpoints(wait_seconds=60)
        assert router.describe().window_tokens == 256
        for _ in range(4):
            with pytest.raises(InvalidInputError, match="window"):
                ask(router, "word " * 600)
        assert [one.breaker for one in router.endpoints()] == ["closed", "closed"]
        assert len(chats(first)) + len(chats(second)) == 4


@pytest.mark.parametrize(
    ("endpoints", "words"),
    [
        ([], "at least 1 item"),
        ([{"name": "a"}, {"name": "a"}], "two endpoints are called a"),
        ([{"name": "a", "tasks": []}], "at least 1 item"),
        ([{"name": "a", "priority_scheduling": True, "model": {"kind": "ollama", "model": "m"}}], "only a vLLM"),
        ([{"name": "a", "model": {"kind": "router", "endpoints": []}}], "does not match any of the expected tags"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(endpoints: list[dict[str, Any]], words: str) -> None:
    model = {"kind": "openai", "url": "http://127.0.0.1:9/v1", "model": "m"}
    with pytest.raises(ValidationError, match=words):
        RouterSettings.model_validate({"endpoints": [{"model": model, **one} for one in endpoints]})
