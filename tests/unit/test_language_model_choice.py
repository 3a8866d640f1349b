"""Tests of finding an Ollama on this machine and choosing the language model."""

import time

import pytest
from pydantic import SecretStr, TypeAdapter, ValidationError

from backends.llm.discovery import choose_language_model, find_ollama
from backends.llm.settings import (
    AutoLanguageModelSettings,
    LanguageModelSettings,
    NoLanguageModelSettings,
    OllamaSettings,
    OpenAISettings,
)
from tests.servers.ollama_dialect import model_entry, ollama_dialect
from tests.servers.vllm_dialect import vllm_dialect

ANY = TypeAdapter(LanguageModelSettings)


def test_the_largest_general_chat_model_of_this_machine_is_taken() -> None:
    with ollama_dialect(
        model_entry("tiny:1b", size=1_000),
        model_entry("large-coder:30b", size=30_000),
        model_entry("embedder:latest", size=50_000, capabilities=("embedding",)),
        model_entry("huge-cloud", size=90_000, remote_host="https://ollama.com:443"),
        model_entry("good:8b", size=8_000, capabilities=("completion", "tools")),
    ) as server:
        assert [model.name for model in find_ollama(server.url)] == ["good:8b", "tiny:1b", "large-coder:30b"]
        chosen = choose_language_model(AutoLanguageModelSettings(url=server.url, num_ctx=4096, keep_alive="1h"))
        assert chosen == OllamaSettings(model="good:8b", url=server.url, num_ctx=4096, keep_alive="1h")


def test_without_an_ollama_there_is_no_model_and_no_waiting() -> None:
    started = time.monotonic()
    assert choose_language_model(AutoLanguageModelSettings(url="http://127.0.0.1:9")) == NoLanguageModelSettings()
    assert time.monotonic() - started < 2


def test_an_ollama_without_a_chat_model_is_no_model() -> None:
    with ollama_dialect(model_entry("embedder", capabilities=("embedding",))) as server:
        assert choose_language_model(AutoLanguageModelSettings(url=server.url)) == NoLanguageModelSettings()


def test_another_server_at_that_address_is_no_ollama() -> None:
    with vllm_dialect() as server:
        assert find_ollama(server.url.removesuffix("/v1")) == []


def test_a_chosen_model_stays_chosen() -> None:
    settings = OpenAISettings(url="http://127.0.0.1:9/v1", model="m", api_key=SecretStr("k"))
    assert choose_language_model(settings) is settings


def test_an_address_that_cannot_work_is_refused_with_a_reason() -> None:
    with pytest.raises(ValidationError, match="must end in /v1"):
        ANY.validate_python({"kind": "openai", "url": "http://host:8000", "model": "m"})
    with pytest.raises(ValidationError, match="as https://host:port"):
        ANY.validate_python({"kind": "ollama", "url": "host:11434", "model": "m"})
    with pytest.raises(ValidationError, match="http is for this machine only"):
        ANY.validate_python({"kind": "ollama", "url": "http://host:11434", "model": "m"})
    assert ANY.validate_python({"kind": "openai", "url": "https://h/v1/", "model": "m"}).url == "https://h/v1"
