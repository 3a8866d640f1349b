"""The gate in front of every path: nobody reaches a page, file, upload or socket without a valid session."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from urllib.parse import quote, urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.headers import Headers as HeaderList
from app.api.headers import adding
from app.api.watch import SessionWatch
from app.domain.access import Actor
from app.errors import BackendUnavailableError, NotSignedInError
from app.logs import UNEXPECTED, get_logger
from app.services.sessions import SessionService

SESSION_HEADER = "x-dafe-session"
"""What the gate tells the pages: the id of the server-side session. A client's own header of this kind is dropped."""
SIGN_IN = "/session/sign-in"
_OURS = b"x-dafe-"
_OPEN = frozenset({SIGN_IN, "/session/sign-out", "/healthz", "/readyz", "/metrics"})
"""/metrics checks a token of its own."""
_OPEN_FILES = "/session/files/"
_INTERFACE = "/api/v1/"
"""Its routes check a bearer token themselves; cookies do not count there."""
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_UPLOADS = "/_stcore/upload_file/"
_ACTIVITY_EVERY_SECONDS = 20.0
_log = get_logger("gate")
_SIGNED_OUT = 4401


def cookie_name(*, secure: bool) -> str:
    """The prefix __Host- (RFC 6265bis) works over TLS only."""
    return "__Host-dafe" if secure else "dafe"


def session_token(headers: Headers, *, secure: bool) -> str:
    """The secret token that the browser sent, or an empty text."""
    try:
        cookie = SimpleCookie(headers.get("cookie", "")).get(cookie_name(secure=secure))
    except CookieError:
        return ""
    return cookie.value if cookie else ""


def is_same_origin(headers: Headers, *, public_url: str) -> bool:
    """Whether `Origin` is there and names this server: required of sockets and of every form."""
    origin = headers.get("origin", "")
    if public_url:
        return origin.rstrip("/") == public_url.rstrip("/")
    return bool(origin) and urlsplit(origin).netloc == headers.get("host", "")


def client_address(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else ""


@dataclass(frozen=True, slots=True, eq=False)
class _Owner:
    """The sign-in session whose open socket shows a page."""

    session_id: str | None


class Gate:
    """Pure ASGI, outermost: also adds the security headers to every answer."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        sessions: SessionService,
        public_url: str,
        headers: HeaderList,
        is_activity: Callable[[bytes], bool],
        page_id: Callable[[bytes], str],
    ) -> None:
        """`is_activity` tells of a socket message whether a person did something, not a page that refreshes itself;
        `page_id` of an outgoing one the id of the page whose run it begins, or an empty text."""
        self._app = app
        self._sessions = sessions
        self._public_url = public_url
        self._secure = public_url.startswith("https://")
        self._headers = headers
        self._is_activity = is_activity
        self._page_id = page_id
        self._pages: dict[str, _Owner] = {}
        self._watch = SessionWatch(sessions.find_ended)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._answered(_without_ours(scope), receive, adding(self._headers, send))
        elif scope["type"] == "websocket":
            await self._socket(_without_ours(scope), receive, send)
        else:
            await self._app(scope, receive, send)

    async def _answered(self, scope: Scope, receive: Receive, send: Send) -> None:
        """What fails in here or further in is answered with the reference of its line in the log."""
        begun = False

        async def sending(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._http(scope, receive, sending)
        except Exception as error:
            if begun:
                raise
            if isinstance(error, BackendUnavailableError):
                await _answer(send, 503, _log.sentence("gate", error))
            else:
                await _answer(send, 500, UNEXPECTED.format(_log.unexpected("gate", error)))

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        if _is_open(path):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        opens_page = scope["method"] == "GET" and "text/html" in headers.get("accept", "")
        try:
            actor = await self._actor(scope, active=opens_page or scope["method"] not in _READING)
        except NotSignedInError:
            await _refuse(scope, send, opens_page=opens_page)
            return
        if path.startswith(_UPLOADS) and not self._owns(actor, page=path.split("/")[3]):
            await _answer(send, 403, "This page is not yours or is closed: open it again.")
            return
        await self._app(_with_session(scope, actor), receive, send)

    async def _actor(self, scope: Scope, *, active: bool) -> Actor:
        token = session_token(Headers(scope=scope), secure=self._secure)
        address = client_address(scope)
        return await asyncio.to_thread(self._sessions.actor_for, token, address=address, active=active)

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        try:
            if not is_same_origin(headers, public_url=self._public_url):
                raise NotSignedInError("A socket from elsewhere.")
            actor = await self._actor(scope, active=False)
        except (NotSignedInError, BackendUnavailableError):
            await receive()
            await self._refuse_socket(scope, send)
            return
        token = session_token(headers, secure=self._secure)
        with self._watch.socket(token) as ended, self._page_of(actor, send) as sending:
            receiving = self._receiving(token, client_address(scope), receive, ended, send)
            await self._app(_with_session(scope, actor), receiving, sending)

    async def _refuse_socket(self, scope: Scope, send: Send) -> None:
        """As an answer with our headers where the server can do that (ASGI's Websocket Denial Response)."""
        if "websocket.http.response" not in (scope.get("extensions") or {}):
            await send({"type": "websocket.close", "code": _SIGNED_OUT})
            return
        await send({"type": "websocket.http.response.start", "status": 403, "headers": list(self._headers)})
        await send({"type": "websocket.http.response.body", "body": b""})

    @contextmanager
    def _page_of(self, actor: Actor, send: Send) -> Iterator[Send]:
        """Passes messages on and learns from the first that names it which page this socket shows."""
        page, owner = "", _Owner(actor.session_id)

        async def sending(message: Message) -> None:
            nonlocal page
            if not page and (content := message.get("bytes")):
                page = self._page_id(content)
                if page:
                    self._pages[page] = owner
            await send(message)

        try:
            yield sending
        finally:
            if self._pages.get(page) is owner:  # not when the page went on in a newer socket
                del self._pages[page]

    def _owns(self, actor: Actor, *, page: str) -> bool:
        owner = self._pages.get(page)
        return owner is not None and owner.session_id == actor.session_id

    def _receiving(self, token: str, address: str, receive: Receive, ended: asyncio.Event, send: Send) -> Receive:
        """Passes messages on, notes what people do, and closes the socket when the session is over."""
        noted = 0.0

        async def receiving() -> Message:
            nonlocal noted
            message = await _first(receive, ended)
            if message is None:
                await send({"type": "websocket.close", "code": _SIGNED_OUT})
                return {"type": "websocket.disconnect", "code": _SIGNED_OUT}
            content = message.get("bytes") if message["type"] == "websocket.receive" else None
            now = time.monotonic()
            if content and now - noted > _ACTIVITY_EVERY_SECONDS and self._is_activity(content):
                noted = now
                with suppress(NotSignedInError, BackendUnavailableError):
                    await asyncio.to_thread(self._sessions.actor_for, token, address=address)
            return message

        return receiving


async def _first(receive: Receive, ended: asyncio.Event) -> Message | None:
    """The next message, or None when the session ends before one comes."""
    waiting = {asyncio.ensure_future(receive()), asyncio.ensure_future(ended.wait())}
    done, pending = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    if ended.is_set():
        return None
    result = done.pop().result()
    return result if isinstance(result, dict) else None


def _is_open(path: str) -> bool:
    """Whether a path is reached without a session; one that climbs out of its folder, or lies deeper than the files
    of the sign-in page do, is not."""
    if path.startswith(_OPEN_FILES):
        return path.count("/") == _OPEN_FILES.count("/") and not path.endswith(("/", "/..", "/."))
    return path in _OPEN or (path.startswith(_INTERFACE) and not {"..", "."} & set(path.split("/")))


def _without_ours(scope: Scope) -> Scope:
    return {**scope, "headers": [pair for pair in scope["headers"] if not pair[0].lower().startswith(_OURS)]}


def _with_session(scope: Scope, actor: Actor) -> Scope:
    added = (SESSION_HEADER.encode(), str(actor.session_id).encode())
    return {**scope, "headers": [*scope["headers"], added]}


async def _refuse(scope: Scope, send: Send, *, opens_page: bool) -> None:
    if opens_page:
        asked = scope["path"] + (f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else "")
        location = SIGN_IN if asked == "/" else f"{SIGN_IN}?next={quote(asked, safe='')}"
        await _answer(send, 303, "", location=location)
    else:
        await _answer(send, 401, "Sign in first.")


async def _answer(send: Send, status: int, text: str, *, location: str = "") -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"cache-control", b"no-store")]
    if location:
        headers.append((b"location", location.encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text.encode()})
