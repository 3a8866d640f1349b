"""A question being answered in a thread of its own, so that reruns of the page can show the answer as it grows."""

import weakref
from collections.abc import Callable, Iterator
from threading import Event, Lock, Thread

from app.domain.answers import Answer
from app.errors import DafeError
from app.logs import get_logger

_UNEXPECTED = "Something unexpected happened while answering. Ask again, and give reference {reference} if it repeats."
_log = get_logger("ui")


class _Growing:
    """What the thread and the page share; the thread holds this and never the handle, so that a lost handle ends it."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.stop = Event()
        self.ended = Event()
        self.latest: Answer | None = None
        self.error: DafeError | None = None


class RunningQuestion:
    """Starts at once. Lives in one browser session; when that session is dropped, the thread stops at its next step."""

    def __init__(self, ask: Callable[[], Iterator[Answer]]) -> None:
        self._growing = _Growing()
        weakref.finalize(self, self._growing.stop.set)
        Thread(target=_answer, args=(ask, self._growing), name="question", daemon=True).start()

    @property
    def latest(self) -> Answer | None:
        """What is known so far; None before the first step."""
        with self._growing.lock:
            return self._growing.latest

    @property
    def error(self) -> DafeError | None:
        with self._growing.lock:
            return self._growing.error

    @property
    def ended(self) -> bool:
        """Nothing more comes: finished, stopped or failed."""
        return self._growing.ended.is_set()

    def stop(self) -> None:
        """The iterator is closed at its next step, by the thread that runs it; what came so far stays."""
        self._growing.stop.set()

    def wait(self, *, timeout_seconds: float) -> bool:
        """Whether it ended within that time."""
        return self._growing.ended.wait(timeout_seconds)


def _answer(ask: Callable[[], Iterator[Answer]], growing: _Growing) -> None:
    error: DafeError | None = None
    try:
        _follow(ask(), growing)
    except DafeError as known:
        error = type(known)(_log.sentence("ask", known), **known.details)
    except Exception as unknown:  # noqa: BLE001 - the boundary of the thread: the page shows it, nobody else would
        error = DafeError(_UNEXPECTED.format(reference=_log.unexpected("ask", unknown)))
    with growing.lock:
        growing.error = error
    growing.ended.set()


def _follow(steps: Iterator[Answer], growing: _Growing) -> None:
    try:
        for answer in steps:
            with growing.lock:
                growing.latest = answer
            if growing.stop.is_set():
                return
    finally:
        close = getattr(steps, "close", None)
        if close is not None:
            close()
