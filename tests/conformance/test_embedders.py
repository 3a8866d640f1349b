"""What every embedder must do."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.errors import BackendUnavailableError, ConfigurationError
from backends.embeddings.base import Embedder
from backends.embeddings.onnx_build import build_embedding_model
from backends.embeddings.openai import OpenAIEmbedder
from backends.embeddings.settings import (
    EmbedderSettings,
    OllamaEmbedderSettings,
    OpenAIEmbedderSettings,
    RouterEmbedderSettings,
)
from backends.loading import load
from tests.conformance.embedding_server import DIMENSION, KEY, embedding_server
from tests.conformance.implementations import implementations
from tests.servers.real_ollama import MODEL, real_ollama

TEXTS = [
    "Apixaban was stopped because the patient bled.",
    "The covenant limits net debt to three times EBITDA.",
    "An anticoagulant was discontinued after a haemorrhage.",
    "",
    "😀 Ünïcödé \x00 text",
]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with embedding_server() as address:
        yield address


@pytest.fixture(scope="module")
def model_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    build_embedding_model(folder)
    return folder


def remote(address: str, **changed: Any) -> OpenAIEmbedderSettings:
    values = {
        "url": address,
        "model": "hashing",
        "dimension": DIMENSION,
        "api_key": KEY,
        "batch_texts": 3,
        "retries": 0,
    }
    return OpenAIEmbedderSettings(**{**values, **changed})


@pytest.fixture(scope="module")
def ollama(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OllamaEmbedderSettings]:
    with real_ollama(tmp_path_factory.mktemp("ollama"), num_ctx=256) as server:
        yield OllamaEmbedderSettings(url=server.url, model=MODEL, batch_texts=3)


@pytest.fixture(params=implementations(EmbedderSettings))
def embedder(request: pytest.FixtureRequest, address: str, model_dir: Path) -> Iterator[Embedder]:
    made = {
        OpenAIEmbedderSettings: lambda: remote(address),
        RouterEmbedderSettings: lambda: RouterEmbedderSettings(endpoints=(remote(address), remote(address))),
        OllamaEmbedderSettings: lambda: request.getfixturevalue("ollama"),
    }
    settings = made.get(request.param, request.param)()
    opened = load(Embedder, settings, model_dir=model_dir)
    yield opened
    opened.close()


def test_each_text_has_one_row_of_unit_length_in_order(embedder: Embedder) -> None:
    vectors = embedder.embed_passages(TEXTS)
    assert vectors.shape == (len(TEXTS), embedder.dimension)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(len(TEXTS)), abs=1e-5)
    for place in (2, 0, 1):
        assert embedder.embed_passages([TEXTS[place]])[0] == pytest.approx(vectors[place], abs=1e-5)


def test_no_texts_are_no_rows(embedder: Embedder) -> None:
    assert embedder.embed_passages([]).shape == (0, embedder.dimension)


def test_a_vector_does_not_depend_on_its_neighbours(embedder: Embedder) -> None:
    text = TEXTS[0]
    alone = embedder.embed_passages([text])[0]
    among_others = embedder.embed_passages([*TEXTS, "word " * 300, text, *(f"{n} more" for n in range(40))])
    assert np.abs(among_others[0] - alone).max() < 1e-6
    assert np.abs(among_others[len(TEXTS) + 1] - alone).max() < 1e-6


def test_a_question_has_one_vector_near_the_passage_with_its_words(embedder: Embedder) -> None:
    question = embedder.embed_question("Why was apixaban stopped?")
    assert question.shape == (embedder.dimension,)
    assert question.dtype == np.float32
    assert float(np.linalg.norm(question)) == pytest.approx(1.0, abs=1e-5)
    similarities = embedder.embed_passages(TEXTS[:3]) @ question
    assert similarities[0] > similarities[1]


def test_a_text_over_the_window_is_cut_at_its_end(embedder: Embedder) -> None:
    start = "The potassium was 6.1 mmol/L on Monday. "
    long = embedder.embed_passages([start + "word " * 5000, start + "word " * 5000 + "different end"])
    assert np.linalg.norm(long, axis=1) == pytest.approx([1.0, 1.0], abs=1e-5)
    assert float(long[0] @ long[1]) > 0.999


def test_the_name_and_dimension_do_not_change_with_use(embedder: Embedder) -> None:
    before = (embedder.name, embedder.dimension)
    embedder.embed_passages(TEXTS)
    assert (embedder.name, embedder.dimension) == before
    assert embedder.name


def test_threads_may_share_an_embedder(embedder: Embedder) -> None:
    alone = embedder.embed_passages(TEXTS[:3])
    with ThreadPoolExecutor(4) as pool:
        for vectors in pool.map(lambda _n: embedder.embed_passages(TEXTS[:3]), range(8)):
            assert np.abs(vectors - alone).max() < 1e-6


def test_it_may_be_closed_twice_and_used_again(embedder: Embedder) -> None:
    before = embedder.embed_question("apixaban")
    embedder.close()
    embedder.close()
    assert np.abs(embedder.embed_question("apixaban") - before).max() < 1e-6


@pytest.mark.parametrize(
    ("changed", "error", "words"),
    [
        ({"api_key": "wrong"}, ConfigurationError, "model or key"),
        ({"model": "unknown"}, ConfigurationError, "model or key"),
        ({"dimension": DIMENSION + 1}, ConfigurationError, "correct that setting"),
        ({"url": "http://127.0.0.1:9/v1"}, BackendUnavailableError, "check that it runs"),
    ],
)
def test_a_server_that_refuses_or_is_away_is_said_without_the_text(
    address: str, changed: dict[str, Any], error: type[Exception], words: str
) -> None:
    embedder = OpenAIEmbedder(remote(address, **changed))
    with pytest.raises(error, match=words) as caught:
        embedder.embed_passages(["Planted patient name."])
    assert "Planted" not in str(caught.value)
    embedder.close()


def test_a_server_that_calls_a_long_text_a_large_request_is_understood() -> None:
    with embedding_server(refused_with=413) as address:
        embedder = OpenAIEmbedder(remote(address))
        long = embedder.embed_passages(["short", "bleed " * 1000])
        assert long[1] == pytest.approx(embedder.embed_question("bleed " * 100), abs=1e-2)
        embedder.close()


def test_prefixes_are_put_before_passages_and_questions(address: str) -> None:
    plain = OpenAIEmbedder(remote(address))
    prefixed = OpenAIEmbedder(remote(address, passage_prefix="passage: ", question_prefix="query: "))
    assert prefixed.embed_passages(["bleed"]) == pytest.approx(plain.embed_passages(["passage: bleed"]), abs=1e-6)
    assert prefixed.embed_question("bleed") == pytest.approx(plain.embed_question("query: bleed"), abs=1e-6)
    plain.close()
    prefixed.close()
