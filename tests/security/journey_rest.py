"""A clinician's day over REST with canaries in everything typed, and every way in which it fails."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import httpx

from tests.conformance.document_files import make_pdf
from tests.security.canaries import (
    AGENT,
    BROKEN_FILE,
    FILE,
    LETTER,
    NEW_USER,
    PAGE,
    PASSWORD,
    PERSON,
    QUESTION,
    SEARCH,
    UNKNOWN_USER,
    USERNAME,
    WORKSPACE,
    WRONG_ID,
    WRONG_PASSWORD,
    broken_files,
    broken_questions,
)

_WAIT_SECONDS = 240.0
_ENDS_THE_JOURNEY = {("DELETE", "/tokens/current"), ("DELETE", "/workspaces/{workspace_id}")}
_WRONG_BODY = {
    "text": [QUESTION],
    "mode": QUESTION,
    "name": WORKSPACE * 20,
    "ontology": WORKSPACE,
    "username": [NEW_USER],
    "password": [WRONG_PASSWORD],
    "roles": [PERSON],
    "role": PERSON,
    "user_ids": [PERSON],
}


@dataclass(slots=True)
class RestClient:
    """Keeps every answer that was an error. `workspace_id` is the one whose name is a canary."""

    port: int
    workspace_id: str
    errors: list[dict[str, Any]] = field(default_factory=list)
    succeeded: int = 0
    password: str = PASSWORD
    _token: str = ""

    def send(self, method: str, path: str, *, folder: str = "/api/v1", **given: Any) -> httpx.Response:
        headers = {"user-agent": AGENT, **given.pop("headers", {})}
        if self._token:
            headers.setdefault("authorization", f"Bearer {self._token}")
        with httpx.Client(timeout=60, trust_env=False) as client:
            answer = client.request(method, f"http://127.0.0.1:{self.port}{folder}{path}", headers=headers, **given)
        if answer.status_code < 400:
            self.succeeded += 1
        else:
            kept = {"status": answer.status_code, "body": answer.text, "headers": str(answer.headers)}
            self.errors.append({"request": f"{method} {path}", **kept})
        return answer

    def sign_in(self) -> None:
        answer = self.send("POST", "/tokens", json={"username": USERNAME, "password": self.password})
        self._token = answer.raise_for_status().json()["access_token"]

    def inside(self, method: str, path: str, **given: Any) -> httpx.Response:
        return self.send(method, f"/workspaces/{self.workspace_id}{path}", **given)

    def stream(self, path: str, **given: Any) -> Iterator[dict[str, Any]]:
        """The events of a call inside the workspace as they come."""
        headers = {"accept": "text/event-stream", "authorization": f"Bearer {self._token}"}
        url = f"http://127.0.0.1:{self.port}/api/v1/workspaces/{self.workspace_id}{path}"
        with (
            httpx.Client(timeout=60, trust_env=False) as client,
            client.stream("POST", url, headers=headers, **given) as answer,
        ):
            answer.raise_for_status()
            for line in answer.iter_lines():
                if line.startswith("data: "):
                    yield json.loads(line.removeprefix("data: "))

    def upload(self, name: str, content: bytes) -> None:
        self.inside("POST", "/documents", files={"files": (name, content)}).raise_for_status()

    def documents(self) -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = self.inside("GET", "/documents", params={"limit": 500}).json()["documents"]
        return listed

    def wait_until_worked_off(self) -> None:
        until = time.monotonic() + _WAIT_SECONDS
        open_states = {"state": ["waiting", "running", "stopping"]}
        while self.inside("GET", "/jobs", params=open_states).json():
            assert time.monotonic() < until, "the worker did not end its jobs"
            time.sleep(0.3)


def use_it(client: RestClient) -> None:
    """Upload, index, ask, search, export, delete."""
    client.sign_in()
    client.upload(f"{FILE}.txt", LETTER.encode())
    client.upload(f"{FILE}.pdf", make_pdf(LETTER, title=PERSON))
    for name, content in broken_files().items():
        client.upload(name, content)
    client.wait_until_worked_off()
    indexed = [one for one in client.documents() if one["status"] == "indexed"]
    assert {one["name"] for one in indexed} >= {f"{FILE}.txt", f"{FILE}.pdf"}, client.documents()
    for mode in ("rag", "graph", "graphrag"):
        asked = client.inside("POST", "/questions", json={"text": f"Which {QUESTION} has {PERSON}?", "mode": mode})
        asked.raise_for_status()
    streamed = {"json": {"text": f"What was given to {PERSON}?"}, "headers": {"accept": "text/event-stream"}}
    assert "data: " in client.inside("POST", "/questions", **streamed).text
    client.inside("GET", "/questions").raise_for_status()
    for text in (SEARCH, PERSON, f'{SEARCH}" OR 1=1 --', f"{SEARCH}*(", "\x00" + SEARCH):
        client.inside("GET", "/documents", params={"text": text})
        client.inside("GET", "/graph/entities", params={"text": text})
    for kind in ("csv", "graphml", "cypher", "jsonld"):
        started = client.inside("POST", "/graph/exports", json={"format": kind}).json()
        client.wait_until_worked_off()
        exported = client.inside("GET", f"/graph/exports/{started['id']}")
        assert exported.is_success and PERSON.lower() in exported.text.lower(), kind
    client.send("GET", "/audit/export").raise_for_status()
    client.inside("DELETE", f"/documents/{indexed[0]['id']}").raise_for_status()
    client.wait_until_worked_off()


def fail_at_it(client: RestClient) -> None:
    """Every route with ids, parameters and bodies that are canaries, and requests that are broken in themselves."""
    for method, path, parameters in _routes(client):
        for workspace_id in (WRONG_ID, client.workspace_id):
            filled = path.replace("{workspace_id}", workspace_id)
            for name in ("document_id", "triple_id", "question_id", "job_id", "export_id", "user_id"):
                filled = filled.replace(f"{{{name}}}", WRONG_ID)
            body = {} if method == "GET" else {"json": _WRONG_BODY}
            client.send(method, filled, params=dict.fromkeys(parameters, WRONG_ID), **body)
            client.send(method, filled)
    for wrong in (f"{WRONG_ID}' --", f"../{WRONG_ID}", f"{WRONG_ID}\x00", WRONG_ID * 500):
        client.inside("DELETE", f"/documents/{quote(wrong, safe='')}")
    for content in broken_questions():
        client.inside("POST", "/questions", content=content, headers={"content-type": "application/json"})
    client.inside("POST", "/documents", content=LETTER, headers={"content-type": f"multipart/form-data; x={PERSON}"})
    client.send("POST", "/users", json={"username": f"{NEW_USER} \x00", "name": PERSON, "roles": []})
    client.send("PUT", f"/tokens?{PERSON}={WRONG_ID}", content=LETTER)
    client.send(WRONG_ID.upper(), f"/{WRONG_ID}", content=LETTER)


def _routes(client: RestClient) -> Iterator[tuple[str, str, list[str]]]:
    """Every route of the application's own description, with the names of its query parameters."""
    for path, methods in client.send("GET", "/openapi.json").json()["paths"].items():
        for method, described in methods.items():
            if (method.upper(), path) not in _ENDS_THE_JOURNEY:
                parameters = [one["name"] for one in described.get("parameters", ()) if one["in"] == "query"]
                yield method.upper(), path, parameters


def knock_at_the_gate(client: RestClient) -> None:
    """Wrong sign-ins by REST and by the form, forged tokens and pages that one may not see."""
    for username in (UNKNOWN_USER, USERNAME):
        client.send("POST", "/tokens", json={"username": username, "password": WRONG_PASSWORD})
    client.send("POST", "/tokens", json={"username": [UNKNOWN_USER], "password": {"is": WRONG_PASSWORD}})
    client.send("POST", "/tokens", json={"username": UNKNOWN_USER, "password": WRONG_PASSWORD * 200})
    client.send("GET", "/workspaces", headers={"authorization": f"Bearer {WRONG_ID}"})
    gate: dict[str, Any] = {"folder": ""}
    gate["headers"] = {"cookie": f"dafe={WRONG_ID}", "origin": f"http://127.0.0.1:{client.port}"}
    form = {"username": "somebody", "password": WRONG_PASSWORD, "next": f"/{PAGE}"}
    client.send("POST", "/session/sign-in", data=form, headers={"origin": f"http://{WRONG_ID}"}, folder="")
    client.send("POST", "/session/sign-in", data={**form, "next": "/"}, **gate)
    for path in (f"/{PAGE}", f"/ask?question={QUESTION}", f"/media/{WRONG_ID}.txt", f"/_stcore/{WRONG_ID}"):
        client.send("GET", path, **gate)
        client.send("POST", path, content=LETTER, **gate)
    client.send("POST", f"/_stcore/upload_file/{WRONG_ID}/{WRONG_ID}", files={"file": (BROKEN_FILE, LETTER)}, **gate)
    client.send("GET", f"/session/files/{WRONG_ID}", folder="")


def reference_in(body: str) -> str:
    """Of a problem or of a stream that ended with an event "error"; empty where there is none."""
    if body.startswith("{"):
        return str(json.loads(body).get("reference", ""))
    return body.rpartition("eference")[2].strip(': ."}\n')[:8] if "eference" in body else ""
