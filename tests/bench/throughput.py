"""Indexing beside a bare client that sends the same requests all at once: how much of a model server's rate is used.

python -m tests.bench.throughput [--slots 8 64] [--documents 200] [--speed 1] [--workers 1] [--calls-at-once 0]
python -m tests.bench.throughput --ollama [--documents 10]

Writes its section of RESULTS.md. For each number of slots a fresh data folder is indexed by worker processes; the
requests that the server saw are then sent to it again, all at once, by a client that does nothing else. With --ollama
the server is a real Ollama with SmolLM2, which a recording proxy stands before while we index.
"""

import argparse
import json
import os
import platform
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.bench.indexing_runs import (
    Indexed,
    add_options,
    installation,
    mixed_documents,
    model_settings,
    notes,
)
from tests.bench.recording_proxy import recording_proxy
from tests.bench.token_process import send_all, token_server
from tests.security.results import write_section
from tests.servers.real_ollama import MODEL as OLLAMA_MODEL
from tests.servers.real_ollama import real_ollama

ROOT = Path(__file__).parents[2]
_WINDOW = 3_072
"""Of SmolLM2: so short that what it says without end does not last for minutes."""
_EMBEDDINGS = {
    "onnx": "ONNX embeddings, ",
    "hashing": "vectors from hashed words, as if another server computed embeddings; ",
}
_HEAD = (
    "| server | documents | calls | prompt / completion tokens a document | bare client, tokens/s (of the ceiling) |"
    " indexing, tokens/s (of the ceiling) | **ratio** | ratio with what comes before the first call and after the last"
    " | slots in use, bare / indexing | CPU s a document, workers | documents/h |"
)


@dataclass(frozen=True, slots=True)
class _Compared:
    """Seconds are those from the first call to the end of the last one; `whole` also what comes before and after."""

    server: str
    indexed: Indexed
    calls: int
    prompt_tokens: int
    tokens: int
    bare_tokens: int
    bare_seconds: float
    our_seconds: float
    ceiling: float = 0.0
    """Tokens a second; 0: not known."""
    in_use: tuple[float, float] = (0.0, 0.0)

    @property
    def ratio(self) -> float:
        return (self.tokens / self.our_seconds) / (self.bare_tokens / self.bare_seconds)

    def row(self) -> str:
        whole = (self.tokens / self.indexed.seconds) / (self.bare_tokens / self.bare_seconds)
        documents = self.indexed.documents
        in_use = " / ".join(f"{share:.0%}" for share in self.in_use) if self.ceiling else "–"
        return (
            f"| {self.server} | {documents} | {self.calls:,} | {self.prompt_tokens / documents:,.0f} /"
            f" {self.tokens / documents:,.0f} | {self._rate(self.bare_tokens, self.bare_seconds)} |"
            f" {self._rate(self.tokens, self.our_seconds)} | **{self.ratio:.3f}** | {whole:.3f} | {in_use} |"
            f" {self.indexed.cpu_seconds / documents:.2f} | {documents / self.indexed.seconds * 3600:,.0f} |"
        )

    def _rate(self, tokens: int, seconds: float) -> str:
        share = f" ({tokens / seconds / self.ceiling:.1%})" if self.ceiling else ""
        return f"{tokens / seconds:,.0f}{share}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slots", type=int, nargs="+", default=[8, 64])
    parser.add_argument("--documents", type=int, default=0, help="200, or 10 with --ollama, unless it is given")
    parser.add_argument("--ollama", action="store_true")
    parser.add_argument("--results", type=Path, default=ROOT / "tests" / "bench" / "RESULTS.md")
    add_options(parser)
    options = parser.parse_args()
    options.documents = options.documents or (10 if options.ollama else 200)
    with tempfile.TemporaryDirectory() as folder:
        if options.ollama:
            rows = [_with_ollama(Path(folder), options).row()]
        else:
            rows = list(_with_token_server(Path(folder), options))
    _write(options, rows)


def _with_token_server(folder: Path, options: argparse.Namespace) -> Iterator[str]:
    for slots in options.slots:
        found = _one(folder / str(slots), options, slots)
        print(found.row(), flush=True)
        yield found.row()


def _one(folder: Path, options: argparse.Namespace, slots: int) -> _Compared:
    documents = mixed_documents(options.data, options.documents)
    with token_server(slots, speed=options.speed) as server:
        with installation(folder, options, llm=model_settings(server.url), slots=slots) as ours:
            ours.try_model()
            server.reset()
            indexed = ours.index(documents)
        mine, requests = server.counts(), server.recorded()
        assert mine["finished"] == len(requests), "calls were broken off: the two do not compare"
        server.reset()
        send_all(server.url, requests)
        bare = server.counts()
    return _Compared(
        f"{slots} slots, {mine['tokens_a_second']:,.0f} tokens/s",
        indexed,
        calls=mine["finished"],
        prompt_tokens=mine["prompt_tokens"],
        tokens=mine["completion_tokens"],
        bare_tokens=bare["completion_tokens"],
        bare_seconds=_seconds(bare),
        our_seconds=_seconds(mine),
        ceiling=mine["tokens_a_second"],
        in_use=(_in_use(bare), _in_use(mine)),
    )


def _seconds(counts: dict[str, Any]) -> float:
    return float(counts["last_at"] - counts["first_at"])


def _in_use(counts: dict[str, Any]) -> float:
    return float(counts["busy_slot_seconds"] / counts["slots"] / _seconds(counts))


def _with_ollama(folder: Path, options: argparse.Namespace) -> _Compared:
    options.band = options.band or "model_led"
    documents = notes(options.data)[: options.documents]
    (folder / "ollama").mkdir()
    with real_ollama(folder / "ollama", num_ctx=_WINDOW) as server, recording_proxy(server.url) as proxy:
        llm = {"kind": "ollama", "url": proxy.url, "model": OLLAMA_MODEL, "num_ctx": _WINDOW}
        send_all(server.url, [{"model": OLLAMA_MODEL, "stream": False}], path="api/generate")
        with installation(folder / "ours", options, llm=llm, slots=1) as ours:
            ours.try_model()
            proxy.calls.clear()
            indexed = ours.index(documents)
        chats = [call for call in proxy.calls if call.path == "/api/chat"]
        our_seconds = max(call.ended_at for call in chats) - min(call.began_at for call in chats)
        began = time.monotonic()
        answers = send_all(server.url, [call.body for call in chats], path="api/chat")
        bare_seconds = time.monotonic() - began
    mine = [_last(call.answer) for call in chats]
    bare = [_last(answer) for answer in answers]
    return _Compared(
        "Ollama, SmolLM2-135M, one call at once, one thread",
        indexed,
        calls=len(chats),
        prompt_tokens=sum(one.get("prompt_eval_count", 0) for one in mine),
        tokens=sum(one.get("eval_count", 0) for one in mine),
        bare_tokens=sum(one.get("eval_count", 0) for one in bare),
        bare_seconds=bare_seconds,
        our_seconds=our_seconds,
    )


def _last(answer: bytes) -> dict[str, Any]:
    return dict(json.loads(answer.strip().splitlines()[-1]))


def _write(options: argparse.Namespace, rows: list[str]) -> None:
    made = f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    which = "--ollama" if options.ollama else f"--slots {' '.join(map(str, options.slots))} --speed {options.speed:g}"
    command = f"python -m tests.bench.throughput {which} --documents {options.documents} --workers {options.workers}"
    command += f" --calls-at-once {options.calls_at_once} --embeddings {options.embeddings}"
    command += f" --band {options.band}" if options.band else ""
    which = (
        "Documents of one chunk: last paragraphs of essays of MINE."
        if options.ollama
        else "Documents of 300 to 12,000 characters, a quarter of them of one chunk: essays of MINE, their last"
        " paragraphs, parts of earnings calls."
    )
    about = (
        "Indexing and a bare client that sends the same requests all at once, to the same server, one after the other."
        f" {which} Embedded profile; {_EMBEDDINGS[options.embeddings]}parsing, the stores and the server share the"
        " cores."
    )
    at = "Ollama" if options.ollama else f"{' and '.join(map(str, options.slots))} slots"
    section = "\n".join(
        [
            f"## Indexing beside a bare client, {at}\n",
            f"`{command}` ({made}, Python {platform.python_version()})\n",
            f"{about}\n",
            _HEAD,
            "|---" * 11 + "|",
            *rows,
        ]
    )
    print(section)
    write_section(
        options.results, "throughput-" + ("ollama" if options.ollama else "-".join(map(str, options.slots))), section
    )


if __name__ == "__main__":
    main()
