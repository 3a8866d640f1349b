"""Tests of the llama.cpp child process: it ends with its parent, comes back after a crash and shows nothing."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from app.domain.models import Message
from app.errors import BackendUnavailableError, ConfigurationError
from backends.llm.llamacpp import LlamaCppLanguageModel
from backends.llm.llamacpp_child import free_cores
from backends.llm.settings import LlamaCppSettings
from tests.servers.requiring import require
from tests.servers.smollm2 import smollm2_path

HELLO = [Message("user", "Say hello.")]
PARENT = """
import sys, time
from pathlib import Path
from backends.llm.llamacpp import LlamaCppLanguageModel
from backends.llm.settings import LlamaCppSettings
model = LlamaCppLanguageModel(LlamaCppSettings(path=Path(sys.argv[1]), threads=1, window_tokens=512))
model.describe()
print(model._process.process.pid, flush=True)
time.sleep(600)
"""


def settings_for(path: Path) -> LlamaCppSettings:
    try:
        import xllamacpp  # noqa: F401
    except ModuleNotFoundError:
        require("llamacpp", "run uv sync --extra llamacpp")
    return LlamaCppSettings(path=path, threads=1, window_tokens=512)


@pytest.fixture
def model() -> Iterator[LlamaCppLanguageModel]:
    built = LlamaCppLanguageModel(settings_for(smollm2_path()))
    yield built
    built.close()


def lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or ") Z " not in status.read_text()


def test_threads_leave_busy_cores_alone() -> None:
    assert [free_cores(8, 0.2), free_cores(8, 3.4), free_cores(2, 9.0)] == [8, 5, 1]


def test_a_missing_file_is_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"none\.gguf"):
        LlamaCppLanguageModel(settings_for(tmp_path / "none.gguf"))


@pytest.mark.server
def test_a_file_that_is_no_model_is_refused_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "broken.gguf").write_bytes(b"GGUF and then nothing of use")
    model = LlamaCppLanguageModel(settings_for(tmp_path / "broken.gguf"))
    with pytest.raises(ConfigurationError, match=r"broken\.gguf"):
        model.describe()
    model.close()


@pytest.mark.server
def test_the_child_starts_at_the_first_use_and_ends_at_close(model: LlamaCppLanguageModel) -> None:
    assert model._process is None
    model.describe()
    assert model._process is not None
    pid = model._process.process.pid
    assert lives(pid)
    model.close()
    assert not lives(pid)


@pytest.mark.server
def test_the_child_answers_only_with_its_key_and_shows_it_nowhere(model: LlamaCppLanguageModel) -> None:
    model.describe()
    assert model._process is not None
    body = {"messages": [{"role": "user", "content": "x"}], "max_tokens": 1}
    assert httpx.post(f"{model._process.url}/v1/chat/completions", json=body, trust_env=False).status_code == 401
    assert model._process.url.startswith("http://127.0.0.1:")
    assert model._process.api_key not in Path(f"/proc/{model._process.process.pid}/cmdline").read_text()
    assert model._process.api_key not in repr(model._process)


@pytest.mark.server
def test_a_crash_ends_the_answer_and_the_next_question_starts_a_new_child(model: LlamaCppLanguageModel) -> None:
    pieces = model.stream([Message("user", "Count to one thousand.")], max_tokens=400)
    next(pieces)
    assert model._process is not None
    model._process.process.kill()
    model._process.process.wait()
    with pytest.raises(BackendUnavailableError, match="broke off"):
        list(pieces)
    assert list(model.stream(HELLO, max_tokens=4))


@pytest.mark.server
def test_closing_with_a_request_in_flight_does_not_hang(model: LlamaCppLanguageModel) -> None:
    pieces = model.stream([Message("user", "Count to one thousand.")], max_tokens=400)
    next(pieces)
    started = time.monotonic()
    model.close()
    assert time.monotonic() - started < 5
    with pytest.raises(BackendUnavailableError):
        list(pieces)


@pytest.mark.server
def test_the_child_ends_when_its_parent_is_killed() -> None:
    settings_for(smollm2_path())
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(smollm2_path())], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    assert lives(child)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    until = time.monotonic() + 15
    while lives(child) and time.monotonic() < until:
        time.sleep(0.1)
    assert not lives(child)
