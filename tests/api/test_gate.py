"""The gate over a small application that tells what reached it."""

from collections.abc import Iterator
from contextlib import suppress

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from app.api.gate import Gate
from app.api.session_pages import SessionPages
from app.container import Services
from tests.api.conftest import PASSWORD

ORIGIN = "http://testserver"
HTML = {"accept": "text/html"}


async def _reached(request: Request) -> JSONResponse:
    return JSONResponse({name: value for name, value in request.headers.items() if name.startswith("x-dafe")})


async def _socket(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_json({name: value for name, value in socket.headers.items() if name.startswith("x-dafe")})
    with suppress(WebSocketDisconnect):
        while True:
            await socket.send_text(await socket.receive_text())


@pytest.fixture
def client(services: Services) -> Iterator[TestClient]:
    pages = SessionPages(services.sessions, services.sign_ins, public_url="")
    inner = Starlette(
        routes=[*pages.routes, WebSocketRoute("/_stcore/stream", _socket), Route("/{path:path}", _reached)]
    )
    gate = Gate(
        inner,
        sessions=services.sessions,
        public_url="",
        headers=[(b"content-security-policy", b"default-src 'none'")],
        is_activity=lambda content: content == b"click",
        page_id=lambda _content: "",
    )
    with TestClient(gate, follow_redirects=False) as opened:
        yield opened


def sign_in(client: TestClient, username: str, password: str = PASSWORD, *, origin: str = ORIGIN, to: str = "/") -> int:
    form = {"username": username, "password": password, "next": to}
    answer = client.post("/session/sign-in", data=form, headers={"origin": origin})
    return answer.status_code


PATHS = [
    "/",
    "/ask",
    "/media/abc.png",
    "/_stcore/health",
    "/_stcore/metrics",
    "/_stcore/upload_file/a/b",
    "/static/x.js",
]


@pytest.mark.parametrize("path", PATHS)
def test_nobody_gets_anything_without_a_session(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 401


def test_a_page_leads_to_sign_in_and_back_to_itself(client: TestClient, clinician: str) -> None:
    answer = client.get("/ask?q=1", headers=HTML)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/session/sign-in?next=%2Fask%3Fq%3D1"
    form = {"username": clinician, "password": PASSWORD, "next": "/ask?q=1"}
    assert client.post("/session/sign-in", data=form, headers={"origin": ORIGIN}).headers["location"] == "/ask?q=1"


@pytest.mark.parametrize(
    "target", ["https://elsewhere.example", "//elsewhere.example", "/\\elsewhere.example", "javascript:x"]
)
def test_signing_in_never_leads_to_another_site(client: TestClient, clinician: str, target: str) -> None:
    form = {"username": clinician, "password": PASSWORD, "next": target}
    assert client.post("/session/sign-in", data=form, headers={"origin": ORIGIN}).headers["location"] == "/"


def test_a_session_opens_every_path_and_its_id_reaches_the_pages(client: TestClient, clinician: str) -> None:
    assert sign_in(client, clinician) == 303
    assert client.get("/media/x", headers={"x-dafe-session": "forged"}).json()["x-dafe-session"] != "forged"


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(client: TestClient, clinician: str) -> None:
    form = {"username": clinician, "password": PASSWORD}
    cookie = client.post("/session/sign-in", data=form, headers={"origin": ORIGIN}).headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie


def test_a_forged_cookie_is_no_session(client: TestClient) -> None:
    client.cookies.set("dafe", "A" * 43)
    assert client.get("/").status_code == 401


@pytest.mark.parametrize("origin", ["http://elsewhere.example", "null", ""])
def test_forms_from_other_sites_are_not_used(client: TestClient, clinician: str, origin: str) -> None:
    assert sign_in(client, clinician, origin=origin) == 403


def test_a_wrong_password_and_an_unknown_user_get_the_same_page(client: TestClient, clinician: str) -> None:
    form = {"username": clinician, "password": "not the password"}
    wrong = client.post("/session/sign-in", data=form, headers={"origin": ORIGIN})
    form = {"username": "nobod", "password": "not the password"}
    unknown = client.post("/session/sign-in", data=form, headers={"origin": ORIGIN})
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.text.replace(clinician, "") == unknown.text.replace("nobod", "")


def test_names_typed_into_the_form_come_back_as_text(client: TestClient) -> None:
    form = {"username": '"><script>alert(1)</script>', "password": "x"}
    answer = client.post("/session/sign-in", data=form, headers={"origin": ORIGIN})
    assert "<script>alert" not in answer.text


def test_signing_out_ends_the_session_on_the_server(client: TestClient, clinician: str) -> None:
    sign_in(client, clinician)
    token = client.cookies["dafe"]
    assert client.post("/session/sign-out", headers={"origin": ORIGIN}).status_code == 303
    client.cookies.set("dafe", token)
    assert client.get("/").status_code == 401


@pytest.mark.parametrize("origin", ["http://elsewhere.example", None])
def test_sockets_from_elsewhere_are_refused(client: TestClient, clinician: str, origin: str | None) -> None:
    sign_in(client, clinician)
    headers = {} if origin is None else {"origin": origin}
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/_stcore/stream", headers=headers):
        pass


def test_a_socket_without_a_session_is_refused(client: TestClient) -> None:
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/_stcore/stream", headers={"origin": ORIGIN}):
        pass


def test_a_socket_closes_when_its_session_is_ended(client: TestClient, services: Services, clinician: str) -> None:
    sign_in(client, clinician)
    actor = services.sessions.actor_for(client.cookies["dafe"], address="")
    with client.websocket_connect("/_stcore/stream", headers={"origin": ORIGIN}) as socket:
        assert socket.receive_json()["x-dafe-session"] == actor.session_id
        services.sessions.revoke(actor, session_id=str(actor.session_id))
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_text()
        assert closed.value.code == 4401


def test_every_answer_carries_the_security_headers(client: TestClient) -> None:
    for path in ("/", "/session/sign-in", "/session/files/sign_in.css"):
        assert client.get(path).headers["content-security-policy"] == "default-src 'none'"


def test_only_the_files_of_the_sign_in_page_are_open(client: TestClient) -> None:
    assert client.get("/session/files/sign_in.js").status_code == 200
    assert client.get("/session/files/unknown.js").status_code == 404
    assert client.get("/session/files/..%2F..%2Fmedia%2Fx").status_code == 401
