"""Indexing beside LightRAG and nano-graphrag, on the same token server and documents.

python -m tests.bench.peers [--slots 8 64] [--documents 40] [--speed 1] [--only ours lightrag nano]

Writes its section of RESULTS.md. The peers run as they come from PyPI, each in an environment of its own in
DAFE_TEST_CACHE (else ~/.cache/dafe-test), which is made when it is missing: with their defaults, and with what their
documentation recommends for a server of so many slots. nano-graphrag's names no value; there it is one call a slot.
Ours has two a slot.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from app.container import OPERATOR
from app.domain.answers import Mode
from tests.bench.indexing_runs import Installation, add_options, installation, model_settings, short_documents
from tests.bench.loaded import Cost
from tests.bench.token_process import token_server
from tests.bench.token_server import MODEL
from tests.security.results import write_section

ROOT = Path(__file__).parents[2]
_QUESTIONS = (
    "What did Satya Nadella say about Azure?",
    "Which customers use Office 365?",
    "How did the revenue of the commercial cloud grow?",
    "What is the origin of urban legends?",
)
_ENVIRONMENTS = {
    "lightrag": ("lightrag-hku==1.5.7", "openai==3.54.0"),
    "nano": ("nano-graphrag==0.0.8.2",),
}
_ENCODINGS = "lib/python3*/site-packages/litellm/litellm_core_utils/tokenizers"
"""Both peers count with o200k_base, which they would download; a package that nano-graphrag brings holds it."""
_HEAD = (
    "| slots | who, setting | documents/h | calls a document | prompt / completion tokens a document | prompt tokens"
    " of these not in the server's cache | utilisation | slots in use | most at once | CPU s a document |"
    " entities / facts | a question: calls, prompt tokens |"
)


@dataclass(frozen=True, slots=True)
class _Peer:
    """`environment` and `max_async` are its settings."""

    name: str
    setting: str
    environment: dict[str, str] = field(default_factory=dict)
    max_async: int = 0


@dataclass(frozen=True, slots=True)
class _Row:
    slots: int
    who: str
    documents: int
    seconds: float
    cpu_seconds: float
    graph: tuple[int, int]
    """Entities and facts, or relations."""
    indexing: dict[str, Any]
    asking: dict[str, Any]
    asked: int
    """Questions of which the model wrote an answer."""

    @property
    def documents_an_hour(self) -> float:
        """Of the server's time, which runs faster than ours by its speed."""
        return self.documents / (self.seconds * float(self.indexing["speed"])) * 3_600

    def text(self) -> str:
        one = self.indexing
        ceiling = one["tokens_a_second"] * self.seconds
        return (
            f"| {self.slots} | {self.who} | {self.documents_an_hour:,.0f} | {one['finished'] / self.documents:.1f} |"
            f" {one['prompt_tokens'] / self.documents:,.0f} / {one['completion_tokens'] / self.documents:,.0f} |"
            f" {one['read_tokens'] / self.documents:,.0f} | {one['completion_tokens'] / ceiling:.1%} |"
            f" {one['busy_slot_seconds'] / one['slots'] / self.seconds:.0%} | {one['most_running']} |"
            f" {self.cpu_seconds / self.documents:.2f} | {self.graph[0]:,} / {self.graph[1]:,} |"
            f" {self.asking['finished'] / self.asked:.1f}, {self.asking['prompt_tokens'] / self.asked:,.0f} |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slots", type=int, nargs="+", default=[8, 64])
    parser.add_argument("--documents", type=int, default=40)
    parser.add_argument("--only", nargs="+", choices=("ours", "lightrag", "nano"), default=["ours", "lightrag", "nano"])
    parser.add_argument("--results", type=Path, default=ROOT / "tests" / "bench" / "RESULTS.md")
    add_options(parser)
    options = parser.parse_args()
    documents = short_documents(options.data, options.documents)
    lines: list[str] = []
    for slots in options.slots:
        rows: list[_Row] = []
        for row in _rows(options, slots, documents):
            print(row.text(), flush=True)
            rows.append(row)
        lines += [row.text() for row in rows]
        lines += _ratios(rows)
    _write(options, lines)


def _rows(options: argparse.Namespace, slots: int, documents: list[tuple[str, str]]) -> Iterator[_Row]:
    if "ours" in options.only:
        yield _ours(options, slots, documents)
    for peer in _peers(slots):
        if peer.name in options.only:
            yield _of_peer(peer, options, slots, documents)


def _peers(slots: int) -> Iterator[_Peer]:
    yield _Peer("lightrag", "LightRAG, defaults (4 calls, 3 documents at once)")
    inserts = round(slots / 3)
    documented = {
        "MAX_ASYNC_LLM": str(slots),
        "MAX_PARALLEL_INSERT": str(inserts),
        "EMBEDDING_FUNC_MAX_ASYNC": "16",
        "EMBEDDING_BATCH_NUM": "32",
    }
    yield _Peer("lightrag", f"LightRAG as documented ({slots} calls, {inserts} documents at once)", documented)
    yield _Peer("nano", "nano-graphrag, defaults (16 calls at once)")
    yield _Peer("nano", f"nano-graphrag, {slots} calls at once", max_async=slots)


def _ours(options: argparse.Namespace, slots: int, documents: list[tuple[str, str]]) -> _Row:
    """The time that uploading takes counts too."""
    with tempfile.TemporaryDirectory() as folder, token_server(slots, speed=options.speed) as server:
        llm = model_settings(server.url)
        with installation(Path(folder) / "ours", options, llm=llm, slots=slots) as ours:
            band = ours.try_model()
            server.reset()
            done = ours.index(documents)
            indexing, graph = server.counts(), (done.held.entities, done.held.facts)
            server.reset()
            asked = sum(_is_written(ours, question) for question in _QUESTIONS)
            assert asked, "no question got an answer that the model wrote"
        who = f"**Dafe Graphs**, {band}, {options.workers} worker{'s' * (options.workers > 1)}"
        seconds = done.seconds + done.upload_seconds
        return _Row(slots, who, len(documents), seconds, done.cpu_seconds, graph, indexing, server.counts(), asked)


def _is_written(ours: Installation, question: str) -> bool:
    """Whether the model wrote an answer; what the documents do not support never gets to it."""
    asked = ours.services.questions.ask(
        OPERATOR, workspace_id=ours.workspace_id, text=question, mode=Mode.GRAPHRAG, fresh=True
    )
    *_, answer = asked
    return answer.model is not None


def _of_peer(peer: _Peer, options: argparse.Namespace, slots: int, documents: list[tuple[str, str]]) -> _Row:
    environment = {**os.environ, **peer.environment, "TIKTOKEN_CACHE_DIR": str(_encodings())}
    command = [str(_python(peer.name)), str(Path(__file__).with_name(f"peer_{peer.name}.py"))]
    with tempfile.TemporaryDirectory() as folder, token_server(slots, speed=options.speed) as server:
        job = {
            "url": server.url,
            "model": MODEL,
            "folder": folder,
            "documents": documents,
            "questions": _QUESTIONS,
            "max_async": peer.max_async,
        }
        log = Path(folder).with_suffix(".log")
        with (
            log.open("wb") as errors,
            subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                cwd=folder,
            ) as process,
        ):
            try:
                done, cpu_seconds = _say(process, json.dumps(job), log), Cost.of(process.pid).cpu_seconds
                assert done["indexed"] == len(documents), f"{done} of {len(documents)}: see {log}"
                indexing, graph = server.counts(), _size(Path(folder))
                server.reset()
                _say(process, "ask", log)
                asking = server.counts()
            finally:
                process.kill()
        log.unlink()
        return _Row(
            slots, peer.setting, len(documents), done["seconds"], cpu_seconds, graph, indexing, asking, len(_QUESTIONS)
        )


def _size(folder: Path) -> tuple[int, int]:
    """Of the file in which both peers keep their graph."""
    text = next(folder.rglob("*.graphml")).read_text(encoding="utf-8")
    return text.count("<node "), text.count("<edge ")


def _say(process: "subprocess.Popen[str]", line: str, log: Path) -> dict[str, Any]:
    """What the peer prints next that is JSON; it may say other things before."""
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(f"{line}\n")
    process.stdin.flush()
    for said in process.stdout:
        if said.startswith("{"):
            return dict(json.loads(said))
    raise AssertionError(log.read_text(errors="replace")[-3_000:])


def _ratios(rows: list[_Row]) -> list[str]:
    """How many times the documents/h of each peer ours are; as lines of the table."""
    ours = next((row for row in rows if "Dafe" in row.who), None)
    if ours is None:
        return []
    return [
        f"| {ours.slots} | ours against {row.who} | **{ours.documents_an_hour / row.documents_an_hour:.1f} times** |"
        + " |" * 9
        for row in rows
        if row is not ours
    ]


def _python(name: str) -> Path:
    """The interpreter of a peer's environment."""
    cache = Path(os.environ.get("DAFE_TEST_CACHE") or Path.home() / ".cache" / "dafe-test")
    folder = cache / "peers" / name
    python = folder / "bin" / "python"
    if not (folder / "installed").exists():
        uv = str(Path(sys.executable).with_name("uv"))
        subprocess.run([uv, "venv", "--quiet", "--clear", "--python", "3.11", str(folder)], check=True)
        subprocess.run([uv, "pip", "install", "--quiet", "--python", str(python), *_ENVIRONMENTS[name]], check=True)
        (folder / "installed").touch()
    return python


def _encodings() -> Path:
    return next(_python("nano").parents[1].glob(_ENCODINGS))


def _write(options: argparse.Namespace, lines: list[str]) -> None:
    made = f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    command = f"python -m tests.bench.peers --slots {' '.join(map(str, options.slots))} --speed {options.speed:g}"
    command += f" --documents {options.documents} --workers {options.workers} --calls-at-once {options.calls_at_once}"
    command += f" --embeddings {options.embeddings} --only {' '.join(options.only)}"
    command += f" --band {options.band}" if options.band else ""
    about = (
        "LightRAG 1.5.7 and nano-graphrag 0.0.8.2 from PyPI, one after the other on a token server of their own. Half"
        " of the documents are essays of MINE, half earnings calls cut to 12,000 characters. The peers' vectors are"
        " made by the server from hashed words, ours by the embedded model in the worker. The server's texts are made"
        " up, so this compares pace and tokens and says nothing of quality. Four questions are asked in each one's"
        " default mode, ours as GraphRAG. An hour is one of the server, at the speed that the command names."
    )
    heading = f"## Indexing beside peers\n\n`{command}` ({made}, Python {platform.python_version()})\n"
    section = "\n".join([heading, f"{about}\n", _HEAD, "|---" * 12 + "|", *lines])
    print(section)
    write_section(options.results, "peers", section)


if __name__ == "__main__":
    main()
