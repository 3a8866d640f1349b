"""Tests of the OpenAI-compatible adapter against vLLM's dialect."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from app.domain.models import Message
from app.errors import BackendUnavailableError, ConfigurationError, DafeError, InvalidInputError, ModelOutputError
from backends.llm.openai import OpenAILanguageModel
from backends.llm.settings import OpenAISettings
from tests.servers.loopback import JsonHandler, serving
from tests.servers.vllm_dialect import VllmDialect, vllm_dialect


def ask(text: str) -> list[Message]:
    return [Message("user", text)]


@contextmanager
def model_on(server: VllmDialect, **settings: Any) -> Iterator[OpenAILanguageModel]:
    defaults = {"url": server.url, "model": server.model, "api_key": server.key}
    model = OpenAILanguageModel(OpenAISettings(**{**defaults, **settings}))
    try:
        yield model
    finally:
        model.close()


def test_a_request_carries_the_schema_by_its_standard_name_and_no_other() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    with vllm_dialect() as server, model_on(server) as model:
        assert "".join(piece.text for piece in model.stream(ask("x"), max_tokens=50, schema=schema)) == '{"a": 0}'
        ((path, sent),) = server.requests
        assert path == "/v1/chat/completions"
        assert sent["response_format"]["json_schema"]["schema"] == schema
        assert sent["max_tokens"] == 50
        assert not {name for name in sent if name.startswith("guided")}


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("[[error]]", BackendUnavailableError, "broke off"),
        ("[[cut]]", BackendUnavailableError, "broke off"),
        ("[[stall]]", BackendUnavailableError, "nothing for 0.3 seconds"),
        ("[[garbage]]", ModelOutputError, "protocol"),
        ("[[abort]]", ModelOutputError, "abort"),
    ],
)
def test_an_answer_that_fails_on_its_way_raises_the_products_error(
    text: str, error: type[DafeError], words: str
) -> None:
    with vllm_dialect() as server, model_on(server, timeout_seconds=0.3) as model:
        pieces = model.stream(ask(text), max_tokens=50)
        assert next(pieces).text
        with pytest.raises(error, match=words):
            list(pieces)


def test_the_window_is_the_servers_unless_a_smaller_one_is_set() -> None:
    with vllm_dialect(window_tokens=1024) as server:
        for asked, window in ((None, 1024), (512, 512), (9999, 1024)):
            with model_on(server, window_tokens=asked) as model:
                assert model.describe().window_tokens == window


def test_too_long_an_answer_is_refused_like_too_long_a_prompt() -> None:
    with vllm_dialect() as server, model_on(server) as model, pytest.raises(InvalidInputError, match="window"):
        list(model.stream(ask("x"), max_tokens=5000))


def test_a_schema_that_the_server_cannot_use_is_refused() -> None:
    with (
        vllm_dialect() as server,
        model_on(server) as model,
        pytest.raises(InvalidInputError, match="form of the request"),
    ):
        list(model.stream(ask("x"), max_tokens=5, schema={"type": "nonsense"}))


def test_key_and_model_are_named_when_they_are_refused() -> None:
    with vllm_dialect(key="secret") as server:
        with model_on(server, api_key="wrong") as model, pytest.raises(BackendUnavailableError, match="key"):
            list(model.stream(ask("x"), max_tokens=5))
        with model_on(server, api_key="") as model, pytest.raises(BackendUnavailableError, match="key"):
            model.describe()
        for call in (lambda model: list(model.stream(ask("x"), max_tokens=5)), lambda model: model.describe()):
            with model_on(server, model="nope") as model, pytest.raises(BackendUnavailableError, match="model nope"):
                call(model)


def test_without_a_server_the_error_names_the_address_and_tokens_are_estimated() -> None:
    model = OpenAILanguageModel(OpenAISettings(url="http://127.0.0.1:9/v1", model="m"))
    with pytest.raises(BackendUnavailableError, match=r"127\.0\.0\.1:9"):
        list(model.stream(ask("x"), max_tokens=5))
    with pytest.raises(BackendUnavailableError, match=r"127\.0\.0\.1:9"):
        model.describe()
    assert model.count_tokens("three short words") > 3
    model.close()


def test_a_server_that_cannot_count_is_asked_once() -> None:
    with vllm_dialect(counts=False) as server, model_on(server) as model:
        assert model.count_tokens("three short words") > 3
        assert model.count_tokens("three short words") > 3
        assert [path for path, _ in server.requests] == ["/tokenize"]


def test_a_server_that_can_count_is_believed() -> None:
    with vllm_dialect() as server, model_on(server) as model:
        assert model.count_tokens("three short words") == 3


def test_prompts_are_never_traced_to_an_outside_service(monkeypatch: pytest.MonkeyPatch) -> None:
    from langsmith import utils

    with vllm_dialect() as server, model_on(server) as model:
        monkeypatch.setenv("LANGSMITH_TRACING", "true")
        monkeypatch.setenv("LANGSMITH_API_KEY", "k")
        monkeypatch.setenv("LANGSMITH_ENDPOINT", server.url)
        utils.get_env_var.cache_clear()
        assert utils.tracing_is_enabled()
        assert list(model.stream(ask("x"), max_tokens=5))
        utils.get_env_var.cache_clear()
        assert [path for path, _ in server.requests] == ["/v1/chat/completions"]


def test_no_proxy_of_the_environment_sees_a_prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    with vllm_dialect() as server, model_on(server) as model:
        assert list(model.stream(ask("x"), max_tokens=5))


@pytest.mark.parametrize("status", [429, 500, 503])
def test_an_overloaded_server_is_not_asked_twice(status: int) -> None:
    asked = []

    class Overloaded(JsonHandler):
        def do_POST(self) -> None:
            asked.append(self.body())
            self.answer(status, {"error": {"message": "no", "type": "x", "param": None, "code": status}})

    with serving(Overloaded) as url:
        model = OpenAILanguageModel(OpenAISettings(url=f"{url}/v1", model="m"))
        with pytest.raises(BackendUnavailableError, match=str(status)):
            list(model.stream(ask("x"), max_tokens=5))
        model.close()
    assert len(asked) == 1


def test_a_file_without_certificates_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("not a certificate")
    for path in (tmp_path / "ca.pem", tmp_path / "none.pem"):
        with pytest.raises(ConfigurationError, match="ca_bundle"):
            OpenAILanguageModel(OpenAISettings(url="https://127.0.0.1:9/v1", model="m", ca_bundle=path))


def test_the_key_is_never_shown() -> None:
    settings = OpenAISettings(url="http://127.0.0.1:9/v1", model="m", api_key="topsecret")
    assert "topsecret" not in repr(settings) + str(settings.model_dump())
