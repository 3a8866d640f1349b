"""Kills workers at random moments while they index, and counts the tokens of model calls that were paid twice.

python -m tests.bench.paid_twice [--kills 20] [--documents 60] [--slots 8] [--speed 1] [--seconds-between 5] [--seed 1]

Writes its section of RESULTS.md. The same documents are indexed twice on the token server, in fresh data folders: once
undisturbed, once with kill -9. A call is finished when the server has written its last token, whether or not anybody
was alive to read it. Exit code 1 when the finished calls of the killed run have more than 1.05 times the tokens, when
its graph is another one, or when the work ended before the last kill.
"""

import argparse
import os
import platform
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

from tests.bench.indexing_runs import Held, Installation, add_options, installation, mixed_documents, model_settings
from tests.bench.token_process import TokenServer, token_server
from tests.security.results import write_section

ROOT = Path(__file__).parents[2]
_MOST = 1.05
_LOOK_SECONDS = 0.05
_PATIENCE_SECONDS = 300.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--documents", type=int, default=60)
    parser.add_argument("--slots", type=int, default=8)
    parser.add_argument("--seconds-between", type=float, default=5.0, help="of work before a kill, in the mean")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--results", type=Path, default=ROOT / "tests" / "bench" / "RESULTS.md")
    add_options(parser)
    options = parser.parse_args()
    documents = mixed_documents(options.data, options.documents)
    with tempfile.TemporaryDirectory() as folder, token_server(options.slots, speed=options.speed) as server:
        llm = model_settings(server.url)
        with installation(Path(folder) / "undisturbed", options, llm=llm, slots=options.slots) as ours:
            ours.try_model()
            server.reset()
            found = ours.index(documents).held
            whole = server.counts()
        with installation(Path(folder) / "killed", options, llm=llm, slots=options.slots) as ours:
            ours.try_model()
            server.reset()
            kills, seconds = _index_and_kill(ours, server, documents, options)
            killed, found_again = server.counts(), ours.look()
    return _write(options, (whole, found), (killed, found_again), kills=kills, seconds=seconds)


def _index_and_kill(
    ours: Installation, server: TokenServer, documents: Sequence[tuple[str, str]], options: argparse.Namespace
) -> tuple[int, float]:
    """Kills and seconds. A kill waits until the workers that live have begun a call, and then for a random time."""
    random, kills = Random(options.seed), 0
    ours.upload(documents)
    ours.start()
    began = time.monotonic()
    while ours.is_open():
        if kills < options.kills and _is_at_work(ours, server):
            time.sleep(random.expovariate(1 / options.seconds_between))
            if ours.is_open():
                victim = random.choice(ours.workers)
                victim.kill()
                victim.wait()
                kills += 1
                print(f"kill {kills} after {time.monotonic() - began:.0f} s", flush=True)
        ours.start()
        time.sleep(_LOOK_SECONDS)
    return kills, time.monotonic() - began


def _is_at_work(ours: Installation, server: TokenServer) -> bool:
    """Whether a call was begun since now, or nothing is left to begin."""
    started, until = server.counts()["started"], time.monotonic() + _PATIENCE_SECONDS
    while server.counts()["started"] == started and ours.is_open():
        assert time.monotonic() < until, ours.log()
        ours.start()
        time.sleep(_LOOK_SECONDS)
    return ours.is_open()


def _write(
    options: argparse.Namespace,
    whole: tuple[dict[str, Any], Held],
    killed: tuple[dict[str, Any], Held],
    *,
    kills: int,
    seconds: float,
) -> int:
    ratio = killed[0]["completion_tokens"] / whole[0]["completion_tokens"]
    broken = (killed[0]["completion_tokens"] + killed[0]["cancelled_tokens"]) / whole[0]["completion_tokens"]
    same = killed[1] == whole[1]
    made = f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    command = f"python -m tests.bench.paid_twice --kills {options.kills} --documents {options.documents}"
    command += f" --slots {options.slots} --speed {options.speed:g} --workers {options.workers}"
    command += f" --calls-at-once {options.calls_at_once} --seconds-between {options.seconds_between:g}"
    command += f" --embeddings {options.embeddings} --seed {options.seed}"
    command += f" --band {options.band}" if options.band else ""
    section = "\n".join(
        [
            "## Model calls that are paid twice\n",
            f"`{command}` ({made}, Python {platform.python_version()}, {seconds / 60:.0f} minutes of killing)\n",
            "| run | kills −9 | documents, chunks, facts | finished calls | completion tokens of these"
            " | calls broken off | of those |",
            "|---|---|---|---|---|---|---|",
            _row("undisturbed", 0, *whole),
            _row("killed", kills, *killed),
            "",
            f"Completion tokens of finished calls: {ratio:.3f} times those of the undisturbed run; with those of calls"
            f" that a kill broke off: {broken:.3f} times.",
            *(f"* {number} documents: {why}" for why, number in killed[1].given_up.items()),
        ]
    )
    print(section)
    write_section(options.results, "paid-twice", section)
    return int(ratio > _MOST or not same or kills < options.kills)


def _row(run: str, kills: int, counts: dict[str, Any], held: Held) -> str:
    return (
        f"| {run} | {kills} | {held.documents}, {held.chunks:,}, {held.facts:,} | {counts['finished']:,} |"
        f" {counts['completion_tokens']:,} | {counts['cancelled']:,} | {counts['cancelled_tokens']:,} |"
    )


if __name__ == "__main__":
    sys.exit(main())
