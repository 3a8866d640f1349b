"""Keeps calls away from an endpoint that fails, and finds out when it works again."""

import time
from collections import deque
from collections.abc import Callable
from typing import Literal

BreakerState = Literal["closed", "open", "half_open"]

_FAILURES_IN_A_ROW = 3
_LATEST = 20
_FEWEST_JUDGED = 10
_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 60.0


class CircuitBreaker:
    """Closed lets calls through. It opens after three failures in a row, or when more than half of the latest twenty
    calls failed; after a pause one trial is due, and until a call has succeeded again the first failure opens it for
    twice as long. Not for several threads at once: its owner holds a lock."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._latest: deque[bool] = deque(maxlen=_LATEST)
        self._in_a_row = 0
        self._proven = True
        self._pause_seconds = _FIRST_PAUSE_SECONDS
        self._opened_at = 0.0
        self.state: BreakerState = "closed"

    def succeed(self) -> None:
        """A call came to its end. While open that says nothing: the call began before."""
        if self.state == "closed":
            self._latest.append(True)
            self._in_a_row = 0
            self._proven = True
            self._pause_seconds = _FIRST_PAUSE_SECONDS

    def fail(self) -> None:
        """A call failed, or a trial."""
        if self.state == "open":
            return
        self._latest.append(False)
        self._in_a_row += 1
        failed = self._latest.count(False)
        often = len(self._latest) >= _FEWEST_JUDGED and failed * 2 > len(self._latest)
        if self.state == "half_open" or not self._proven or self._in_a_row >= _FAILURES_IN_A_ROW or often:
            self._open()

    def seconds_to_trial(self) -> float:
        """Zero when a trial is due; only while open."""
        return max(0.0, self._opened_at + self._pause_seconds - self._clock())

    def begin_trial(self) -> bool:
        """Whether the caller shall try the endpoint now: one does, and then tells how it went."""
        if self.state != "open" or self.seconds_to_trial() > 0:
            return False
        self.state = "half_open"
        return True

    def pass_trial(self) -> None:
        """The trial went well: calls go through again, on probation."""
        if self.state == "half_open":
            self.state = "closed"

    def withdraw_trial(self) -> None:
        """The trial could not be made, which says nothing of the endpoint: it is due still."""
        if self.state == "half_open":
            self.state = "open"

    def _open(self) -> None:
        if not self._proven:
            self._pause_seconds = min(_LONGEST_PAUSE_SECONDS, self._pause_seconds * 2)
        self.state = "open"
        self._opened_at = self._clock()
        self._proven = False
        self._latest.clear()
        self._in_a_row = 0
