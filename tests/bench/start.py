"""How long a start takes that is not the first: until the sign-in page, the first page and the first answer.

python -m tests.bench.start [--rounds 3] [--folder FOLDER]

The demo data is indexed once, into FOLDER where one is given. Nothing waits between the steps: a person who has signed
in at once asks at once. Modules are compiled, as they are from the first `make run` on. In the first round nothing is
in the disk's cache, where the system lets us empty it.
"""

import argparse
import os
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx

from app.commands.first_start import prepare
from app.container import OPERATOR, open_services
from app.settings import Settings, load_settings
from tests.api.conftest import PASSWORD
from tests.security.page_socket import PageSocket
from tests.security.results import write_section
from tests.security.running import all_pids, command_of, parent_of
from tests.working import work_off

ROOT = Path(__file__).parents[2]
RESULTS = Path(__file__).parent / "RESULTS.md"
QUESTION = "Which drug was replaced after the interaction with warfarin?"
STEPS = ("sign-in page", "first page", "first answer")
PROCESSES = {"app.asgi": "web process", "app.worker": "worker", "app.sealer": "sealer"}
_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Round:
    """By step: seconds since the start, and by process CPU seconds used until then."""

    seconds: Mapping[str, float]
    cpu: Mapping[str, Mapping[str, float]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = load_settings(data_dir=options.folder or Path(folder), llm={"kind": "none"})
        _index(settings)
        emptied, load = _empty_disk_cache(), os.getloadavg()[0]
        rounds = [_start(settings) for _ in range(options.rounds)]
    write_section(RESULTS, "start", "\n".join(_lines(rounds, emptied=emptied, load=load)))


def _index(settings: Settings) -> None:
    """The demo workspaces, and an administrator who has chosen a password."""
    services = open_services(settings)
    try:
        password = prepare(services, OPERATOR).password
        if password is not None:
            signed = services.sessions.sign_in(username="admin", password=password, address="127.0.0.1", agent="")
            actor = services.sessions.actor_for(signed.token, address="127.0.0.1")
            services.users.change_own_password(actor, old=password, new=PASSWORD)
            work_off(services)
    finally:
        services.close()


def _empty_disk_cache() -> bool:
    os.sync()
    try:
        Path("/proc/sys/vm/drop_caches").write_text("3\n")
    except OSError:
        return False
    return True


def _start(settings: Settings) -> Round:
    seconds: dict[str, float] = {}
    cpu: dict[str, dict[str, float]] = {}
    began = time.monotonic()
    with _running(settings) as pid:
        for step in _steps(settings):
            seconds[step] = time.monotonic() - began
            cpu[step] = _cpu_seconds(pid)
    return Round(seconds, cpu)


@contextmanager
def _running(settings: Settings) -> Iterator[int]:
    environment = {**os.environ, "DAFE_DATA_DIR": str(settings.data_dir.resolve()), "DAFE_LLM__KIND": "none"}
    command = [Path(sys.executable).with_name("dafe"), "up", "--port", str(settings.port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment, cwd=ROOT)
    try:
        yield process.pid
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=_SECONDS)


def _steps(settings: Settings) -> Iterator[str]:
    """Yields the name of each step when it is done."""
    with httpx.Client(base_url=settings.address, timeout=_SECONDS, trust_env=False) as client:
        _wait_for_sign_in_page(client)
        yield STEPS[0]
        form = {"username": "admin", "password": PASSWORD, "next": "/"}
        client.post("/session/sign-in", data=form, headers={"origin": settings.address})
        with PageSocket(settings.address, client.cookies["dafe"]) as page:
            shown = page.run()
        assert "Documents" in shown, shown
        yield STEPS[1]
        token = client.post("/api/v1/tokens", json={"username": "admin", "password": PASSWORD}).json()["access_token"]
        headers = {"authorization": f"Bearer {token}"}
        workspace_id = client.get("/api/v1/workspaces", headers=headers).json()[0]["id"]
        asked = {"text": QUESTION, "mode": "graphrag"}
        answer = client.post(f"/api/v1/workspaces/{workspace_id}/questions", json=asked, headers=headers)
        assert answer.is_success, answer.text
        yield STEPS[2]


def _wait_for_sign_in_page(client: httpx.Client) -> None:
    until = time.monotonic() + _SECONDS
    while time.monotonic() < until:
        with suppress(httpx.TransportError):
            client.get("/session/sign-in").raise_for_status()
            return
        time.sleep(0.05)
    raise TimeoutError("it did not start")


def _cpu_seconds(parent: int) -> dict[str, float]:
    """User and system time so far, by process."""
    used = {"dafe up": _cpu_of(parent)}
    for pid in all_pids():
        if parent_of(pid) == parent:
            module = next((name for name in PROCESSES if name in command_of(pid)), "")
            used[PROCESSES.get(module, "others")] = used.get(PROCESSES.get(module, "others"), 0.0) + _cpu_of(pid)
    return used


def _cpu_of(pid: int) -> float:
    """With its children that have ended."""
    try:
        values = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, values[11:15])) / os.sysconf("SC_CLK_TCK")


def _lines(rounds: list[Round], *, emptied: bool, load: float) -> list[str]:
    made = f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, load {load:.1f}, Python {platform.python_version()}"
    names = ["dafe up", *PROCESSES.values()]
    lines = [
        f"## A start that is not the first\n\n`python -m tests.bench.start` ({made})\n",
        f"| until | first round{', disk cache empty' if emptied else ''}, s | median of the others, s | CPU s of all"
        f" | {' | '.join(f'{name}, CPU s' for name in names)} |",
        "|---" * (4 + len(names)) + "|",
    ]
    first, later = rounds[0], rounds[1:] or rounds
    for step in STEPS:
        by_process = [statistics.median(one.cpu[step].get(name, 0.0) for one in later) for name in names]
        figures = [
            first.seconds[step],
            statistics.median(one.seconds[step] for one in later),
            statistics.median(sum(one.cpu[step].values()) for one in later),
            *by_process,
        ]
        lines.append(f"| {step} | {' | '.join(f'{figure:.1f}' for figure in figures)} |")
    note = (
        "`dafe up` on the demo data of both samples, indexed; `make run` before it only compares two dates. Signed in,"
        " opened and asked with no pause between the steps; CPU is what all processes have used until then."
    )
    return [*lines, "", note]


if __name__ == "__main__":
    main()
