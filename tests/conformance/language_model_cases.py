"""One way to build each kind of language model for the conformance suite."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from backends.llm.base import LanguageModel
from backends.llm.settings import (
    EndpointSettings,
    LlamaCppSettings,
    OllamaSettings,
    OpenAISettings,
    RouterSettings,
    ScriptedAnswer,
    ScriptedSettings,
)
from backends.loading import load
from tests.servers.real_ollama import MODEL, real_ollama
from tests.servers.requiring import require
from tests.servers.smollm2 import smollm2_path
from tests.servers.vllm_dialect import vllm_dialect

WINDOW_TOKENS = 512
COUNT = "Count from one to one thousand in digits."
PLACE = "Name a city and a size in JSON."


@dataclass
class Case:
    """A model, its window, and whether its server generates at this moment."""

    model: LanguageModel
    window_tokens: int
    generates: Callable[[], bool]


@contextmanager
def scripted_case(_folder: Path) -> Iterator[Case]:
    answers = (
        ScriptedAnswer(text="Hello, this is a prepared answer."),
        ScriptedAnswer(when=COUNT, text=" ".join(map(str, range(1, 1001)))),
        ScriptedAnswer(when=PLACE, text={"city": "Basel", "size": "small"}),
    )
    model = load(LanguageModel, ScriptedSettings(answers=answers, window_tokens=WINDOW_TOKENS))
    yield Case(model, WINDOW_TOKENS, lambda: bool(model.open_streams))  # type: ignore[attr-defined]


@contextmanager
def openai_case(_folder: Path) -> Iterator[Case]:
    with vllm_dialect(key="secret", window_tokens=WINDOW_TOKENS, seconds_per_token=0.002) as server:
        settings = OpenAISettings(url=server.url, model=server.model, api_key="secret")
        yield Case(load(LanguageModel, settings), WINDOW_TOKENS, lambda: server.running > 0)


@contextmanager
def router_case(_folder: Path) -> Iterator[Case]:
    """Two copies of a model, and one that must not be asked."""
    options = {"window_tokens": WINDOW_TOKENS, "seconds_per_token": 0.002}
    with vllm_dialect(**options) as first, vllm_dialect(**options) as second, vllm_dialect(model="other") as other:
        endpoints = tuple(
            EndpointSettings(name=name, tier=tier, model=OpenAISettings(url=server.url, model=server.model))
            for name, tier, server in (("c", "small", other), ("a", "large", first), ("b", "large", second))
        )
        model = load(LanguageModel, RouterSettings(endpoints=endpoints))
        yield Case(model, WINDOW_TOKENS, lambda: first.running + second.running + other.running > 0)


@contextmanager
def llamacpp_case(_folder: Path) -> Iterator[Case]:
    try:
        import xllamacpp  # noqa: F401
    except ModuleNotFoundError:
        require("llamacpp", "run uv sync --extra llamacpp")
    settings = LlamaCppSettings(path=smollm2_path(), threads=1, window_tokens=WINDOW_TOKENS)
    model = load(LanguageModel, settings)
    model.describe()
    process = model._process  # type: ignore[attr-defined]
    headers = {"Authorization": f"Bearer {process.api_key}"}

    def generates() -> bool:
        return bool(httpx.get(f"{process.url}/slots", headers=headers, trust_env=False).json()[0]["is_processing"])

    yield Case(model, WINDOW_TOKENS, generates)


@contextmanager
def ollama_case(folder: Path) -> Iterator[Case]:
    with real_ollama(folder) as server:
        settings = OllamaSettings(url=server.url, model=MODEL, num_ctx=WINDOW_TOKENS)
        used = [0.0]

        def generates() -> bool:
            before, used[0] = used[0], server.runner_seconds()
            return used[0] - before > 0.02

        yield Case(load(LanguageModel, settings), WINDOW_TOKENS, generates)


@contextmanager
def vllm_case(_folder: Path) -> Iterator[Case]:
    url = os.environ.get("DAFE_TEST_VLLM_URL", "")
    if not url:
        require("vllm", "name a running server in DAFE_TEST_VLLM_URL (…/v1)")
    listed = httpx.get(f"{url}/models").json()["data"][0]
    metrics = url.removesuffix("/v1") + "/metrics"

    def generates() -> bool:
        lines = httpx.get(metrics).text.splitlines()
        return any(line.startswith("vllm:num_requests_running{") and float(line.split()[-1]) for line in lines)

    model = load(LanguageModel, OpenAISettings(url=url, model=listed["id"]))
    yield Case(model, listed["max_model_len"], generates)


CASES = {
    "scripted": scripted_case,
    "openai": openai_case,
    "router": router_case,
    "llamacpp": llamacpp_case,
    "ollama": ollama_case,
    "vllm": vllm_case,
}
IN_PROCESS = {"scripted", "openai", "router"}
