"""Which implementations pass the conformance suites, and where that was: python -m tests.conformance.proof

Writes app/conformance.json, from which `dafe config backends` and the README make their table. Exit code 1 where a case
fails or the server of an implementation is missing, which then stands there without a proof. As a plug-in of a longer
run: pytest -p tests.conformance.proof --proof=FILE.
"""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, get_args

import httpx
import pytest

from app.backend_docs import PROOF, backends_table
from backends.llm.settings import LanguageModelSettings
from backends.settings import BackendSettings
from tests.servers.real_neo4j import VERSION as NEO4J
from tests.servers.real_ollama import ollama_binary
from tests.servers.real_postgres import postgres_programs

_ADAPTER = "adapter"


def _vllm() -> str:
    url = os.environ.get("DAFE_TEST_VLLM_URL", "")
    if not url:
        return "stand-in in vLLM's dialect"
    return f"vLLM {httpx.get(url.removesuffix('/v1') + '/version', trust_env=False).json()['version']}"


def _qdrant() -> str:
    url = os.environ.get("DAFE_TEST_QDRANT_URL", "")
    if not url:
        return f"stand-in: Qdrant's client {version('qdrant-client')} in local mode behind its HTTP dialect"
    return f"Qdrant {httpx.get(url, trust_env=False).json()['version']}"


def _said(*command: str | Path, place: int) -> str:
    said = subprocess.run(command, capture_output=True, text=True, check=True)
    return (said.stdout + said.stderr).split()[place].removeprefix("v=")


def _redis() -> str:
    return f"Redis {_said('redis-server', '--version', place=2)}"


def _postgres() -> str:
    return f"PostgreSQL {_said(postgres_programs() / 'postgres', '-V', place=2)}"


def _ollama() -> str:
    return f"Ollama {_said(ollama_binary(), '--version', place=-1)}"


_PLACES: dict[str, Callable[[], str]] = {
    "backends.llm.openai": _vllm,
    "backends.llm.router": lambda: "stand-ins in vLLM's dialect",
    "backends.llm.llamacpp": lambda: f"llama.cpp in xllamacpp {version('xllamacpp')}",
    "backends.llm.ollama": _ollama,
    "backends.embeddings.ollama": _ollama,
    "backends.embeddings.openai": lambda: "stand-in with this API",
    "backends.embeddings.router": lambda: "stand-ins with the OpenAI API",
    "backends.vectors.chroma": lambda: f"Chroma {version('chromadb')}",
    "backends.vectors.qdrant": _qdrant,
    "backends.graph.neo4j": lambda: f"Neo4j {NEO4J} Community",
    "backends.metadata.postgres": _postgres,
    "backends.audit.postgres": _postgres,
    "backends.queue.redis": _redis,
    "backends.cache.redis": _redis,
}
"""By the adapter's module; all others run in this process."""


class Counted:
    """Counts the cases of each adapter that passed, in this process or in those that it has run them."""

    def __init__(self, target: Path) -> None:
        models = get_args(get_args(LanguageModelSettings)[0])
        self._models = {one.model_fields["kind"].default: one.adapter for one in models}
        self._target = target
        self.passed: Counter[str] = Counter()
        self.failed: set[str] = set()

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            given = getattr(item, "callspec", None)
            adapter = next(filter(None, map(self._adapter, given.params.values())), None) if given else None
            if adapter and item.path.parent == Path(__file__).parent:
                item.user_properties.append((_ADAPTER, adapter))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        adapter = dict(report.user_properties).get(_ADAPTER)
        if adapter is None:
            return
        if report.failed:
            self.failed.add(str(adapter))
        elif report.when == "call" and report.passed:
            self.passed[str(adapter)] += 1

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """What was not run now stays as it was."""
        if hasattr(session.config, "workerinput"):
            return
        known = json.loads(self._target.read_text(encoding="utf-8")) if self._target.exists() else {}
        kept = {one: found for one, found in known.items() if one not in self.failed}
        kept |= {
            one: {"cases": cases, "place": _PLACES.get(one.split(":")[0], lambda: "this process")()}
            for one, cases in self.passed.items()
            if one not in self.failed
        }
        self._target.write_text(json.dumps(dict(sorted(kept.items())), indent=2) + "\n", encoding="utf-8")

    def _adapter(self, given: Any) -> str | None:
        if isinstance(given, type) and issubclass(given, BackendSettings):
            return given.adapter
        return self._models.get(given) if isinstance(given, str) else None


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--proof", type=Path, default=None, help="a JSON file for the cases that each adapter passed")


def pytest_configure(config: pytest.Config) -> None:
    if target := config.getoption("proof"):
        config.pluginmanager.register(Counted(target))


def main() -> int:
    PROOF.write_text("{}\n", encoding="utf-8")
    at_once = ["-n", "2", "--dist", "loadfile"]
    code = pytest.main(["-q", *at_once, "-p", __spec__.name, f"--proof={PROOF}", str(Path(__file__).parent)])
    proven = json.loads(PROOF.read_text(encoding="utf-8"))
    adapters = {row.adapter for row in backends_table() if row.adapter}
    if missing := sorted(adapters - proven.keys()):
        print("not proven:", ", ".join(missing))
    return int(bool(code or missing))


if __name__ == "__main__":
    sys.exit(main())
