"""Looks after endpoints in the background, one thread each, so that a dead one keeps nobody waiting."""

from collections.abc import Callable, Sequence
from threading import Event, Lock, Thread

from backends.llm.endpoint import Endpoint

_JOIN_SECONDS = 2.0


class Watch:
    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        *,
        check: Callable[[Endpoint], None],
        pause_seconds: Callable[[Endpoint], float],
    ) -> None:
        self._endpoints = tuple(endpoints)
        self._check = check
        self._pause_seconds = pause_seconds
        self._stop = Event()
        self._threads: list[Thread] = []
        self._starting = Lock()

    def start(self) -> None:
        """Each endpoint is looked at now and then again and again; a second call does nothing."""
        with self._starting:
            if self._threads or self._stop.is_set():
                return
            self._threads = [
                Thread(target=self._run, args=(one,), name=f"endpoint {one.settings.name}", daemon=True)
                for one in self._endpoints
            ]
            for thread in self._threads:
                thread.start()

    def close(self) -> None:
        """Close the endpoints; one that is just being asked is closed by its thread when the answer is there."""
        with self._starting:
            first = not self._stop.is_set()
            self._stop.set()
        for thread in self._threads:
            thread.join(_JOIN_SECONDS)
        if first and not self._threads:
            for endpoint in self._endpoints:
                endpoint.close()

    def _run(self, endpoint: Endpoint) -> None:
        try:
            self._check(endpoint)
            while not self._stop.wait(self._pause_seconds(endpoint)):
                self._check(endpoint)
        finally:
            endpoint.close()
