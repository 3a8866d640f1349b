"""Model servers that want to know who asks."""

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from app.errors import ConfigurationError
from backends.embeddings.openai import OpenAIEmbedder
from backends.embeddings.settings import OpenAIEmbedderSettings
from backends.llm.ollama import OllamaLanguageModel
from backends.llm.openai import OpenAILanguageModel
from backends.llm.settings import OllamaSettings, OpenAISettings
from tests.conformance.embedding_server import DIMENSION, KEY, embedding_server
from tests.servers.certificates import Authority
from tests.servers.ollama_dialect import model_entry, ollama_dialect
from tests.servers.vllm_dialect import vllm_dialect

Ask = Callable[..., object]


@contextmanager
def chat_server(tls: ssl.SSLContext) -> Iterator[Ask]:
    def ask(**given: Any) -> object:
        model = OpenAILanguageModel(OpenAISettings(url=server.url, model=server.model, api_key=server.key, **given))
        try:
            return model.describe()
        finally:
            model.close()

    with vllm_dialect(tls=tls) as server:
        yield ask


@contextmanager
def ollama_server(tls: ssl.SSLContext) -> Iterator[Ask]:
    def ask(**given: Any) -> object:
        model = OllamaLanguageModel(OllamaSettings(url=server.url, model="small", **given))
        try:
            return model.describe()
        finally:
            model.close()

    with ollama_dialect(model_entry("small:latest"), tls=tls) as server:
        yield ask


@contextmanager
def vector_server(tls: ssl.SSLContext) -> Iterator[Ask]:
    def ask(**given: Any) -> object:
        settings = {"url": url, "model": "hashing", "dimension": DIMENSION, "api_key": KEY, "retries": 0, **given}
        embedder = OpenAIEmbedder(OpenAIEmbedderSettings(**settings))
        try:
            return embedder.embed_question("apixaban").shape
        finally:
            embedder.close()

    with embedding_server(tls=tls) as url:
        yield ask


@pytest.mark.parametrize("server", [chat_server, ollama_server, vector_server])
def test_a_server_that_asks_is_shown_our_certificate(server: Callable[[ssl.SSLContext], Any], tmp_path: Path) -> None:
    ours, stranger = Authority(tmp_path / "a"), Authority(tmp_path / "b")
    known, unknown = ours.issue("client"), stranger.issue("client")
    with server(ours.server_context(mutual=True)) as ask:
        trust = {"ca_bundle": ours.bundle}
        assert ask(**trust, client_certificate=known.certificate, client_key=known.key)
        together = tmp_path / "both.pem"
        together.write_bytes(known.key.read_bytes() + known.certificate.read_bytes())
        assert ask(**trust, client_certificate=together)
        for given in ({}, {"client_certificate": unknown.certificate, "client_key": unknown.key}):
            with pytest.raises(ConfigurationError, match="does not accept who we are"):
                ask(**trust, **given)
        for wrong in (unknown.key, tmp_path / "none.key"):
            with pytest.raises(ConfigurationError, match="belong together"):
                ask(**trust, client_certificate=known.certificate, client_key=wrong)
        with pytest.raises(ConfigurationError, match="not trusted"):
            ask(ca_bundle=stranger.bundle)
    with pytest.raises(ValidationError, match="client_certificate that client_key belongs to"):
        OpenAISettings(url="https://models.example/v1", model="m", client_key=known.key)


def test_only_https_leaves_the_machine() -> None:
    assert OpenAISettings(url="https://models.example/some/v1/", model="m").url == "https://models.example/some/v1"
    for url in ("http://models.example/v1", "http://10.0.0.7:8000/v1", "https://a:b@models.example/v1", "https://m/v2"):
        with pytest.raises(ValidationError):
            OpenAISettings(url=url, model="m")
        with pytest.raises(ValidationError):
            OpenAIEmbedderSettings(url=url, model="m", dimension=3)
