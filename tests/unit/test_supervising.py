"""A child that ends is started again, later and later while it keeps ending, and people are told."""

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from app.commands.supervising import Supervisor
from app.restarts import Restarts

ENDS = [sys.executable, "-c", "raise SystemExit(3)"]
STAYS = [sys.executable, "-c", "import time; time.sleep(60)"]


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Started:
    """Starts a command, and keeps what it started."""

    def __init__(self, command: list[str]) -> None:
        self.command = command
        self.processes: list[subprocess.Popen[bytes]] = []

    def __call__(self) -> "subprocess.Popen[bytes]":
        self.processes.append(subprocess.Popen(self.command, stdin=subprocess.DEVNULL))
        return self.processes[-1]

    def wait(self) -> None:
        self.processes[-1].wait(timeout=30)


def test_a_child_that_lived_for_a_while_is_started_again_at_once_and_noted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    restarts, clock, started = Restarts(tmp_path), Clock(), Started(STAYS)
    supervisor = Supervisor(restarts, clock=clock)
    supervisor.add("worker", started)
    clock.now += 60
    supervisor.look()
    assert len(started.processes) == 1
    started.processes[0].kill()
    started.wait()
    supervisor.look()
    assert len(started.processes) == 2
    assert "The worker ended (killed by signal 9) and is started again." in capsys.readouterr().err
    assert [row.process for row in restarts.find(within=timedelta(minutes=1))] == ["worker"]
    supervisor.end()
    assert started.processes[-1].returncode == -15


def test_a_child_that_ends_again_and_again_is_started_later_and_later(tmp_path: Path) -> None:
    clock, started = Clock(), Started(ENDS)
    supervisor = Supervisor(Restarts(tmp_path), clock=clock)
    supervisor.add("web process", started)
    waited = []
    for number in range(1, 9):
        started.wait()
        ended = clock.now
        supervisor.look()
        while len(started.processes) == number:
            clock.now += 0.25
            supervisor.look()
        waited.append(clock.now - ended)
    supervisor.end()
    assert waited == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]


def test_one_that_outlives_the_others_ends_after_them(tmp_path: Path) -> None:
    last = tmp_path / "last"
    writes = "import signal, sys, time; signal.signal(15, lambda *_: (open({!r}, 'a').write({!r}), sys.exit()));"
    writes += "print('on', flush=True); time.sleep(60)"
    supervisor = Supervisor(Restarts(tmp_path))

    def start(letter: str) -> "subprocess.Popen[bytes]":
        return subprocess.Popen([sys.executable, "-c", writes.format(str(last), letter)], stdout=subprocess.PIPE)

    for letter, outlives in (("z", True), ("a", False), ("b", False)):
        child = supervisor.add(letter, lambda letter=letter: start(letter), outlives=outlives)  # type: ignore[misc]
        assert child.stdout is not None
        with child.stdout:
            assert child.stdout.readline() == b"on\n"
    supervisor.end()
    assert sorted(last.read_text()[:2]) == ["a", "b"]
    assert last.read_text()[2] == "z"


def test_a_damaged_file_of_restarts_is_no_harm(tmp_path: Path) -> None:
    restarts = Restarts(tmp_path)
    (tmp_path / "restarts.json").write_text("[{", encoding="utf-8")
    assert restarts.find(within=timedelta(hours=1)) == []
    restarts.add("worker")
    assert len(restarts.find(within=timedelta(hours=1))) == 1
    Restarts(tmp_path / "gone").add("worker")
