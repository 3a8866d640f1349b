"""The Ollama embedder while a real server loses the process that computes, or gets another model of the same name."""

import os
import signal
import threading
import time
from collections.abc import Iterator

import httpx
import numpy as np
import pytest

from app.errors import ConfigurationError
from backends.embeddings.ollama import OllamaEmbedder
from backends.embeddings.settings import OllamaEmbedderSettings
from tests.servers.real_ollama import MODEL, RealOllama, real_ollama

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def ollama(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealOllama]:
    with real_ollama(tmp_path_factory.mktemp("ollama"), num_ctx=512) as started:
        yield started


def kill_runner_at_work(ollama: RealOllama, killed: list[int]) -> None:
    idle, until = ollama.runner_seconds(), time.monotonic() + 60
    while time.monotonic() < until:
        if ollama.runner_seconds() > idle + 0.2:
            for runner in ollama.runners():
                os.kill(runner, signal.SIGKILL)
                killed.append(runner)
            return
        time.sleep(0.02)


def test_a_killed_runner_costs_time_and_no_vector(ollama: RealOllama) -> None:
    embedder = OllamaEmbedder(OllamaEmbedderSettings(url=ollama.url, model=MODEL))
    texts = ["word " * 250, "another " * 10]
    killed: list[int] = []
    thread = threading.Thread(target=kill_runner_at_work, args=(ollama, killed))
    thread.start()
    interrupted = embedder.embed_passages(texts)
    thread.join()
    assert killed
    assert ollama.runners() and not set(killed) & set(ollama.runners())
    assert np.abs(interrupted - embedder.embed_passages(texts)).max() < 1e-6
    embedder.close()


def test_another_model_of_the_same_name_is_another_space(ollama: RealOllama) -> None:
    settings = OllamaEmbedderSettings(url=ollama.url, model=MODEL)
    before = OllamaEmbedder(settings)
    changed = {"model": MODEL, "from": MODEL, "parameters": {"num_ctx": 256}, "stream": False}
    httpx.post(f"{ollama.url}/api/create", json=changed, trust_env=False, timeout=60).raise_for_status()
    with pytest.raises(ConfigurationError, match="was replaced"):
        before.embed_question("Which?")
    after = OllamaEmbedder(settings)
    assert after.name != before.name
    assert after.embed_question("Which?").shape == (after.dimension,)
    before.close()
    after.close()
