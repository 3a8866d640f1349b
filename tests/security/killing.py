"""The running application, as `dafe up` starts it, and somebody who kills its processes at random moments."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from random import Random
from threading import Event, Lock, Thread
from typing import Any

import httpx

ROOT = Path(__file__).parents[2]
EVERYTHING = "everything at once"
WORKER, WEB, CHROMA, SEALER, UP = "worker", "web process", "Chroma server", "sealer", "dafe up"
_MARKS = {"app.worker": WORKER, "app.asgi": WEB, "chroma_child.py": CHROMA, "app.sealer": SEALER, "/dafe up": UP}
_PATIENCE_SECONDS = 600.0


class Application:
    """One `dafe up` on a data folder; every process of it is found by its environment, whoever started it."""

    def __init__(self, folder: Path, settings: dict[str, str]) -> None:
        self.data_dir = folder.resolve() / "data"
        self.log = folder / "log"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        own = {name: value for name, value in os.environ.items() if not name.startswith("DAFE_")}
        self.environment = {**own, "PYTHONPATH": str(ROOT), "DAFE_DATA_DIR": str(self.data_dir), **settings}
        self._lock = Lock()
        self._up: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def keep_up(self) -> None:
        """Start `dafe up` unless it runs: what a service manager does."""
        command = [str(Path(sys.executable).with_name("dafe")), "up", "--port", str(self.port)]
        with self._lock:
            if self._up is not None and self._up.poll() is None:
                return
            with self.log.open("ab") as log:
                self._up = subprocess.Popen(command, env=self.environment, cwd=ROOT, stdout=log, stderr=log)

    def wait_until_ready(self) -> None:
        until = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < until:
            self.keep_up()
            with suppress(httpx.HTTPError):
                if httpx.get(f"{self.address}/readyz", timeout=5).is_success:
                    return
            time.sleep(0.3)
        raise AssertionError(f"not ready in {_PATIENCE_SECONDS} seconds: {self.log.read_text()[-2000:]}")

    def find_processes(self) -> dict[int, str]:
        """What each process is, by its id."""
        mark = f"DAFE_DATA_DIR={self.data_dir}".encode()
        found: dict[int, str] = {}
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if mark in (folder / "environ").read_bytes().split(b"\0"):
                    command = (folder / "cmdline").read_bytes().decode().replace("\0", " ")
                    found[int(folder.name)] = next((name for part, name in _MARKS.items() if part in command), "other")
        return found

    def kill(self, wanted: str) -> bool:
        """Whether there was such a process; it is gone then."""
        found = {process for process, name in self.find_processes().items() if wanted in {name, EVERYTHING}}
        first = {self._up.pid} & found if self._up is not None else set()
        for process in [*first, *sorted(found - first)]:  # `dafe up` first: it would start the others again.
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        while found & self.find_processes().keys():
            time.sleep(0.1)
        return bool(found)

    def end(self) -> None:
        """With Ctrl-C, as people end it."""
        assert self._up is not None
        self._up.send_signal(signal.SIGINT)
        try:
            self._up.wait(timeout=60)
        finally:
            while self.kill(EVERYTHING):
                pass


class Killer(Thread):
    """Kills one of `kinds` at random moments until it is told to rest or has killed often enough.

    Before the given `share` of kills it waits until `at_work` is set, which whoever sees work in hand does; the others
    may come at any moment, in the middle of a start too.
    """

    def __init__(
        self,
        application: Application,
        kinds: Sequence[str],
        *,
        kills: int,
        seconds_between: float,
        random: Random,
        share: float = 0.0,
    ) -> None:
        super().__init__(name="killer", daemon=True)
        self.killed: Counter[str] = Counter()
        self.at_work = Event()
        self._application = application
        self._kinds = kinds
        self._kills = kills
        self._mean = seconds_between
        self._random = random
        self._share = share
        self._rest = Event()

    def run(self) -> None:
        while self.killed.total() < self._kills and not self._rest.is_set():
            if self._random.random() < self._share:
                self.at_work.wait(_PATIENCE_SECONDS)
            if self._rest.wait(self._random.expovariate(1 / self._mean)):
                return
            kind = self._random.choice(self._kinds)
            if self._application.kill(kind):
                self.killed[kind] += 1
            self.at_work.clear()
            self._application.keep_up()

    def end(self) -> None:
        self._rest.set()
        self.at_work.set()
        self.join()


class Person:
    """Somebody with a user name who uses REST and asks again until there is an answer."""

    def __init__(self, application: Application, *, username: str, password: str) -> None:
        self._application = application
        self._signs_in = {"username": username, "password": password}
        self._token = ""
        self.unanswered = 0

    def ask(self, method: str, path: str, **options: Any) -> Any:
        """The answer; who gets none, or one that says to come again, comes again."""
        until = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < until:
            try:
                answer = self._ask_once(method, path, **options)
            except httpx.HTTPError:
                answer = None
            if answer is not None and answer.is_success:
                return answer
            if answer is not None and answer.status_code == 401:
                self._token = ""
                continue
            assert answer is None or answer.status_code == 503, f"{path}: {answer.status_code} {answer.text}"
            self.unanswered += 1
            self._application.keep_up()
            time.sleep(0.2)
        raise AssertionError(f"no answer from {path}: {self._application.log.read_text()[-2000:]}")

    def _ask_once(self, method: str, path: str, **options: Any) -> httpx.Response:
        with httpx.Client(base_url=f"{self._application.address}/api/v1", timeout=60, trust_env=False) as client:
            if not self._token:
                answer = client.post("/tokens", json=self._signs_in)
                if not answer.is_success:
                    return answer
                self._token = answer.json()["access_token"]
            return client.request(method, path, headers={"Authorization": f"Bearer {self._token}"}, **options)
