"""Group commit: what many callers ask for at the same time is written together and paid with one wait for the disk."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import Generic, TypeVar

from app.errors import BackendUnavailableError

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

_MOST_TOGETHER = 512


class GroupCommit(Generic[_Item, _Result]):
    """Threads call `add`; one thread of its own, begun at the first call, writes whatever waits.

    `write` gets the items in order and returns one result for each, or raises BackendUnavailableError for all of them.
    """

    def __init__(
        self, write: Callable[[Sequence[_Item]], Sequence[_Result]], *, patience_seconds: float, too_late: str
    ) -> None:
        self._write = write
        self._patience_seconds = patience_seconds
        self._too_late = too_late
        self._lock = Lock()
        self._waiting: SimpleQueue[tuple[_Item, Future[_Result]] | None] = SimpleQueue()
        self._writer: Thread | None = None

    def add(self, item: _Item) -> _Result:
        """The item's result, when it is written. Raises BackendUnavailableError with the sentence `too_late` when that
        takes longer than the patience; an item that nobody waits for any more is not written."""
        future: Future[_Result] = Future()
        with self._lock:
            if self._writer is None or not self._writer.is_alive():
                self._waiting = SimpleQueue()
                self._writer = Thread(target=self._run, args=(self._waiting,), name="group-commit", daemon=True)
                self._writer.start()
            self._waiting.put((item, future))
        try:
            return future.result(timeout=self._patience_seconds)
        except TimeoutError as error:
            future.cancel()
            raise BackendUnavailableError(self._too_late) from error
        except BackendUnavailableError as error:
            raise BackendUnavailableError(error.message) from error

    def close(self) -> None:
        """What waits is written first; adding again begins anew."""
        with self._lock:
            writer, self._writer = self._writer, None
            self._waiting.put(None)
        if writer is not None:
            writer.join(timeout=self._patience_seconds)

    def _run(self, waiting: "SimpleQueue[tuple[_Item, Future[_Result]] | None]") -> None:
        going_on = True
        while going_on:
            taken = [waiting.get()]
            while taken[-1] is not None and len(taken) < _MOST_TOGETHER:
                try:
                    taken.append(waiting.get_nowait())
                except Empty:
                    break
            going_on = taken[-1] is not None
            wanted = [one for one in taken if one is not None and one[1].set_running_or_notify_cancel()]
            if wanted:
                self._settle(wanted)

    def _settle(self, wanted: Sequence[tuple[_Item, "Future[_Result]"]]) -> None:
        message = self._too_late
        results: Sequence[_Result] | None = None
        try:
            results = self._write([item for item, _ in wanted])
        except BackendUnavailableError as error:
            message = error.message
        finally:
            for place, (_, future) in enumerate(wanted):
                if results is None:
                    future.set_exception(BackendUnavailableError(message))
                else:
                    future.set_result(results[place])
