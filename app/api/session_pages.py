"""The sign-in page and the two forms that begin and end a session."""

import asyncio
import html
from pathlib import Path
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from app.api.gate import SIGN_IN, client_address, cookie_name, is_same_origin, session_token
from app.errors import DafeError, ForbiddenError
from app.logs import get_logger
from app.services.sessions import SessionService, SignedIn
from app.services.signing_in import SignIns

_LONGEST_FORM = 4_096
_HERE = Path(__file__).parent
_STATIC = _HERE.parent / "static"
_FILES = {
    "sign_in.css": _HERE / "sign_in.css",
    "sign_in.js": _HERE / "sign_in.js",
    "logo.svg": _STATIC / "logo-light.svg",
    "logo-dark.svg": _STATIC / "logo-dark.svg",
    "favicon.png": _STATIC / "favicon.png",
    "inter.woff2": _STATIC / "fonts" / "inter-latin-wght-normal.woff2",
}
"""Open without a session: what the sign-in page itself needs."""
_log = get_logger("sign-in")
_NO_STORE = {"cache-control": "no-store"}
_ELSEWHERE = "This form came from another site and was not used."


class SessionPages:
    def __init__(self, sessions: SessionService, sign_ins: SignIns, *, public_url: str) -> None:
        self._sessions = sessions
        self._sign_ins = sign_ins
        self._public_url = public_url
        self._secure = public_url.startswith("https://")

    @property
    def routes(self) -> list[BaseRoute]:
        return [
            Route(SIGN_IN, self.show, methods=["GET"]),
            Route(SIGN_IN, self.sign_in, methods=["POST"]),
            Route("/session/sign-out", self.ask_sign_out, methods=["GET"]),
            Route("/session/sign-out", self.sign_out, methods=["POST"]),
            Route("/session/files/{name}", self.file, methods=["GET"]),
        ]

    async def show(self, request: Request) -> Response:
        return _page("sign_in.html", next=_local(request.query_params.get("next", "/")), message="", username="")

    async def sign_in(self, request: Request) -> Response:
        if not is_same_origin(request.headers, public_url=self._public_url):
            return PlainTextResponse(_ELSEWHERE, 403, _NO_STORE)
        form = await _form(request)
        try:
            signed_in = await self._sign_ins.sign_in(
                username=form.get("username", "")[:200],
                password=form.get("password", "")[:1_000],
                address=client_address(request.scope),
                agent=request.headers.get("user-agent", ""),
            )
        except DafeError as error:
            values = {"next": _local(form.get("next", "/")), "username": form.get("username", "")[:200]}
            status = 401 if isinstance(error, ForbiddenError) else 503
            return _page("sign_in.html", status=status, message=_log.sentence("sign in", error), **values)
        response = RedirectResponse(_local(form.get("next", "/")), 303, _NO_STORE)
        self._set_cookie(response, signed_in)
        return response

    def _set_cookie(self, response: Response, signed_in: SignedIn) -> None:
        response.set_cookie(
            cookie_name(secure=self._secure),
            signed_in.token,
            path="/",
            secure=self._secure,
            httponly=True,
            samesite="strict",
        )

    async def ask_sign_out(self, request: Request) -> Response:
        return _page("sign_out.html")

    async def sign_out(self, request: Request) -> Response:
        if not is_same_origin(request.headers, public_url=self._public_url):
            return PlainTextResponse(_ELSEWHERE, 403, _NO_STORE)
        token = session_token(request.headers, secure=self._secure)
        await asyncio.to_thread(self._sessions.sign_out, token, address=client_address(request.scope))
        response = RedirectResponse(SIGN_IN, 303, {**_NO_STORE, "clear-site-data": '"cache", "storage"'})
        response.delete_cookie(cookie_name(secure=self._secure), path="/", secure=self._secure, httponly=True)
        return response

    async def file(self, request: Request) -> Response:
        path = _FILES.get(request.path_params["name"])
        if path is None or not path.is_file():
            return PlainTextResponse("Not found.", 404)
        return FileResponse(path, headers={"cache-control": "public, max-age=3600"})


async def _form(request: Request) -> dict[str, str]:
    """The fields of a form; one that is too long is read as empty."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _LONGEST_FORM:
            return {}
    return {name: values[0] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}


def _local(target: str) -> str:
    """A path on this server, so that nobody is sent elsewhere after signing in."""
    plain = target.startswith("/") and not target.startswith(("//", "/\\", "/session/"))
    return target if plain and target.isprintable() and "\\" not in target else "/"


def _page(name: str, *, status: int = 200, **values: str) -> HTMLResponse:
    text = (_HERE / name).read_text(encoding="utf-8")
    for key, value in values.items():
        text = text.replace(f"{{{{ {key} }}}}", html.escape(value, quote=True))
    return HTMLResponse(text, status, _NO_STORE)
