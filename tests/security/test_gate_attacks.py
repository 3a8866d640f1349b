"""Attacks on the gate of a running web process over real sockets: every route, forged and ended sessions, other sites,
other people's sockets, and passwords tried at once."""

import hashlib
import http.client
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from app.container import OPERATOR, Services, open_services
from app.domain.access import Role, SignInSession
from app.errors import ForbiddenError
from app.installation import open_installation
from backends.metadata.base import MetadataStore
from tests.api.conftest import PASSWORD, add_person
from tests.security.page_socket import PageSocket, open_socket
from tests.security.running import ROOT, Running, running

OPEN = {"/session/sign-in", "/session/sign-out", "/session/files/{name}", "/healthz", "/readyz", "/metrics", "/api/v1"}
METRICS_TOKEN = "a-long-random-text-that-only-prometheus-knows"
STATES = ["nobody", "forged", "revoked", "idle", "expired", "disabled", "other cookie"]
CLIMBING = """/session/files/../../_stcore/health /session/files/%2e%2e/%2e%2e/_stcore/health /healthz/../_stcore/health
/session/files/..%2f..%2f_stcore%2fhealth /session/files/..%5c..%5c_stcore%5chealth /api/v1/../../_stcore/health
/api/v1/%2e%2e/%2e%2e/media/x.png /api/v1/..;/..;/_stcore/health //_stcore/health /./_stcore/health /%2e/_stcore/health
/_stcore/./health /_stcore//health /session/sign-in/../../ /session/sign-in;/../../_stcore/health /HEALTHZ/../
/api/v1%2f..%2f..%2f_stcore/health /session/files/%252e%252e/%252e%252e/ http://healthz/ http://localhost/healthz/../ /
/healthz%00 /healthz%2f..%2f /session/files/ /session/files/x/y
/session/files/documents/ /session/ /app/static/logo-light.svg /index.html /static/js/""".split()
RESTRICTED = {"users": "People and roles", "audit": "Audit log"}
"""Pages that a clinician has not, and what only they show."""
HEADERS = {
    "content-security-policy": "default-src 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=()",
}


@dataclass(frozen=True, slots=True)
class Attacked:
    running: Running
    metadata: MetadataStore
    """The same database, as another process of the installation has it."""
    tokens: dict[str, str]
    """The secret of each kind of session, and that of two people who are signed in."""

    @property
    def address(self) -> str:
        return self.running.address

    def client(self, who: str = "nobody") -> httpx.Client:
        """Every answer that comes is looked at for the security headers."""
        name = "__Host-dafe" if who == "other cookie" else "dafe"
        cookies = {name: self.tokens[who]} if who in self.tokens else {}
        return httpx.Client(
            base_url=self.address, cookies=cookies, timeout=120, event_hooks={"response": [check_headers]}
        )

    def session_of(self, who: str) -> SignInSession:
        key = hashlib.sha256(self.tokens[who].encode()).hexdigest()
        return self.metadata.sessions.find_by_tokens([key])[key]

    def sign_in(self, username: str) -> str:
        with self.client() as client:
            form = {"username": username, "password": PASSWORD}
            answer = client.post("/session/sign-in", data=form, headers={"origin": self.address})
        assert answer.status_code == 303, answer.text
        return answer.cookies["dafe"]


def check_headers(answer: httpx.Response) -> None:
    for name, value in HEADERS.items():
        assert answer.headers[name].startswith(value), (answer.url, answer.status_code, name)
    policy = answer.headers["content-security-policy"]
    assert "unsafe-inline" not in policy.split("script-src")[1].split(";")[0]
    assert not re.search(r"https?:|\*", policy), policy


def prepare(services: Services) -> None:
    workspace = services.workspaces.add(OPERATOR, name="Cardiology", ontology="clinical")
    for username in ("ilse", "jonas", "disabled"):
        user_id = add_person(services, username)
        services.workspaces.set_member(OPERATOR, workspace_id=workspace.id, user_id=user_id, role=Role.CLINICIAN)  # type: ignore[arg-type]
    add_person(services, "vera", roles=(Role.ADMINISTRATOR, Role.COMPLIANCE))
    services.users.add(OPERATOR, username="nils", name="Nils", roles=(Role.ADMINISTRATOR,))


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    folder = tmp_path_factory.mktemp("gate")
    with ExitStack() as stack:
        started = stack.enter_context(running(folder, prepare, web_alone=True, METRICS_TOKEN=METRICS_TOKEN))
        metadata = open_installation(started.settings, stack).metadata
        found = Attacked(started, metadata, {"forged": "A" * 43})
        for who in ("ilse", "jonas", "disabled", "vera"):
            found.tokens[who] = found.sign_in(who)
        _spoil(found)
        yield found


def _spoil(attacked: Attacked) -> None:
    """Sessions that were good and are so no more."""
    now = datetime.now(UTC)
    attacked.tokens["other cookie"] = attacked.tokens["ilse"]
    for who in ("revoked", "idle"):
        attacked.tokens[who] = attacked.sign_in("jonas")
    attacked.metadata.sessions.revoke([attacked.session_of("revoked").id], at=now)
    attacked.metadata.sessions.touch(attacked.session_of("idle").id, at=now - timedelta(minutes=16))
    _add_session(attacked, "expired", ends_at=now - timedelta(seconds=1))
    (user,) = attacked.metadata.users.find(username="disabled")
    attacked.metadata.users.update(replace(user, disabled=True))


def _add_session(attacked: Attacked, who: str, *, ends_at: datetime) -> None:
    attacked.tokens[who] = f"secret-of-{who.replace(' ', '-')}"
    session = SignInSession(who, attacked.session_of("ilse").user_id, ends_at, datetime.now(UTC), ends_at)
    attacked.metadata.sessions.add(session, token_sha256=hashlib.sha256(attacked.tokens[who].encode()).hexdigest())


@pytest.fixture(scope="module")
def routes(attacked: Attacked) -> list[tuple[str, str]]:
    """Method and path of every route behind the gate, from the application's own table."""
    data_dir = {"DAFE_DATA_DIR": str(attacked.running.settings.data_dir), "DAFE_EMBEDDINGS__KIND": "hashing"}
    environment = {**os.environ, **data_dir, "DAFE_LLM__KIND": "none", "DAFE_SAMPLES": "false"}
    command = [sys.executable, "-m", "tests.security.route_table"]
    run = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=True)
    closed = [(path, methods, kind) for path, methods, kind in json.loads(run.stdout) if path not in OPEN]
    assert {"socket", "page", "folder"} <= {kind for _, _, kind in closed}
    filled = [(re.sub(r"{[^}]*}", "x", path) or "/x.js", methods) for path, methods, kind in closed if kind != "socket"]
    assert len(filled) > 20
    return sorted({(method, path) for path, methods in filled for method in [*methods, "GET", "POST"]})


@pytest.mark.parametrize("who", STATES)
def test_no_route_opens_without_a_running_session(attacked: Attacked, routes: list[tuple[str, str]], who: str) -> None:
    with attacked.client(who) as client:
        for method, path in routes if who == "nobody" else routes[::3]:
            answer = client.request(method, path)
            assert (answer.status_code, answer.text) == (401, "" if method == "HEAD" else "Sign in first."), path
        page = client.get("/documents", headers={"accept": "text/html"})
        assert (page.status_code, page.headers["location"]) == (303, "/session/sign-in?next=%2Fdocuments")


def test_with_a_session_the_same_routes_are_reached(attacked: Attacked, routes: list[tuple[str, str]]) -> None:
    with attacked.client("ilse") as client:
        reached = {path: client.get(path).status_code for _, path in routes}
        assert 401 not in reached.values()
        assert reached["/_stcore/health"] == reached["/_stcore/host-config"] == 200
        assert '<div id="root">' in client.get("/documents", headers={"accept": "text/html"}).text
        for path in ("/_stcore/agent/interact", "/_stcore/agent/mcp"):
            assert client.post(path, json={}).status_code >= 400


@pytest.mark.parametrize("path", CLIMBING)
def test_no_spelling_of_a_path_leads_past_the_gate(attacked: Attacked, path: str) -> None:
    connection = http.client.HTTPConnection("localhost", attacked.running.settings.port, timeout=60)
    connection.putrequest("GET", path, skip_accept_encoding=True)
    connection.endheaders()
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    assert answer.status in {303, 400, 401, 404, 405}, content[:200]
    assert b"root" not in content
    assert content != b"ok"


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "TRACE", "PROPFIND"])
def test_a_cookie_opens_no_route_of_the_interface(attacked: Attacked, method: str) -> None:
    with attacked.client("ilse") as client:
        for path in ("/api/v1/workspaces", "/api/v1/users", "/api/v1/audit", "/api/v1/tokens/current", "/api/v1/x"):
            assert client.request(method, path).status_code in {401, 404, 405}


def test_errors_carry_the_headers_too(attacked: Attacked) -> None:
    with attacked.client() as client:
        for path in (
            "/api/v1/nowhere",
            "/session/files/nowhere",
            "/session/sign-in/x",
            "/readyz",
            "/api/v1/openapi.json",
        ):
            client.get(path)
        assert client.post("/api/v1/tokens", content=b"{" * 50_000).status_code == 401
        assert client.post("/api/v1/tokens", json={"username": 7}).status_code == 422
        assert client.post("/session/sign-in", data={"username": "ilse"}).status_code == 403
        assert client.put("/session/sign-in").status_code == 405


@pytest.mark.parametrize("who", ["nobody", "ilse", "vera"])
def test_metrics_are_read_with_their_own_token_alone(attacked: Attacked, who: str) -> None:
    with attacked.client(who) as client:
        for headers in ({}, {"authorization": "Bearer"}, attacked.running.bearer("ilse")):
            answer = client.get("/metrics", headers=headers)
            assert (answer.status_code, "dafe_" in answer.text) == (401, False)
        answer = client.get("/metrics", headers={"authorization": f"Bearer {METRICS_TOKEN}"})
        assert answer.status_code == 200
        assert 'dafe_request_seconds_count{method="GET",route="/metrics",status="4xx"}' in answer.text


@pytest.mark.parametrize("who", STATES)
def test_no_socket_opens_without_a_running_session(attacked: Attacked, who: str) -> None:
    cookie = "__Host-dafe" if who == "other cookie" else "dafe"
    with pytest.raises(InvalidStatus) as refused:
        open_socket(attacked.address, token=attacked.tokens.get(who, ""), cookie=cookie)
    assert refused.value.response.status_code == 403
    for name, value in HEADERS.items():
        assert refused.value.response.headers[name].startswith(value)


@pytest.mark.parametrize(
    "origin", [None, "null", "http://elsewhere.example", "http://localhost:1", "http://localhost.elsewhere.example"]
)
def test_no_socket_opens_to_another_site(attacked: Attacked, origin: str | None) -> None:
    with pytest.raises(InvalidStatus) as refused:
        open_socket(attacked.address, token=attacked.tokens["ilse"], origin=origin)
    assert refused.value.response.status_code == 403


def test_nobody_goes_on_where_another_person_left_their_page(attacked: Attacked) -> None:
    with PageSocket(attacked.address, attacked.tokens["ilse"]) as hers:
        hers.run("documents")
        with PageSocket(attacked.address, attacked.tokens["jonas"], resume=hers.session_id) as his:
            his.run()
            assert his.session_id not in {hers.session_id, ""}
        hers.run("documents")
    with PageSocket(attacked.address, attacked.tokens["jonas"], resume=hers.session_id) as his:
        his.run()
        assert his.session_id not in {hers.session_id, ""}
    with PageSocket(attacked.address, attacked.tokens["ilse"], resume=hers.session_id) as again:
        again.run()
        assert again.session_id == hers.session_id


def test_nobody_puts_a_file_into_another_person_s_page(attacked: Attacked) -> None:
    with PageSocket(attacked.address, attacked.tokens["ilse"]) as hers:
        hers.run("documents")
        for who, allowed in (("jonas", False), ("ilse", True)):
            with attacked.client(who) as client:
                client.get("/_stcore/health")
                xsrf = {"x-xsrftoken": client.cookies.get("_streamlit_xsrf", "")}
                path = f"/_stcore/upload_file/{hers.session_id}/{who}"
                status = client.put(path, files={"file": ("a.txt", b"text")}, headers=xsrf).status_code
                assert (status == 204) == allowed, status
                assert client.delete(path, headers=xsrf).status_code in ({204} if allowed else {403, 404})


def test_a_page_s_name_or_file_is_no_way_past_the_main_script(attacked: Attacked) -> None:
    with PageSocket(attacked.address, attacked.tokens["vera"]) as administrator:
        assert all(words in administrator.run(page) for page, words in RESTRICTED.items())
    with PageSocket(attacked.address, attacked.tokens["ilse"]) as hers:
        assert "Documents" in hers.run("documents")
        for page in [*RESTRICTED, "account", "health"]:
            for file in (ROOT / "pages" / f"{page}.py", Path("pages") / f"{page}.py"):
                shown = hers.run(page, script_hash=hashlib.md5(str(file).encode()).hexdigest())
                assert not [words for words in RESTRICTED.values() if words in shown], file
    token = _signed_in_with_a_generated_password(attacked)
    with PageSocket(attacked.address, token) as new:
        for page in ("", "users", "documents", "audit", "account"):
            shown = new.run(page)
            assert "Present password" in shown or "New password" in shown, page
            assert "Cardiology" not in shown


def _signed_in_with_a_generated_password(attacked: Attacked) -> str:
    session = attacked.session_of("ilse")
    (user,) = attacked.metadata.users.find(username="nils")
    now = datetime.now(UTC)
    opened = SignInSession("new", user.id, now, now, now + timedelta(hours=1), session.address)
    attacked.metadata.sessions.add(opened, token_sha256=hashlib.sha256(b"secret-of-nils").hexdigest())
    return "secret-of-nils"


def test_sockets_end_with_their_sessions_and_only_people_keep_them_alive(attacked: Attacked) -> None:
    """A page that refreshes itself does not; a click does; nothing helps after the absolute end or a revocation."""
    whose = {who: attacked.sign_in("jonas") for who in ("refreshed", "clicked", "revoked at once")}
    attacked.tokens.update(whose)
    with ExitStack() as stack:
        pages = {who: stack.enter_context(PageSocket(attacked.address, attacked.tokens[who])) for who in whose}
        pages["clicked"].run("help", is_auto_rerun=True)
        _add_session(attacked, "at its end", ends_at=datetime.now(UTC) + timedelta(seconds=30))
        pages["at its end"] = stack.enter_context(PageSocket(attacked.address, attacked.tokens["at its end"]))
        pages["at its end"].run("help")
        nearly = datetime.now(UTC) - timedelta(minutes=15) + timedelta(seconds=6)
        for who in ("refreshed", "clicked"):
            attacked.metadata.sessions.touch(attacked.session_of(who).id, at=nearly)
        pages["clicked"].run("help")
        for _ in range(3):
            pages["refreshed"].ask("help", is_auto_rerun=True)
            time.sleep(0.5)
        attacked.metadata.sessions.revoke([attacked.session_of("revoked at once").id], at=datetime.now(UTC))
        for who in ("revoked at once", "refreshed", "at its end"):
            assert pages[who].wait_until_closed() == 4401, who
        assert "Help" in pages["clicked"].run("help")
    assert attacked.session_of("clicked").last_active_at > nearly
    assert attacked.session_of("refreshed").last_active_at == nearly


def _try(attacked: Attacked, username: str, password: str, *, source: str) -> httpx.Response:
    transport = httpx.HTTPTransport(local_address=source)
    with httpx.Client(
        base_url=attacked.address.replace("localhost", "127.0.0.1"), transport=transport, timeout=120
    ) as client:
        origin = {"origin": str(client.base_url).rstrip("/")}
        return client.post("/session/sign-in", data={"username": username, "password": password}, headers=origin)


def test_a_wrong_password_an_unknown_name_and_a_locked_one_are_answered_alike(attacked: Attacked) -> None:
    shown = []
    for name in ("ilse", "nobody", "disabled"):
        answer = _try(attacked, name, "not the password", source="127.0.0.3")
        shown.append((answer.status_code, answer.text.replace(name, ""), sorted(answer.headers.keys())))
    assert shown[0] == shown[1] == shown[2]
    assert shown[0][0] == 401


def test_fifty_passwords_at_once_are_no_more_than_eight_one_by_one(attacked: Attacked) -> None:
    """The right one comes while many wrong ones wait still; the counters lie in the database, so that the lock holds in
    every process; others are served meanwhile."""
    with ThreadPoolExecutor(50) as pool, attacked.client("ilse") as other:
        tries = [pool.submit(_try, attacked, "jonas", f"guess {number}", source="127.0.0.2") for number in range(42)]
        while sum(one.done() for one in tries) < 8:
            time.sleep(0.01)
        tries += [pool.submit(_try, attacked, "jonas", PASSWORD, source="127.0.0.4") for _ in range(8)]
        while not all(one.done() for one in tries):
            assert other.get("/_stcore/health").status_code == 200
    assert {one.result().status_code for one in tries} == {401}
    assert _try(attacked, "jonas", PASSWORD, source="127.0.0.4").status_code == 401
    assert _try(attacked, "ilse", PASSWORD, source="127.0.0.2").status_code == 401
    assert _try(attacked, "ilse", PASSWORD, source="127.0.0.4").status_code == 303
    with closing(open_services(attacked.running.settings)) as services, pytest.raises(ForbiddenError):
        services.sessions.sign_in(username="jonas", password=PASSWORD, address="127.0.0.5", agent="")
