"""The same embedding model on several servers."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from threading import Barrier, BrokenBarrierError
from urllib.parse import urlsplit

import pytest

from app.errors import BackendUnavailableError, ConfigurationError
from backends.embeddings.router import RoutedEmbedder
from backends.embeddings.settings import OllamaEmbedderSettings, OpenAIEmbedderSettings, RouterEmbedderSettings
from tests.conformance.embedding_server import DIMENSION, KEY, embedding_server
from tests.servers.loopback import JsonHandler, serving
from tests.servers.ollama_dialect import model_entry, ollama_dialect


def endpoint(url: str, **changed: object) -> OpenAIEmbedderSettings:
    given = {"url": url, "model": "hashing", "dimension": DIMENSION, "api_key": KEY, "retries": 0, **changed}
    return OpenAIEmbedderSettings(**given)  # type: ignore[arg-type]


@contextmanager
def routed(*endpoints: OpenAIEmbedderSettings | OllamaEmbedderSettings) -> Iterator[RoutedEmbedder]:
    embedder = RoutedEmbedder(RouterEmbedderSettings(endpoints=endpoints))
    try:
        yield embedder
    finally:
        embedder.close()


def test_a_server_that_ends_costs_no_text_and_is_used_again_when_it_is_back() -> None:
    with ExitStack() as other:
        first = other.enter_context(embedding_server())
        with embedding_server() as second, routed(endpoint(first), endpoint(second)) as embedder:
            expected = embedder.embed_passages(["one", "two"])
            other.close()
            for _ in range(6):
                assert embedder.embed_passages(["one", "two"]) == pytest.approx(expected)
            with pytest.raises(BackendUnavailableError):
                embedder.check(0)
            embedder.check(1)
        with pytest.raises(BackendUnavailableError):
            embedder.embed_question("one")
        with embedding_server(port=urlsplit(first).port or 0):
            assert embedder.embed_passages(["one", "two"]) == pytest.approx(expected)
            embedder.check(0)
        embedder.close()


def test_calls_at_the_same_time_go_to_different_servers() -> None:
    both = Barrier(2)
    alone: list[str] = []

    class Waits(JsonHandler):
        def do_POST(self) -> None:
            self.body()
            try:
                both.wait(20)
            except BrokenBarrierError:
                alone.append(self.path)
            row = {"object": "embedding", "index": 0, "embedding": [1.0] * DIMENSION}
            self.answer(200, {"object": "list", "model": "hashing", "data": [row], "usage": {}})

    class First(Waits):
        pass

    with (
        serving(First) as one,
        serving(Waits) as two,
        routed(endpoint(f"{one}/v1"), endpoint(f"{two}/v1")) as embedder,
        ThreadPoolExecutor(2) as threads,
    ):
        list(threads.map(embedder.embed_question, ["a", "b"]))
    assert alone == []


def test_a_copy_with_other_weights_gets_no_calls() -> None:
    entries = [model_entry("m:latest", capabilities=("embedding",), digest=one * 16) for one in "ab"]
    with ollama_dialect(entries[0]) as right, ollama_dialect(entries[1]) as wrong:
        settings = [OllamaEmbedderSettings(url=one.url, model="m", retries=0) for one in (right, wrong)]
        with routed(*settings) as embedder:
            for number in range(6):
                embedder.embed_question(f"question {number}")
            with pytest.raises(ConfigurationError, match="do not have the same model"):
                embedder.check(1)
        assert not any("question" in str(texts) for texts in wrong.embedded())
        assert sum("question" in str(texts) for texts in right.embedded()) == 6


def test_a_server_that_answers_with_no_vectors_is_left_out() -> None:
    asked: list[str] = []

    class Broken(JsonHandler):
        def do_POST(self) -> None:
            self.body()
            asked.append(self.path)
            row = {"object": "embedding", "index": 0, "embedding": [0.0] * DIMENSION}
            self.answer(200, {"object": "list", "model": "hashing", "data": [row], "usage": {}})

    with (
        serving(Broken) as broken,
        embedding_server() as right,
        routed(endpoint(f"{broken}/v1"), endpoint(right)) as embedder,
    ):
        for number in range(20):
            assert embedder.embed_question(f"question {number}").shape == (DIMENSION,)
    assert 0 < len(asked) < 10


def test_a_text_that_is_refused_closes_no_circuit_and_none_at_all_is_said_at_the_start() -> None:
    with embedding_server() as url, routed(endpoint(url)) as embedder:
        assert embedder.embed_passages(["bleed " * 1000]).shape == (1, DIMENSION)
    nobody = OllamaEmbedderSettings(url="http://127.0.0.1:9", model="m", retries=0)
    with pytest.raises(BackendUnavailableError, match="No embedding model server answers"):
        RoutedEmbedder(RouterEmbedderSettings(endpoints=(nobody, nobody)))
