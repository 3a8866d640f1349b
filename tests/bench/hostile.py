"""Sends every hostile file we can make and every one of the public sets to a running installation.

python -m tests.bench.hostile [made] [public] [filings] --data-dir ../shared/data

Writes how each kind ended, the longest time, and the most memory a parser held into tests/security/RESULTS.md; ends
with 1 when a file ended otherwise than it must.
"""

import argparse
import json
import os
import platform
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from app.domain.names import clean_file_name
from tests.security.hostile_files import Hostile, hostile_files
from tests.security.hostile_uploads import Ended, Neighbour, ParserWatch, Sender, is_a_sentence
from tests.security.results import write_section
from tests.security.running import Running, peak_kilobytes, running
from tests.security.test_hostile_files import MEMBER, OTHER, prepare, workspace_of

RESULTS = Path(__file__).parents[1] / "security" / "RESULTS.md"
_PUBLIC = {
    "pdf_bad": "dev/*.pdf",
    "sec_payloads": "**/*.*",
    "med_ccda": "dev/*.xml",
}
_TITLES = {"made": "made to break a reader", "public": "of the public sets", "filings": "filings of companies"}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", default=list(_TITLES), help=", ".join(_TITLES.values()))
    parser.add_argument("--data-dir", type=Path, required=True, help="folder of the public sets")
    parser.add_argument("--only", default="", help="kinds or names that contain this; writes no results")
    options = parser.parse_args()
    right = True
    for what in options.what:
        makers = {"public": partial(public_files, options.data_dir), "filings": partial(filings, options.data_dir)}
        files = [one for one in makers.get(what, hostile_files)() if options.only in one.kind + one.name]
        right = _try(what, files, write=not options.only) and right
    return 0 if right else 1


def _try(what: str, files: Sequence[Hostile], *, write: bool) -> bool:
    with tempfile.TemporaryDirectory() as folder, running(Path(folder), prepare) as installation:
        wrong, ended, watch, neighbour = send(installation, files)
        lines = table(ended) + costs(installation, ended, watch, neighbour)
    lines.append(f"\nEnded otherwise than they must: {len(wrong)}.")
    print("\n".join([*lines, *(f"wrong: {line}" for line in wrong)]), flush=True)
    if write:
        write_section(RESULTS, f"hostile-{what}", "\n".join(_heading(what) + lines))
    return not wrong and not neighbour.failures


def public_files(folder: Path) -> Iterator[Hostile]:
    """Those of the public sets; of MedQuAD pages made of its questions and answers."""
    for name, pattern in _PUBLIC.items():
        for path in sorted(one for one in (folder / name).glob(pattern) if one.is_file()):
            yield Hostile(name, path.name, path.read_bytes(), "")
    lines = (folder / "med_medquad" / "dev" / "docs.jsonl").read_text(encoding="utf-8").splitlines()
    for line in lines:
        page = json.loads(line)
        text = "\n\n".join([page["focus"], *(f"{pair['q']}\n\n{pair['a']}" for pair in page["qas"])])
        yield Hostile("med_medquad", f"{page['id']}.txt", text.encode(), "indexed")


def filings(folder: Path) -> Iterator[Hostile]:
    """Those of FinanceBench."""
    for path in sorted((folder / "fin_financebench" / "dev" / "pdfs").glob("*.pdf")):
        yield Hostile("fin_financebench", path.name, path.read_bytes(), "indexed")


def send(installation: Running, files: Sequence[Hostile]) -> tuple[list[str], list[Ended], ParserWatch, Neighbour]:
    """What ended wrongly, how everything ended, what the parsers held and what somebody else had to wait."""
    sender = Sender(installation, MEMBER, workspace_of(installation, MEMBER))
    wrong: list[str] = []
    ended: list[Ended] = []
    with ParserWatch(installation) as watch, Neighbour(installation, OTHER) as neighbour:
        for file in files:
            one = sender.send(file.kind, file.name, file.content)
            ended.append(one)
            print(f"{file.kind:16} {file.name[:40]!r:44} {one.end:8} {one.seconds:6.1f} s {one.message}", flush=True)
            bare = [message for end, message in one.parts if not (end == "indexed" or is_a_sentence(message))]
            if file.end not in {one.end, ""} or file.because not in one.message or one.end == "nothing" or bare:
                wrong.append(f"{file.kind} {file.name[:60]!r}: {one.end} {bare or one.message}")
    return wrong, ended, watch, neighbour


def table(ended: Sequence[Ended]) -> list[str]:
    lines = [
        "| files | tried | indexed | failed | refused | longest, s | of |",
        "|---|---|---|---|---|---|---|",
    ]
    for kind in [*dict.fromkeys(one.kind for one in ended), "all"]:
        these = [one for one in ended if kind in {one.kind, "all"}]
        counts = [sum(one.end == end for one in these) for end in ("indexed", "failed", "refused")]
        longest = max(these, key=lambda one: one.seconds)
        name = clean_file_name(longest.name)[:40].replace("|", " ")
        cells = [kind, len(these), *counts, f"{longest.seconds:.1f}", name]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return lines


def costs(installation: Running, ended: Sequence[Ended], watch: ParserWatch, neighbour: Neighbour) -> list[str]:
    middle, most, longest = neighbour.quantiles
    limit = installation.settings.loader.memory_mb
    processes = {name: peak_kilobytes(installation.pid_of(name)) // 1_024 for name in ("app.asgi", "app.worker")}
    tracebacks = installation.log.read_text(errors="replace").count("Traceback")
    return [
        "",
        "| parser processes | most memory, MiB | limit | web process, MiB | worker, MiB | tracebacks logged |",
        "|---|---|---|---|---|---|",
        f"| {len(watch.seen)} | {watch.kilobytes // 1_024} | {limit} | {processes['app.asgi']} |"
        f" {processes['app.worker']} | {tracebacks} |",
        "",
        "| requests of somebody else meanwhile | failed | median, ms | 95 of 100, ms | longest, s |",
        "|---|---|---|---|---|",
        f"| {len(neighbour.seconds)} | {len(neighbour.failures)} | {middle * 1_000:.0f} | {most * 1_000:.0f} |"
        f" {longest:.1f} |",
        "",
        f"{sum(len(one.parts) for one in ended)} documents in {len(ended)} files, sent over REST to `dafe up` one after"
        " the other, read by rules, the embedder hashing. Every end that is not *indexed* has one sentence for people."
        " Seconds are from sending to the end, on a machine that others use too; memory is the kernel's VmHWM.",
    ]


def _heading(what: str) -> list[str]:
    made = f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    command = f"`python -m tests.bench.hostile {what} --data-dir ../shared/data`"
    return [f"## Hostile documents: {_TITLES[what]}", "", f"{command} ({made}, Python {platform.python_version()})", ""]


if __name__ == "__main__":
    raise SystemExit(main())
