"""Whatever path is asked for, nothing behind the gate is reached without a session."""

import asyncio

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route
from starlette.types import Message, Scope

from app.api.gate import Gate
from app.container import Services

BEHIND = "behind the gate"
PIECES = ["session", "files", "sign-in", "sign-out", "healthz", "readyz", "api", "v1", "_stcore", "media", "x.js", ""]
PIECES += [
    "..",
    ".",
    "%2e%2e",
    "%2f",
    "..%2f",
    "..;",
    "\\",
    "..\\",
    "\x00",
    "\u2025",
    "\uff0e\uff0e",
    "?",
    "#",
    "%00",
    " ",
]
PATHS = st.lists(st.sampled_from(PIECES) | st.text(max_size=4), max_size=8).map(lambda parts: "/" + "/".join(parts))


async def _open(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("open")


async def _behind(_request: Request) -> PlainTextResponse:
    return PlainTextResponse(BEHIND)


@pytest.fixture
def gate(services: Services) -> Gate:
    """In front of routes as the application has them: what is open, and everything else."""
    inner = Starlette(
        routes=[
            Route("/session/sign-in", _open),
            Route("/session/sign-out", _open),
            Route("/session/files/{name}", _open),
            Route("/healthz", _open),
            Route("/readyz", _open),
            Mount("/api/v1", Starlette(routes=[Route("/{path:path}", _open)])),
            Route("/{path:path}", _behind),
        ]
    )
    return Gate(
        inner,
        sessions=services.sessions,
        public_url="",
        headers=[],
        is_activity=lambda _content: False,
        page_id=lambda _content: "",
    )


async def _ask(gate: Gate, path: str) -> tuple[int, bytes]:
    answers: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        answers.append(message)

    raw = path.encode("utf-8", "replace")
    scope: Scope = {"type": "http", "method": "GET", "path": path, "raw_path": raw, "query_string": b"", "headers": []}
    await gate({**scope, "root_path": "", "scheme": "http", "client": ("127.0.0.1", 1)}, receive, send)
    return answers[0]["status"], b"".join(answer.get("body", b"") for answer in answers)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=PATHS)
@example("/session/files/x/y")
@example("/session/files/")
@example("/session/files/../../media/x")
@example("/api/v1")
@example("/healthz/")
def test_no_path_leads_behind_the_gate_without_a_session(gate: Gate, path: str) -> None:
    status, content = asyncio.run(_ask(gate, path))
    assert BEHIND.encode() not in content
    assert status in {200, 303, 401, 404, 405, 307}
    assert status != 200 or content == b"open"
