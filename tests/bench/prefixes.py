"""How much of a prompt llama.cpp need not read again, because prompts begin with what is the same in all of them.

python -m tests.bench.prefixes [--prompts 20]; writes its section of RESULTS.md. A real SmolLM2 reads the prompts that
extraction makes of the sample documents, and those of answers, one after the other on one slot, as the product writes
them; then the same with the constant part last.
"""

import argparse
import os
import platform
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import httpx

from app.domain.models import Message
from app.pipeline.model_reading import facts_messages
from app.pipeline.parsing import SentenceParser
from app.pipeline.prompting import read_prompt
from backends.llm.llamacpp_process import start
from backends.llm.settings import LlamaCppSettings
from tests.security.results import write_section
from tests.servers.smollm2 import smollm2_path

ROOT = Path(__file__).parents[2]
_SAMPLES = ROOT / "tests" / "samples" / "sources" / "hospital"
_SENTENCES_A_CHUNK = 6
_PASSAGES = 3


@dataclass(frozen=True, slots=True)
class Read:
    """Of all prompts of a kind: tokens in them, tokens found again, and milliseconds of reading the others."""

    tokens: int
    again: int
    milliseconds: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prompts", type=int, default=20)
    parser.add_argument("--results", type=Path, default=ROOT / "tests" / "bench" / "RESULTS.md")
    options = parser.parse_args()
    chunks = list(islice(_chunks(), options.prompts + _PASSAGES))
    kinds = {
        "extraction": [facts_messages(chunk, ontology="clinical") for chunk in chunks[: options.prompts]],
        "answers": [_answering(chunks[place : place + _PASSAGES]) for place in range(options.prompts)],
    }
    rows = []
    for kind, prompts in kinds.items():
        first = _read(prompts)
        last = _read([_constant_last(messages) for messages in prompts])
        rows.append(
            f"| {kind} | {len(prompts)} | {first.tokens // len(prompts)} | {first.again / first.tokens:.2f} |"
            f" {last.again / last.tokens:.2f} | {last.milliseconds / first.milliseconds:.1f} times |"
        )
    section = _section(options.prompts, rows)
    print(section)
    write_section(options.results, "prefixes", section)


def _chunks() -> Iterator[list[str]]:
    """The sentences of the sample documents, a chunk's together."""
    parser = SentenceParser()
    for path in sorted(_SAMPLES.glob("*.md")):
        whole = path.read_text(encoding="utf-8")
        texts = [whole[span.start : span.end] for span in parser.split(whole)]
        for begin in range(0, len(texts) - _SENTENCES_A_CHUNK, _SENTENCES_A_CHUNK):
            yield texts[begin : begin + _SENTENCES_A_CHUNK]


def _answering(chunks: Sequence[Sequence[str]]) -> tuple[Message, ...]:
    passages = [f"[{number}] Sample\n{' '.join(chunk)}" for number, chunk in enumerate(chunks, start=1)]
    asked = "\n\n".join(["Passages:", *passages, "Question: What was prescribed?"])
    return Message("system", read_prompt("answering")), Message("user", asked)


def _constant_last(messages: Sequence[Message]) -> tuple[Message, ...]:
    system, user = messages
    return (Message("user", f"{user.text}\n\n{system.text}"),)


def _read(prompts: Sequence[Sequence[Message]]) -> Read:
    """By a process that has read none of them before; the first prompt, which nothing can be found again for, too."""
    process = start(LlamaCppSettings(path=smollm2_path()), alias="smollm2")
    tokens = again = 0
    milliseconds = 0.0
    try:
        with httpx.Client(base_url=process.url, timeout=600, trust_env=False) as client:
            for messages in prompts:
                body = {
                    "model": "smollm2",
                    "max_tokens": 1,
                    "messages": [{"role": message.role, "content": message.text} for message in messages],
                }
                answer = client.post(
                    "/v1/chat/completions", json=body, headers={"authorization": f"Bearer {process.api_key}"}
                )
                answer.raise_for_status()
                timings = answer.json()["timings"]
                tokens += timings["cache_n"] + timings["prompt_n"]
                again += timings["cache_n"]
                milliseconds += timings["prompt_ms"]
    finally:
        process.end()
    return Read(tokens, again, milliseconds)


def _section(prompts: int, rows: Sequence[str]) -> str:
    made = f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    return "\n".join(
        [
            "## Prompts that begin alike",
            "",
            f"`python -m tests.bench.prefixes --prompts {prompts}` ({made}, Python {platform.python_version()})",
            "",
            "Prompts of the sample documents, read by llama.cpp with SmolLM2 on one slot, one kind after the other.",
            "",
            "| prompts of | number | tokens each | found again | found again with the constant part last |"
            " time of reading, constant part last against first |",
            "|---|---|---|---|---|---|",
            *rows,
        ]
    )


if __name__ == "__main__":
    main()
