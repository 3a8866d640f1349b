"""Tests of the Ollama adapter against what the real server cannot be brought to do on purpose."""

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import ollama
import pytest

from app.domain.models import Message
from app.errors import BackendUnavailableError, DafeError, InvalidInputError, ModelOutputError
from backends.llm.ollama import OllamaLanguageModel
from backends.llm.settings import OllamaSettings
from tests.servers.ollama_dialect import OllamaDialect, model_entry, ollama_dialect


def ask(text: str) -> list[Message]:
    return [Message("user", text)]


@contextmanager
def model_on(server: OllamaDialect, **settings: Any) -> Iterator[OllamaLanguageModel]:
    model = OllamaLanguageModel(OllamaSettings(**{"url": server.url, "model": "small:latest", **settings}))
    try:
        yield model
    finally:
        model.close()


def test_every_request_forbids_cutting_and_names_its_window() -> None:
    with ollama_dialect(model_entry("small:latest")) as server, model_on(server, num_ctx=2048) as model:
        pieces = list(model.stream(ask("Hello?"), max_tokens=9, schema={"type": "object"}, temperature=0.5))
        assert "".join(piece.text for piece in pieces) == "Hello, you"
        (sent,) = server.chats()
        assert (sent["truncate"], sent["shift"], sent["think"]) == (False, False, False)
        assert sent["options"] == {"num_ctx": 2048, "num_predict": 9, "temperature": 0.5}
        assert sent["format"] == {"type": "object"}


def test_a_model_that_another_thread_closed_is_away() -> None:
    """A job then waits; any other error would fail its document."""
    with ollama_dialect(model_entry("small:latest")) as server, model_on(server, num_ctx=2048) as model:
        model.describe()
        model.close()
        for ask_it in (model.describe, lambda: list(model.stream(ask("Hello?"), max_tokens=9))):
            with pytest.raises(BackendUnavailableError):
                ask_it()


def test_the_vendor_client_still_cannot_forbid_cutting() -> None:
    """The day it can, it and langchain-ollama may take the place of our own request."""
    assert "truncate" not in inspect.signature(ollama.Client.chat).parameters


@pytest.mark.parametrize("mark", [{"remote_host": "https://ollama.com:443"}, {"remote_model": "big"}])
def test_a_model_in_a_cloud_never_sees_a_prompt(mark: dict[str, str]) -> None:
    with ollama_dialect(model_entry("small:latest", **mark)) as server, model_on(server) as model:
        with pytest.raises(BackendUnavailableError, match="outside"):
            list(model.stream(ask("Who is ill?"), max_tokens=9))
        with pytest.raises(BackendUnavailableError, match="outside"):
            model.describe()
        assert server.requests == []


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("[[error]]", BackendUnavailableError, "broke off"),
        ("[[cut]]", BackendUnavailableError, "broke off"),
        ("[[stall]]", BackendUnavailableError, "nothing for 0.3 seconds"),
        ("[[garbage]]", ModelOutputError, "protocol"),
        ("[[busy]]", BackendUnavailableError, "503"),
    ],
)
def test_a_failing_answer_raises_the_products_error(text: str, error: type[DafeError], words: str) -> None:
    with (
        ollama_dialect(model_entry("small:latest")) as server,
        model_on(server, timeout_seconds=0.3) as model,
        pytest.raises(error, match=words),
    ):
        list(model.stream(ask(text), max_tokens=9))


def test_a_schema_that_the_server_cannot_use_is_refused() -> None:
    with (
        ollama_dialect(model_entry("small:latest")) as server,
        model_on(server) as model,
        pytest.raises(InvalidInputError, match="form of the request"),
    ):
        list(model.stream(ask("x"), max_tokens=9, schema={"type": "nonsense"}))


def test_a_model_may_be_named_without_its_tag_and_an_unknown_one_is_said_to_be() -> None:
    with ollama_dialect(model_entry("small:latest"), loaded_window=512) as server:
        with model_on(server, model="small") as model:
            assert model.describe().digest == "small:latest-digest"
        with model_on(server, model="large") as model, pytest.raises(BackendUnavailableError, match="model large"):
            model.describe()


def test_the_window_is_the_loaded_one_whatever_was_asked_for() -> None:
    entry = model_entry("small:latest")
    with ollama_dialect(entry, loaded_window=4096) as server, model_on(server, num_ctx=16384) as model:
        assert model.describe().window_tokens == 4096


def test_a_model_that_is_not_kept_loaded_has_the_smaller_of_asked_and_trained_window() -> None:
    with ollama_dialect(model_entry("small:latest"), trained_window=8192) as server:
        with model_on(server, num_ctx=16384) as model:
            assert model.describe().window_tokens == 8192
        with model_on(server, num_ctx=1000) as model:
            assert model.describe().window_tokens == 1000


def test_without_a_server_the_error_names_the_address() -> None:
    model = OllamaLanguageModel(OllamaSettings(url="http://127.0.0.1:9", model="small"))
    with pytest.raises(BackendUnavailableError, match=r"127\.0\.0\.1:9"):
        model.describe()
    model.close()
