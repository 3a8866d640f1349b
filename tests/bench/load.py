"""Many people at once: signed-in sessions over Streamlit's own protocol on the running application, with think time.

python -m tests.bench.load [--sessions 10 50 100 200] [--think 10] [--seconds 40] [--soak-sessions 4]
    [--soak-hours 4] [--soak-minutes 8]

Exit code 1 when somebody got another's page, an error card, or none.
"""

import argparse
import asyncio
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractContextManager, AsyncExitStack, ExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from app.installation import open_installation
from tests.bench.loaded import Cost, Crowd, Indexing
from tests.bench.visits import ABOUT_A_FACT, ABOUT_PASSAGES, PAGES, Seen, Visit, Visitor
from tests.security.results import write_section
from tests.security.running import Running, running

RESULTS = Path(__file__).parent / "RESULTS.md"
_CROWD = Crowd(people=20, workspaces=4, samples=True)
_ALONE_SECONDS = 60.0
_COST_VISITS = 15
_SOAK_PARTS = 6


@dataclass(frozen=True, slots=True)
class Measured:
    """What one walk cost and took."""

    sessions: int
    seen: Seen
    wall_seconds: float
    cpu_seconds: float
    """Of the web process."""
    megabytes: float
    """Held by the web process at the end."""
    load: float
    documents: int = 0
    """Indexed meanwhile."""
    worker_cpu_seconds: float = 0.0

    @property
    def cpu_share(self) -> float:
        return self.cpu_seconds / self.wall_seconds

    @property
    def cpu_ms_a_rerun(self) -> float:
        return 1_000 * self.cpu_seconds / max(1, self.seen.reruns)


class Load:
    """One installation under load, and what was measured of it."""

    def __init__(self, started: Running, indexing: Indexing, think_seconds: float) -> None:
        self._running = started
        self._indexing = indexing
        self._think_seconds = think_seconds
        self._web = started.pid_of("app.asgi")
        self._worker = started.pid_of("app.worker")
        self.wrong: list[str] = []
        self.costs: dict[str, float] = {}
        """CPU milliseconds of one rerun of each page, by itself."""

    @property
    def megabytes(self) -> float:
        return Cost.of(self._web).megabytes

    def measure(self, visitors: Sequence[Visitor], seconds: float, *, busy: bool = False) -> Measured:
        with self._adding(busy):
            return asyncio.run(self._measure(visitors, seconds))

    async def _measure(self, visitors: Sequence[Visitor], seconds: float) -> Measured:
        async with self._opened(visitors, think_seconds=self._think_seconds) as visits:
            return await self._walk(visits, seconds)

    def soak(self, visitors: Sequence[Visitor], clicks: int, seconds: float) -> list[Measured]:
        """Without think time in the same tabs, until people made so many clicks or the time is over; part by part."""
        return asyncio.run(self._soak(visitors, clicks, seconds))

    async def _soak(self, visitors: Sequence[Visitor], clicks: int, seconds: float) -> list[Measured]:
        parts: list[Measured] = []
        until = time.monotonic() + seconds
        async with self._opened(visitors, think_seconds=0) as visits:
            while sum(part.seen.clicks for part in parts) < clicks and time.monotonic() < until:
                parts.append(await self._walk(visits, seconds / _SOAK_PARTS))
        return parts

    def index_alone(self, seconds: float) -> tuple[int, float]:
        """Documents indexed while nobody is there, and the seconds that took."""
        with self._adding(True):
            before, begun = self._indexing.done(), time.monotonic()
            time.sleep(seconds)
            return self._indexing.done() - before, time.monotonic() - begun

    def cost_pages(self, visitor: Visitor) -> None:
        asyncio.run(self._cost_pages(visitor))

    async def _cost_pages(self, visitor: Visitor) -> None:
        async with self._opened([visitor], think_seconds=0) as (visit,):
            await visit.walk(rounds=1)
            for page in PAGES:
                visit.seen = Seen()
                before = Cost.of(self._web).cpu_seconds
                for _ in range(_COST_VISITS):
                    await visit.visit(page)
                self.costs[page] = 1_000 * (Cost.of(self._web).cpu_seconds - before) / visit.seen.clicks
                self.wrong += visit.seen.wrong

    @asynccontextmanager
    async def _opened(self, visitors: Sequence[Visitor], *, think_seconds: float) -> AsyncIterator[list[Visit]]:
        async with AsyncExitStack() as stack:
            visits = []
            for number, visitor in enumerate(visitors):
                visit = Visit(
                    self._running.address,
                    visitor,
                    think_seconds=think_seconds,
                    random=Random(number),
                    questions=(ABOUT_A_FACT, ABOUT_PASSAGES),
                )
                await stack.enter_async_context(visit.tab)
                visits.append(visit)
            yield visits

    async def _walk(self, visits: Sequence[Visit], seconds: float) -> Measured:
        seen = Seen()
        for visit in visits:
            visit.seen = seen
        documents, worker = self._indexing.done(), Cost.of(self._worker).cpu_seconds
        before, begun = Cost.of(self._web), time.monotonic()
        await asyncio.gather(*(visit.walk(until=begun + seconds) for visit in visits))
        wall, after = time.monotonic() - begun, Cost.of(self._web)
        self.wrong += seen.wrong
        return Measured(
            len(visits),
            seen,
            wall,
            after.cpu_seconds - before.cpu_seconds,
            after.megabytes,
            os.getloadavg()[0],
            self._indexing.done() - documents,
            Cost.of(self._worker).cpu_seconds - worker,
        )

    def _adding(self, busy: bool) -> AbstractContextManager[None]:
        return self._indexing.busy(self._running, _CROWD) if busy else nullcontext()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, nargs="+", default=[10, 50, 100, 200])
    parser.add_argument("--think", type=float, default=10.0, help="mean seconds between what one person does")
    parser.add_argument("--seconds", type=float, default=40.0, help="for each number of sessions")
    parser.add_argument("--soak-sessions", type=int, default=4)
    parser.add_argument("--soak-hours", type=float, default=4.0)
    parser.add_argument("--soak-minutes", type=float, default=8.0, help="the soak ends then at the latest")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        started = stack.enter_context(running(Path(folder), _CROWD.prepare, EMBEDDINGS__KIND="onnx"))
        indexing = Indexing(open_installation(started.settings, stack).metadata)
        indexing.wait_for(indexing.all(), seconds=1_500)
        load = Load(started, indexing, options.think)
        lines = [*_heading(options), *_measured(load, _CROWD.sign_in(started.address, max(options.sessions)), options)]
    print("\n".join(lines))
    write_section(RESULTS, "load", "\n".join(lines))
    if load.wrong:
        print("\n".join(load.wrong[:20]), file=sys.stderr)
    return 1 if load.wrong else 0


def _measured(load: Load, visitors: Sequence[Visitor], options: argparse.Namespace) -> list[str]:
    load.cost_pages(visitors[0])
    base = load.megabytes
    steps = [load.measure(visitors[:number], options.seconds) for number in options.sessions]
    alone = load.index_alone(_ALONE_SECONDS)
    middle = visitors[: options.sessions[len(options.sessions) // 2]]
    quiet = next(step for step in steps if step.sessions == len(middle))
    busy = load.measure(middle, max(options.seconds, _ALONE_SECONDS), busy=True)
    clicks = round(options.soak_sessions * options.soak_hours * 3_600 / options.think)
    soak = load.soak(visitors[: options.soak_sessions], clicks, 60 * options.soak_minutes)
    return [
        *_page_lines(load.costs, steps, base),
        *_indexing_lines(alone, quiet, busy),
        *_soak_lines(soak, clicks, options),
        f"Pages of somebody else, errors and missing pages: {len(load.wrong) or 'none'}.",
    ]


def _heading(options: argparse.Namespace) -> list[str]:
    command = f"python -m tests.bench.load --sessions {' '.join(map(str, options.sessions))} --think {options.think:g}"
    command += f" --seconds {options.seconds:g} --soak-sessions {options.soak_sessions}"
    command += f" --soak-hours {options.soak_hours:g} --soak-minutes {options.soak_minutes:g}"
    made = f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    return [
        "## Many people at once",
        "",
        f"`{command}` ({made}, Python {platform.python_version()})",
        "",
        f"`dafe up`, embedded profile, ONNX embeddings; {_CROWD.people} people in {_CROWD.workspaces} workspaces with"
        " the sample documents, every session signed in by itself. The client runs on the same cores, and so does"
        " whatever else the machine does: CPU seconds of the web process move less by that than waiting times do.",
        "",
    ]


def _page_lines(costs: dict[str, float], steps: Sequence[Measured], base: float) -> list[str]:
    lines = ["| page | CPU ms of a rerun, alone |", "|---|---|"]
    lines += [f"| {page} | {spent:.0f} |" for page, spent in costs.items()]
    lines += ["", "| sessions | " + " | ".join(f"{page} p50/p95 ms" for page in PAGES) + " | answered p50/p95 s"]
    lines[-1] += " | reruns by people/timers | CPU ms a rerun | web process, cores | MB a session | load |"
    lines.append("|---" * (len(PAGES) + 7) + "|")
    for step in steps:
        seen = step.seen
        cells = [str(step.sessions), *(_spread(seen.seconds[page], 1_000) for page in PAGES)]
        cells += [_spread(seen.answered_seconds, 1, ".1f"), f"{seen.clicks:,}/{len(seen.timer_seconds):,}"]
        cells += [f"{step.cpu_ms_a_rerun:.0f}", f"{step.cpu_share:.2f}"]
        cells += [f"{(step.megabytes - base) / step.sessions:.1f}", f"{step.load:.1f}"]
        lines.append(f"| {' | '.join(cells)} |")
    return [*lines, "", f"The web process holds {base:.0f} MB with the models read and one session.", ""]


def _indexing_lines(alone: tuple[int, float], quiet: Measured, busy: Measured) -> list[str]:
    def row(name: str, one: Measured) -> str:
        cells = [name, f"{60 * one.documents / one.wall_seconds:.0f}"]
        cells += [_spread(one.seen.seconds[page], 1_000) for page in PAGES]
        cells += [f"{one.cpu_share:.2f}", f"{one.worker_cpu_seconds:.0f}", f"{one.load:.1f}"]
        return f"| {' | '.join(cells)} |"

    lines = ["| | documents indexed a minute | " + " | ".join(f"{page} p50/p95 ms" for page in PAGES)]
    lines[-1] += " | web process, cores | worker, CPU s | load |"
    lines += ["|---" * (len(PAGES) + 5) + "|", f"| indexing alone | {60 * alone[0] / alone[1]:.0f}" + " | –" * 6 + " |"]
    lines += [row(f"{quiet.sessions} sessions alone", quiet), row(f"{busy.sessions} sessions and indexing", busy)]
    return [*lines, ""]


def _soak_lines(soak: Sequence[Measured], clicks: int, options: argparse.Namespace) -> list[str]:
    done = sum(part.seen.clicks for part in soak)
    hours = options.soak_hours * done / clicks
    lines = [
        f"Soak: {options.soak_sessions} sessions for {options.soak_hours:g} hours at one click in {options.think:g} s"
        f" are {clicks:,} reruns; {done:,} of them ({hours:.1f} hours' worth) were run without think time in"
        f" {sum(part.wall_seconds for part in soak) / 60:.0f} minutes, in the same tabs.",
        "",
        "| reruns so far | web process, MB | CPU ms a rerun |",
        "|---|---|---|",
    ]
    so_far = 0
    for part in soak:
        so_far += part.seen.clicks
        lines.append(f"| {so_far:,} | {part.megabytes:.0f} | {part.cpu_ms_a_rerun:.0f} |")
    return [*lines, ""]


def _spread(seconds: Sequence[float], times: float, form: str = ".0f") -> str:
    if not seconds:
        return "–"
    middle, late = statistics.median(seconds) * times, sorted(seconds)[int(0.95 * (len(seconds) - 1))] * times
    return f"{middle:{form}}/{late:{form}}"


if __name__ == "__main__":
    sys.exit(main())
