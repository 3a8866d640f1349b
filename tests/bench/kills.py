"""Kills the running application again and again while it indexes, and looks whether anything was lost or doubled.

python -m tests.bench.kills [--profile embedded] [--documents 50] [--kills 200] [--seconds-between 8]
    [--at-work 0.5] [--seed 1]
"""

import argparse
import os
import platform
import shutil
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from tests.security.kill_rounds import Attack, Survived, attack_of_profile
from tests.security.killing import ROOT
from tests.security.results import write_section

RESULTS = ROOT / "tests" / "security" / "RESULTS.md"


def main() -> int:
    """Exit code 1 when something was lost, doubled or left over; the data folder is kept then."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profile", choices=("embedded", "workstation"), default="embedded")
    parser.add_argument("--documents", type=int, default=50)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seconds-between", type=float, default=8.0, help="between two kills, in the mean")
    parser.add_argument("--at-work", type=float, default=0.0, help="share of kills that wait for work in hand")
    parser.add_argument("--embeddings", choices=("hashing", "onnx"), default="hashing")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="where the data folder is made; a temporary folder without it")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="dafe-kills-", dir=options.folder))
    attack = attack_of_profile(
        folder, profile=options.profile, documents=options.documents, embeddings=options.embeddings
    )
    try:
        minutes = run_rounds(attack, options)
    except BaseException:
        print(f"stopped: {attack.survived}; the data folder is {folder}", file=sys.stderr)
        raise
    finally:
        attack.end()
    title = f"Running application killed{' at work' if options.at_work else ''}, {options.profile} profile"
    command = f"python -m tests.bench.kills --profile {options.profile} --documents {options.documents}"
    command += f" --kills {options.kills} --seconds-between {options.seconds_between:g}"
    command += f" --at-work {options.at_work:g} --embeddings {options.embeddings} --seed {options.seed}"
    name = f"kills-{options.profile}" + ("-at-work" if options.at_work else "")
    write_survived(name, title, attack.survived, command=command, minutes=minutes)
    return end_with(attack.survived, folder)


def run_rounds(attack: Attack, options: argparse.Namespace) -> float:
    """As many rounds as the kills need; how many minutes it took."""
    begun, survived, random = time.monotonic(), attack.survived, Random(options.seed)
    attack.begin()
    print(f"undisturbed: {survived.undisturbed}", flush=True)
    while survived.killed.total() < options.kills:
        attack.round(
            kills=options.kills - survived.killed.total(),
            seconds_between=options.seconds_between,
            random=random,
            share=options.at_work,
        )
        print(f"round {survived.rounds}: {survived.killed.total()} kills, wrong: {survived.wrong}", flush=True)
    attack.finish()
    return (time.monotonic() - begun) / 60


def end_with(survived: Survived, folder: Path) -> int:
    """The exit code; the data folder is kept when something was wrong."""
    if survived.wrong:
        print("\n".join([f"the data folder is {folder}", *survived.wrong]), file=sys.stderr)
        return 1
    shutil.rmtree(folder)
    return 0


def write_survived(name: str, title: str, survived: Survived, *, command: str, minutes: float, about: str = "") -> None:
    """A section of RESULTS.md; `about` is said of the documents or the servers."""
    made = f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    one = survived.undisturbed
    kinds = ", ".join(f"{kind} {number}" for kind, number in survived.killed.most_common())
    lines = [
        f"## {title}",
        "",
        f"`{command}` ({made}, Python {platform.python_version()}, {minutes:.0f} minutes)",
        "",
        "| kills −9 | rounds of indexing | documents a round | uploads cut off | index runs cut off"
        " | requests sent again | audit events | wrong |",
        "|---|---|---|---|---|---|---|---|",
        f"| {survived.killed.total()} | {survived.rounds} | {one['documents']} | {survived.cut_off['documents.upload']}"
        f" | {survived.cut_off['worker.index']} | {survived.unanswered} | {survived.events:,}"
        f" | {len(survived.wrong) or 'nothing'} |",
        "",
        f"Killed: {kinds}.{about} After each round every row of the workspace was compared with an undisturbed run:"
        f" {one['chunks']} passages, {one['stems']:,} word counts, {one['vectors']} vectors, {one['mentions']:,}"
        f" mentions, {one['names']:,} names, {one['evidence']:,} places of evidence, {one['facts']:,} facts of the"
        " exported graph in their canonical form. Every upload that was answered is there; every change has one intent"
        " and at most one outcome, every document one event of success of its indexing; at the end no stored file and"
        " no message is left over, and `dafe audit verify` finds the log sound.",
        *(f"* {one}" for one in survived.wrong),
    ]
    write_section(RESULTS, name, "\n".join(lines))


if __name__ == "__main__":
    sys.exit(main())
