"""Equal questions that are asked at once cost one answer: who comes first computes it, the others watch it grow."""

import time
from collections.abc import Callable, Generator
from contextlib import closing
from threading import Condition, Lock

from app.domain.answers import Answer

Answers = Generator[Answer, None, None]
_LOOK_SECONDS = 0.5
_MOST_HELD_SECONDS = 5.0
"""For so long the others wait while the first one's own reader does not take its next step."""


class SingleFlight:
    """Within one process. Threads may share this object."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._flights: dict[str, _Flight] = {}

    def follow(self, key: str, start: Callable[[], Answers]) -> Answers:
        """The answers of `start`, called here unless somebody with this key computes them already.

        Whoever computed them and failed, was stopped or is stuck is followed by the next, who begins anew; where two
        failed, all begin at once, so that nobody waits for others' failures. Nobody gets an error of another. Who
        watches is given the latest step again now and then, so that they can stop.
        """
        failures = 0
        while True:
            flight, leads = self._join(key)
            if leads:
                yield from self._lead(key, flight, start)
                return
            if (yield from flight.watch()):
                return
            self._leave(key, flight)
            failures += flight.failed
            if failures > 1:
                yield from start()
                return

    def _join(self, key: str) -> tuple["_Flight", bool]:
        with self._lock:
            known = self._flights.get(key)
            flight = self._flights.setdefault(key, _Flight())
            return flight, known is None

    def _leave(self, key: str, flight: "_Flight") -> None:
        with self._lock:
            if self._flights.get(key) is flight:
                del self._flights[key]

    def _lead(self, key: str, flight: "_Flight", start: Callable[[], Answers]) -> Answers:
        try:
            with closing(start()) as answers:
                for answer in answers:
                    flight.show(answer)
                    if answer.finished:
                        self._leave(key, flight)
                    yield answer
                    flight.go_on()
        except Exception:
            flight.failed = True
            raise
        finally:
            self._leave(key, flight)
            flight.end()


class _Flight:
    def __init__(self) -> None:
        self.failed = False
        self._changed = Condition()
        self._latest: Answer | None = None
        self._ended = False
        self._held_since: float | None = None

    def show(self, answer: Answer) -> None:
        with self._changed:
            self._latest = answer
            self._held_since = time.monotonic()
            self._changed.notify_all()

    def go_on(self) -> None:
        with self._changed:
            self._held_since = None

    def end(self) -> None:
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def watch(self) -> Generator[Answer, None, bool]:
        """What is shown; True when the last one was the finished answer."""
        seen: Answer | None = None
        while True:
            with self._changed:
                if self._latest is seen and not self._ended:
                    self._changed.wait(_LOOK_SECONDS)
                is_new, seen, over = self._latest is not seen, self._latest, self._ended or self._is_stuck()
            if seen is not None:
                yield seen
                if seen.finished:
                    return True
            if over and not is_new:
                return False

    def _is_stuck(self) -> bool:
        return self._held_since is not None and time.monotonic() - self._held_since > _MOST_HELD_SECONDS
