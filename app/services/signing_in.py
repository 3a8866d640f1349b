"""Signs people in beside everything else: hashing a password costs time and memory that others must not wait for."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from app.errors import BackendUnavailableError
from app.services.sessions import SessionService, SignedIn

_AT_A_TIME = 2
_MOST_WAITING = 100


class SignIns:
    """Two at a time in threads of their own; the others wait in turn, and too many are sent away."""

    def __init__(self, sessions: SessionService) -> None:
        self._sessions = sessions
        self._threads = ThreadPoolExecutor(_AT_A_TIME, thread_name_prefix="sign-in")
        self._waiting = 0

    def close(self) -> None:
        """Who waits still is sent away; who is signed in at this moment is waited for."""
        self._threads.shutdown(cancel_futures=True)

    async def sign_in(self, *, username: str, password: str, address: str, agent: str) -> SignedIn:
        """As SessionService.sign_in. Raises BackendUnavailableError when too many wait already."""
        if self._waiting >= _MOST_WAITING:
            raise BackendUnavailableError("Too many people are signing in at this moment: try again in a minute.")
        self._waiting += 1
        try:
            work = partial(self._sessions.sign_in, username=username, password=password, address=address, agent=agent)
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1
