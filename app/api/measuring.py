"""Counts and times requests by their routes."""

import time
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.measures import note_request

_NO_ROUTE = "none"
_REST = "/api/v1"
_EXACT = frozenset({"/session/sign-in", "/session/sign-out", "/healthz", "/readyz", "/metrics"})
_FOLDERS = ("/session/files/", "/session-assets/", "/_stcore/", "/media/", "/static/", "/component/")


class MeasuresRequests:
    """Pure ASGI. `route_of` is asked after the request and gives one of few words, or None for what is not measured."""

    def __init__(self, app: ASGIApp, *, route_of: Callable[[Scope], str | None]) -> None:
        self._app = app
        self._route_of = route_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, started = 500, time.perf_counter()

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, sending)
        finally:
            if (route := self._route_of(scope)) is not None:
                note_request(scope["method"], route, status, seconds=time.perf_counter() - started)


def rest_route(scope: Scope) -> str:
    """The template of the route that FastAPI found."""
    template = getattr(scope.get("route"), "path", None)
    return _NO_ROUTE if template is None else f"{_REST}{template}"


def page_route(scope: Scope) -> str | None:
    """Of what the web process serves beside REST, which is measured by itself; a page of the program is /."""
    path: str = scope["path"]
    if path == _REST or path.startswith(f"{_REST}/"):
        return None
    if path in _EXACT:
        return path
    return next((folder for folder in _FOLDERS if path.startswith(folder)), "/")
