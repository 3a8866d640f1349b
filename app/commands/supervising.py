"""Keeps processes running: one that ended is started again, later and later while it keeps ending."""

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from app.restarts import Restarts

Process = subprocess.Popen[bytes]
_STEADY_SECONDS = 5.0
"""Who lived for so long is started again at once."""
_FIRST_DELAY_SECONDS = 0.5
_LONGEST_DELAY_SECONDS = 30.0
_PATIENCE_SECONDS = 15.0


@dataclass(slots=True)
class _Child:
    name: str
    start: Callable[[], Process]
    process: Process
    started: float
    outlives: bool
    failures: int = 0
    """How often in a row it ended soon after its start."""
    due: float | None = None
    """When it is to be started again; None while it runs."""


class Supervisor:
    """Children by name. `look` is called about once a second."""

    def __init__(self, restarts: Restarts, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._restarts = restarts
        self._clock = clock
        self._children: dict[str, _Child] = {}

    def add(self, name: str, start: Callable[[], Process], *, outlives: bool = False) -> Process:
        """Start a child that is kept running until `end`; `name` is a word for people, such as "worker".

        One that `outlives` the others is told to end when they have ended.
        """
        child = _Child(name, start, start(), self._clock(), outlives)
        self._children[name] = child
        return child.process

    def look(self) -> None:
        """See who ended, and start again who is due."""
        for child in self._children.values():
            now = self._clock()
            if child.due is None and child.process.poll() is not None:
                child.due = now + self._delay_seconds(child, now)
                print(f"The {child.name} ended{_how(child.process)} and is started again.", file=sys.stderr, flush=True)
                self._restarts.add(child.name)
            if child.due is not None and now >= child.due:
                try:
                    child.process, child.started, child.due = child.start(), now, None
                except OSError:  # No memory or no process left: later.
                    child.due = now + _LONGEST_DELAY_SECONDS

    def end(self) -> None:
        """Tell all to end, and kill who does not within a while."""
        for outlives in (False, True):
            ending = [child.process for child in self._children.values() if child.outlives is outlives]
            for process in ending:
                if process.poll() is None:
                    process.terminate()
            until = time.monotonic() + _PATIENCE_SECONDS
            for process in ending:
                _wait(process, seconds=max(0.1, until - time.monotonic()))

    def _delay_seconds(self, child: _Child, now: float) -> float:
        if now - child.started >= _STEADY_SECONDS:
            child.failures = 0
            return 0.0
        child.failures += 1
        return min(_LONGEST_DELAY_SECONDS, _FIRST_DELAY_SECONDS * 2.0 ** (child.failures - 1))


def _how(process: Process) -> str:
    code = process.returncode
    return f" (killed by signal {-code})" if code < 0 else f" (exit code {code})"


def _wait(process: Process, *, seconds: float) -> None:
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
