"""Ends open sockets whose session ended."""

import asyncio
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress

from app.errors import BackendUnavailableError

_EVERY_SECONDS = 1.0


class SessionWatch:
    """One task for all sockets of this process: each second the sessions with open sockets are looked up at once."""

    def __init__(self, find_ended: Callable[[Collection[str]], Collection[str]]) -> None:
        """`find_ended` is called in a thread with the tokens and returns those whose session is over."""
        self._find_ended = find_ended
        self._ended: dict[str, list[asyncio.Event]] = {}
        self._task: asyncio.Task[None] | None = None

    @contextmanager
    def socket(self, token: str) -> Iterator[asyncio.Event]:
        """An event that is set when the session of `token` is over."""
        ended = asyncio.Event()
        self._ended.setdefault(token, []).append(ended)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
        try:
            yield ended
        finally:
            self._ended[token].remove(ended)
            if not self._ended[token]:
                del self._ended[token]

    async def _run(self) -> None:
        while self._ended:
            await asyncio.sleep(_EVERY_SECONDS)
            with suppress(BackendUnavailableError):
                for token in await asyncio.to_thread(self._find_ended, list(self._ended)):
                    for ended in self._ended.get(token, []):
                        ended.set()
