"""Ends open sockets whose session ended."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from app.errors import BackendUnavailableError, NotSignedInError

_EVERY_SECONDS = 1.0


class SessionWatch:
    """One task for all sockets of this process: each second every session with open sockets is looked up once."""

    def __init__(self, check: Callable[[str], object]) -> None:
        """`check` is called with a token in a thread and raises NotSignedInError when its session ended."""
        self._check = check
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
            for token in list(self._ended):
                if not await asyncio.to_thread(self._is_valid, token):
                    for ended in self._ended.get(token, []):
                        ended.set()

    def _is_valid(self, token: str) -> bool:
        try:
            self._check(token)
        except NotSignedInError:
            return False
        except BackendUnavailableError:
            return True
        return True
