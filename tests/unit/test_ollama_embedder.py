"""Tests of the Ollama embedder against what the real server cannot be brought to do on purpose."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from app.errors import BackendUnavailableError, ConfigurationError, DafeError, InvalidInputError, ModelOutputError
from backends.embeddings.ollama import OllamaEmbedder
from backends.embeddings.settings import OllamaEmbedderSettings
from tests.servers.certificates import Authority
from tests.servers.ollama_dialect import OllamaDialect, model_entry, ollama_dialect

SECRET = "Planted patient name."


@contextmanager
def embedder_on(server: OllamaDialect, **settings: Any) -> Iterator[OllamaEmbedder]:
    given = {"url": server.url, "model": "nomic-embed-text", "retries": 0, **settings}
    embedder = OllamaEmbedder(OllamaEmbedderSettings(**given))
    try:
        yield embedder
    finally:
        embedder.close()


def entry(name: str = "nomic-embed-text:latest", **more: Any) -> Any:
    return model_entry(name, **{"capabilities": ("embedding",), "digest": "0123456789abcdef", **more})


def test_texts_go_in_batches_with_the_familys_prefixes_and_may_not_be_cut() -> None:
    with ollama_dialect(entry()) as server, embedder_on(server, batch_texts=2, keep_alive="9m") as embedder:
        assert embedder.embed_passages(["one", "two", "three"]).shape == (3, embedder.dimension)
        embedder.embed_question("four")
        passages = [f"search_document: {text}" for text in ("one", "two", "three")]
        assert server.embedded() == [passages[:2], passages[2:], ["search_query: four"]]
        assert all(body["truncate"] is False and body["keep_alive"] == "9m" for _path, body in server.requests)


def test_the_name_tells_weights_and_prefixes_apart() -> None:
    names = set()
    for digest in ("0123456789abcdef", "fedcba9876543210"):
        with ollama_dialect(entry(digest=digest)) as server:
            for given in ({}, {"passage_prefix": ""}, {"passage_prefix": "", "question_prefix": ""}):
                with embedder_on(server, **given) as embedder:
                    names.add(embedder.name)
            with embedder_on(server, model="nomic-embed-text:latest") as embedder:
                assert embedder.name in names
    assert len(names) == 6
    assert "nomic-embed-text:latest@0123456789ab" in names


def test_weights_replaced_under_the_same_name_get_no_text() -> None:
    with ollama_dialect(entry()) as server, embedder_on(server) as embedder:
        embedder.embed_passages(["one"])
        asked = len(server.requests)
        server.models = [entry(digest="another")]
        with pytest.raises(ConfigurationError, match="was replaced"):
            embedder.embed_question(SECRET)
        assert len(server.requests) == asked
        server.models = [entry(remote_host="https://ollama.com:443")]
        with pytest.raises(BackendUnavailableError, match="outside"):
            embedder.embed_question(SECRET)
        assert len(server.requests) == asked


def test_vectors_made_while_the_weights_were_replaced_are_not_used() -> None:
    with ollama_dialect(entry()) as server, embedder_on(server) as embedder:
        server.replaced_by = [entry(digest="another")]
        with pytest.raises(ConfigurationError, match="was replaced"):
            embedder.embed_passages(["one"])


@pytest.mark.parametrize("mark", [{"remote_host": "https://ollama.com:443"}, {"remote_model": "big"}])
def test_a_model_on_another_machine_is_refused_at_once(mark: dict[str, str]) -> None:
    with ollama_dialect(entry(**mark)) as server:
        with pytest.raises(BackendUnavailableError, match="outside"), embedder_on(server):
            pass
        assert server.requests == []


def test_a_text_over_the_window_loses_its_end_and_the_log_says_so(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    fits, long = "search_document: fits", SECRET * 40
    with ollama_dialect(entry(), window_characters=500) as server, embedder_on(server) as embedder:
        vectors = embedder.embed_passages(["fits", "", long, "fits"])
        assert np.array_equal(vectors[[0, 3]], embedder.embed_passages(["fits", "fits"]))
        (cut,) = {text for texts in server.embedded() for text in texts if SECRET in text and len(text) <= 500}
        assert f"search_document: {long}".startswith(cut)
        assert len(cut) > 300
        assert [fits] in server.embedded()[:-1] or [fits, "search_document: "] in server.embedded()
    said = [record.getMessage() for record in caplog.records if "window" in record.getMessage()]
    assert len(said) == 1
    assert "Planted" not in said[0]


def test_what_fits_is_not_logged_and_what_never_fits_is_refused(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with ollama_dialect(entry(), window_characters=40) as server, embedder_on(server) as embedder:
        embedder.embed_passages(["fits"])
        assert not [record for record in caplog.records if record.name.startswith("dafe")]
        with pytest.raises(InvalidInputError, match="larger window"):
            embedder.embed_passages([SECRET * 40])


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("[[nan]]", ModelOutputError, "not made of numbers"),
        ("[[nan-refused]]", ModelOutputError, "not made of numbers"),
        ("[[zero]]", ModelOutputError, "empty"),
        ("[[wide]]", ConfigurationError, "do not have 3 dimensions"),
        ("[[twice]]", ModelOutputError, "protocol"),
        ("[[garbage]]", ModelOutputError, "protocol"),
        ("[[gone]]", BackendUnavailableError, "broke off"),
        ("[[stall]]", BackendUnavailableError, "nothing for 0.5 seconds"),
    ],
)
def test_a_failing_answer_raises_the_products_error(text: str, error: type[DafeError], words: str) -> None:
    with ollama_dialect(entry()) as server, embedder_on(server, timeout_seconds=0.5) as embedder:
        with pytest.raises(error, match=words) as caught:
            embedder.embed_passages([SECRET + text])
        assert "Planted" not in str(caught.value)


def test_a_busy_server_is_asked_again_and_a_silent_one_is_not() -> None:
    with ollama_dialect(entry()) as server, embedder_on(server, retries=2, timeout_seconds=0.5) as embedder:
        server.busy = 2
        assert embedder.embed_passages(["one"]).shape == (1, 3)
        server.busy, before = 3, len(server.requests)
        with pytest.raises(BackendUnavailableError, match="503"):
            embedder.embed_passages(["one"])
        assert len(server.requests) == before + 3
        with pytest.raises(BackendUnavailableError, match="nothing for"):
            embedder.embed_passages(["[[stall]]"])
        assert len(server.requests) == before + 4


def test_a_model_that_is_absent_or_cannot_embed_is_said_at_the_start() -> None:
    with ollama_dialect(model_entry("small:latest")) as server:
        with pytest.raises(BackendUnavailableError, match="does not have the model large"):
            OllamaEmbedder(OllamaEmbedderSettings(url=server.url, model="large"))
        with pytest.raises(ConfigurationError, match="model small cannot embed"):
            OllamaEmbedder(OllamaEmbedderSettings(url=server.url, model="small"))
    with pytest.raises(BackendUnavailableError, match=r"No embedding model server answers at http://127\.0\.0\.1:9"):
        OllamaEmbedder(OllamaEmbedderSettings(url="http://127.0.0.1:9", model="small"))


def test_only_https_leaves_the_machine() -> None:
    assert OllamaEmbedderSettings(url="https://models.example:11434", model="m").url
    for url in ("http://models.example:11434", "http://10.0.0.7:11434", "ftp://127.0.0.1", "http://a:b@127.0.0.1"):
        with pytest.raises(ValidationError):
            OllamaEmbedderSettings(url=url, model="m")


def test_the_certificate_is_checked_against_the_bundle(tmp_path: Path) -> None:
    authority, stranger = Authority(tmp_path / "a"), Authority(tmp_path / "b")
    with ollama_dialect(entry(), tls=authority.server_context()) as server:
        with embedder_on(server, ca_bundle=authority.bundle) as embedder:
            assert embedder.embed_question("one").shape == (3,)
        for bundle in (stranger.bundle, None):
            with pytest.raises(ConfigurationError, match="not trusted"), embedder_on(server, ca_bundle=bundle):
                pass
        with pytest.raises(ConfigurationError, match="ca_bundle of the embedding model settings"):
            embedder_on(server, ca_bundle=tmp_path / "absent").__enter__()
    with (
        ollama_dialect(entry(), tls=authority.server_context(expired=True)) as server,
        pytest.raises(ConfigurationError, match="expired"),
        embedder_on(server, ca_bundle=authority.bundle),
    ):
        pass
