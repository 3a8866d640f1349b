"""Figures of the gate: how soon sockets close, what a sign-in costs whoever asks, and who waits for fifty at once.

python -m tests.bench.gate
"""

import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from datetime import UTC, datetime
from pathlib import Path

import httpx

from app.container import Services, open_services
from app.errors import ForbiddenError
from app.installation import open_installation
from tests.api.conftest import PASSWORD
from tests.security.page_socket import PageSocket
from tests.security.results import write_section
from tests.security.running import running
from tests.security.test_gate_attacks import Attacked, prepare

RESULTS = Path(__file__).parents[1] / "security" / "RESULTS.md"
_SOCKETS, _SIGN_INS, _AT_ONCE = 20, 15, 50


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        started = stack.enter_context(running(Path(folder), prepare, web_alone=True))
        metadata = open_installation(started.settings, stack).metadata
        attacked = Attacked(started, metadata, {})
        for who in ("ilse", "vera"):
            attacked.tokens[who] = attacked.sign_in(who)
        lines = [*_closing(attacked), "", *_guessing(attacked)]
        with closing(open_services(started.settings)) as services:
            lines += ["", *_costs(services)]
    print("\n".join(lines))
    write_section(RESULTS, "gate", "\n".join([*_heading(), *lines]))


def _heading() -> Iterator[str]:
    made = f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    yield "## The gate"
    yield ""
    yield f"`python -m tests.bench.gate` ({made}, Python {platform.python_version()})"
    yield ""


def _closing(attacked: Attacked) -> list[str]:
    """How long sockets of one session live after another process ended it."""
    with ExitStack() as stack:
        pages = [stack.enter_context(PageSocket(attacked.address, attacked.tokens["ilse"])) for _ in range(_SOCKETS)]
        ended = time.monotonic()
        attacked.metadata.sessions.revoke([attacked.session_of("ilse").id], at=datetime.now(UTC))

        def wait(page: PageSocket) -> float:
            assert page.wait_until_closed() == 4401
            return time.monotonic() - ended

        with ThreadPoolExecutor(_SOCKETS) as pool:
            seconds = sorted(pool.map(wait, pages))
    return [
        "| sockets of a session that was ended | closed | median, s | last, s |",
        "|---|---|---|---|",
        f"| {_SOCKETS} | {len(seconds)} | {statistics.median(seconds):.2f} | {seconds[-1]:.2f} |",
    ]


def _guessing(attacked: Attacked) -> list[str]:
    """What somebody else waits for while passwords are tried at once."""
    waited: list[float] = []

    def guess(number: int) -> int:
        form = {"username": "jonas", "password": f"guess {number}"}
        address = attacked.address
        return httpx.post(f"{address}/session/sign-in", data=form, headers={"origin": address}, timeout=300).status_code

    begun = time.monotonic()
    with ThreadPoolExecutor(_AT_ONCE) as pool, attacked.client("vera") as other:
        tries = [pool.submit(guess, number) for number in range(_AT_ONCE)]
        while not all(one.done() for one in tries):
            asked = time.monotonic()
            assert other.get("/_stcore/health").status_code == 200
            waited.append(time.monotonic() - asked)
    refused = sum(one.result() == 401 for one in tries)
    return [
        "| passwords at once | refused | all answered, s | requests of somebody else | median, ms | longest, ms |",
        "|---|---|---|---|---|---|",
        f"| {_AT_ONCE} | {refused} | {time.monotonic() - begun:.1f} | {len(waited)} |"
        f" {statistics.median(waited) * 1_000:.0f} | {max(waited) * 1_000:.0f} |",
    ]


def _costs(services: Services) -> list[str]:
    """Processor time of a sign-in, which another's load does not change, by what is wrong with it."""

    def try_one(username: str, password: str) -> Callable[[int], None]:
        def sign_in(number: int) -> None:
            with suppress(ForbiddenError):
                address = f"192.0.2.{number}"
                services.sessions.sign_in(username=username, password=password, address=address, agent="")

        return sign_in

    kinds = {
        "a wrong password": try_one("ilse", "not the password"),
        "an unknown name": try_one("nobody", "not the password"),
        "a locked name": try_one("jonas", PASSWORD),
        "a disabled person": try_one("disabled", PASSWORD),
    }
    for attempt in kinds.values():
        attempt(0)
    lines = ["| sign-in with | tries | processor time, median, ms |", "|---|---|---|"]
    for kind, attempt in kinds.items():
        spent = []
        for number in range(_SIGN_INS):
            begun = time.process_time()
            attempt(number)
            spent.append(time.process_time() - begun)
        lines.append(f"| {kind} | {_SIGN_INS} | {statistics.median(spent) * 1_000:.0f} |")
    return lines


if __name__ == "__main__":
    main()
