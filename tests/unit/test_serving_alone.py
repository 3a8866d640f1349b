"""`dafe api` as a process: a port in use is said in one sentence, and either signal ends it with what it started."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

DAFE = Path(sys.executable).parent / "dafe"


def start(folder: Path, port: int) -> "subprocess.Popen[str]":
    """In a process group of its own, as in a terminal."""
    settings = {"DATA_DIR": str(folder / "data"), "EMBEDDINGS__KIND": "hashing", "LLM__KIND": "none"}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DAFE_")}
    environment |= {f"DAFE_{name}": value for name, value in settings.items()}
    return subprocess.Popen(
        [DAFE, "api", "--port", str(port)],
        env=environment,
        cwd=folder,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def test_a_port_in_use_is_said_in_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        process = start(tmp_path, port)
        _, said = process.communicate(timeout=120)
    assert process.returncode == 4
    assert said.startswith(f"Port {port} is in use")
    assert said.count("\n") == 1


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_process_and_what_it_started(tmp_path: Path, number: signal.Signals) -> None:
    """Ctrl-C reaches the whole group, SIGTERM the parent alone."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = start(tmp_path, port)
    try:
        wait_until_it_answers(process, port)
        (os.killpg if number == signal.SIGINT else os.kill)(process.pid, number)
        _, said = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == 0
    assert "Traceback" not in said
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)


def wait_until_it_answers(process: "subprocess.Popen[str]", port: int) -> None:
    until = time.monotonic() + 120
    while time.monotonic() < until and process.poll() is None:
        try:
            httpx.get(f"http://127.0.0.1:{port}/api/v1/workspaces")
        except httpx.TransportError:
            time.sleep(0.2)
        else:
            return
    raise AssertionError("it does not answer")
