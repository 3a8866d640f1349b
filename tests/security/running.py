"""`dafe up` on a data folder of its own, with people who have passwords, for tests that attack it over real sockets."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from app.container import Services, open_services
from app.settings import Settings, load_settings
from tests.api.conftest import PASSWORD

ROOT = Path(__file__).parents[2]
_READY_SECONDS = 280.0


@dataclass(frozen=True, slots=True)
class Running:
    address: str
    settings: Settings
    log: Path
    pid: int

    def pid_of(self, module: str) -> int:
        """The child process that runs `module`."""
        for pid in all_pids():
            if parent_of(pid) == self.pid and f"-m\0{module}\0" in command_of(pid) + "\0":
                return pid
        raise LookupError(module)

    def bearer(self, username: str) -> dict[str, str]:
        answer = httpx.post(
            f"{self.address}/api/v1/tokens", json={"username": username, "password": PASSWORD}, timeout=60
        )
        assert answer.status_code == 201, answer.text
        return {"authorization": f"Bearer {answer.json()['access_token']}"}


@contextmanager
def running(
    folder: Path,
    prepare: Callable[[Services], None],
    *,
    web_alone: bool = False,
    options: Sequence[str] = (),
    chosen: Mapping[str, Any] | None = None,
    **variables: str,
) -> Iterator[Running]:
    """`prepare` fills the data folder before the start; `variables` are settings, without their prefix; `options` are
    those of `dafe up`; `web_alone` starts the web process and nothing beside it. `chosen` are settings too, those that
    `prepare` needs."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    plain = {"embeddings": {"kind": "hashing"}, "llm": {"kind": "none"}, "samples": False, "port": port}
    settings = load_settings(**plain | {"data_dir": folder / "data"} | dict(chosen or {}))
    services = open_services(settings)
    prepare(services)
    services.close()
    given = {"DATA_DIR": str(folder / "data"), "EMBEDDINGS__KIND": "hashing", "LLM__KIND": "none", "SAMPLES": "false"}
    given["PORT"] = str(port)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DAFE_")}
    environment |= {f"DAFE_{name}": value for name, value in {**given, **variables}.items()}
    log = folder / "log"
    with log.open("wb") as output:
        up = [str(Path(sys.executable).with_name("dafe")), "up", *options]
        command = [sys.executable, "-m", "app.asgi"] if web_alone else up
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=environment, cwd=ROOT)
        started = Running(f"http://localhost:{port}", settings, log, process.pid)
        try:
            _wait_until_ready(started, process)
            yield started
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=120)


def _wait_until_ready(started: Running, process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + _READY_SECONDS
    while True:
        with suppress(httpx.HTTPError):
            if httpx.get(f"{started.address}/healthz", timeout=30).status_code == 200:
                return
        assert process.poll() is None and time.monotonic() < until, started.log.read_text(errors="replace")
        time.sleep(0.2)


def all_pids() -> set[int]:
    with os.scandir("/proc") as entries:
        return {int(entry.name) for entry in entries if entry.name.isdigit()}


def parent_of(pid: int) -> int:
    """0 for a process that is gone."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text(errors="replace").rsplit(")", 1)[1].split()[1])
    except (OSError, IndexError):
        return 0


def command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
    except OSError:
        return ""


def peak_kilobytes(pid: int) -> int:
    """The most memory that the process ever held, as the kernel counts it; 0 for one that is gone."""
    try:
        found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text(errors="replace"))
    except OSError:
        return 0
    return int(found[1]) if found else 0
