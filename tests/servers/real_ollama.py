"""Starts a real Ollama server that holds SmolLM2 and can reach nothing outside this machine."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx

from tests.servers.requiring import require
from tests.servers.smollm2 import smollm2_path

MODEL = "smollm2-test"
_START_SECONDS = 60.0
_BUILT = "ollama/bin/ollama-0.17.4"
_HOW = "build it with tests/servers/build_ollama.sh, or name a binary in DAFE_TEST_OLLAMA"


class RealOllama:
    """One server and its files, which runs at once; it may be killed and started again at the same address."""

    def __init__(self, folder: Path) -> None:
        self._binary, self._folder = ollama_binary(), folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{free.getsockname()[1]}"
        self.url = f"http://{address}"
        self._environment = {
            **{name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ},
            "HOME": str(folder),
            "OLLAMA_HOST": address,
            "OLLAMA_MODELS": str(folder / "models"),
            "OLLAMA_NO_CLOUD": "1",
            "OLLAMA_REMOTES": "127.0.0.1",
            "OLLAMA_NOPRUNE": "1",
            "OLLAMA_NUM_PARALLEL": "1",
            "GIN_MODE": "release",
        }
        self.start()

    def start(self) -> None:
        with (self._folder / "server.log").open("ab") as log:
            self.process: subprocess.Popen[bytes] = subprocess.Popen(
                [self._binary, "serve"], env=self._environment, stdout=log, stderr=log, cwd=self._folder
            )
        until = time.monotonic() + _START_SECONDS
        while time.monotonic() < until and self.process.poll() is None:
            try:
                if httpx.get(f"{self.url}/api/version", trust_env=False, timeout=1.0).is_success:
                    return
            except httpx.TransportError:
                time.sleep(0.1)
        self.stop()
        raise RuntimeError("the Ollama server did not start: see server.log in its folder")

    def install(self, model: Path, *, num_ctx: int) -> None:
        """As MODEL."""
        modelfile = self._folder / "Modelfile"
        modelfile.write_text(f"FROM {model}\nPARAMETER num_thread 1\nPARAMETER num_ctx {num_ctx}\n")
        command: list[str | Path] = [self._binary, "create", MODEL, "-f", modelfile]
        subprocess.run(command, env=self._environment, check=True, capture_output=True, cwd=self._folder)

    def kill(self) -> None:
        """As kill -9 does; its model processes, which would live on, go with it, as a service manager has it."""
        runners = self.runners()
        self.process.kill()
        self.process.wait()
        for runner in runners:
            with suppress(ProcessLookupError):
                os.kill(runner, signal.SIGKILL)

    def stop(self) -> None:
        if self.process.poll() is not None:
            return
        # Only this signal makes it end its model processes.
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.kill()

    def runner_seconds(self) -> float:
        """CPU time that the model's processes have used so far."""
        ticks = sum(int(values[11]) + int(values[12]) for values in self._runners().values())
        return ticks / os.sysconf("SC_CLK_TCK")

    def runners(self) -> list[int]:
        """Ids of the model's processes."""
        return list(self._runners())

    def _runners(self) -> dict[int, list[str]]:
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                values = (folder / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(values[1]) == self.process.pid and values[0] != "Z":
                found[int(folder.name)] = values
        return found


def ollama_binary() -> Path:
    """Named in DAFE_TEST_OLLAMA, built into the cache, or installed."""
    cache = Path(os.environ.get("DAFE_TEST_CACHE") or Path.home() / ".cache" / "dafe-test")
    places = (os.environ.get("DAFE_TEST_OLLAMA"), cache / _BUILT, shutil.which("ollama"))
    found = next((place for place in places if place and os.access(place, os.X_OK)), None)
    return Path(found) if found else require("ollama", _HOW)


@contextmanager
def real_ollama(folder: Path, *, num_ctx: int = 1024) -> Iterator[RealOllama]:
    """A server whose files lie in `folder`; SmolLM2 is installed there as MODEL."""
    model = smollm2_path()
    server = RealOllama(folder)
    try:
        server.install(model, num_ctx=num_ctx)
        yield server
    finally:
        server.stop()
