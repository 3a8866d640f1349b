"""How much a request may bring: nothing large is taken from somebody unknown, and no body without an end."""

from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.auth import bearer_token
from app.api.errors import problem
from app.errors import NotSignedInError

_OF_STRANGERS = 16_384
_WITHOUT_FILES = 1_000_000
_AROUND_FILES = 1_000_000
"""What a form may hold beside its files."""
_TOO_LARGE = (413, "The request is larger than the limit allows: send less at a time.")
_UNKNOWN = (401, "Send a valid bearer token first: a request of this size is taken from nobody unknown.")


class BodyLimit:
    """Pure ASGI. A body is counted as it comes, whatever its length was said to be."""

    def __init__(self, app: ASGIApp, *, session_of: Callable[[str], object], file_bytes: int) -> None:
        """`session_of` raises NotSignedInError for a token that is not ours; whether its session still runs is asked
        later."""
        self._app = app
        self._session_of = session_of
        self._file_bytes = file_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        most, refusal = self._most(headers)
        said = headers.get("content-length", "")
        if said.isdigit() and int(said) > most:
            await problem(*refusal)(scope, receive, send)
            return
        await self._app(scope, _counted(receive, most, refusal), send)

    def _most(self, headers: Headers) -> tuple[int, tuple[int, str]]:
        """How much is taken, and what is said to more."""
        try:
            self._session_of(bearer_token(headers))
        except NotSignedInError:
            return _OF_STRANGERS, _UNKNOWN
        has_files = headers.get("content-type", "").startswith("multipart/form-data")
        return self._file_bytes + _AROUND_FILES if has_files else _WITHOUT_FILES, _TOO_LARGE


def _counted(receive: Receive, most: int, refusal: tuple[int, str]) -> Receive:
    taken = 0

    async def receiving() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > most:
            raise HTTPException(*refusal)
        return message

    return receiving
