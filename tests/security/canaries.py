"""Names, record numbers and card numbers that stand nowhere else, driven through REST, the gate and every failure."""

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from tests.conformance.document_files import make_pdf
from tests.security.running import PASSWORD, USERNAME

PERSON, SURNAME, RECORD_NUMBER, CARD_NUMBER = "Quenvaldis", "Tromerauth", "77310294", "4929773102946618"
FILE, BROKEN_FILE, WORKSPACE, QUESTION, SEARCH = "vorlathim", "brankhusel", "zelwardine", "dremphasol", "kolvantire"
WRONG_PASSWORD, UNKNOWN_USER, WRONG_ID, PAGE, AGENT = "mirquastel", "jophandrix", "wexalorin", "tulbenaro", "hargosmit"
LETTER = (
    f"Patient {PERSON} {SURNAME}, record number MRN {RECORD_NUMBER}, card 4929 7731 0294 6618 ({CARD_NUMBER}).\n\n"
    f"{PERSON} {SURNAME} was diagnosed with atrial fibrillation. Warfarin interacts with amiodarone.\n"
    f"Dr {SURNAME} gave warfarin to {PERSON}.\n"
)
CANARIES = (
    *(PERSON, SURNAME, RECORD_NUMBER, CARD_NUMBER, "4929 7731 0294 6618"),
    *(FILE, BROKEN_FILE, WORKSPACE, QUESTION, SEARCH),
    *(WRONG_PASSWORD, UNKNOWN_USER, WRONG_ID, PAGE, AGENT),
)
_WAIT_SECONDS = 120.0


def found_canaries(text: str | bytes) -> list[str]:
    """Which canaries stand in it, in any case, as UTF-8 or UTF-16."""
    raw = text.encode() if isinstance(text, str) else text
    folded = raw.lower()
    return [one for one in CANARIES if any(one.lower().encode(form) in folded for form in ("utf-8", "utf-16-le"))]


def found_in_files(paths: Iterable[Path]) -> dict[str, list[str]]:
    found = {str(path): found_canaries(path.read_bytes() + path.name.encode()) for path in paths if path.is_file()}
    return {path: names for path, names in found.items() if names}


def broken_files() -> dict[str, bytes]:
    """Each named and filled with canaries, and readable by no loader."""
    filling = LETTER.encode()
    return {
        f"{BROKEN_FILE}-cut.pdf": make_pdf(LETTER)[:400] + filling,
        f"{BROKEN_FILE}.docx": b"PK\x03\x04" + filling,
        f"{BROKEN_FILE}.xlsx": b"PK\x05\x06" + filling,
        f"{BROKEN_FILE}.json": b'{"patient": "' + filling + b'", ',
        f"{BROKEN_FILE}.exe": b"MZ" + filling,
        f"{BROKEN_FILE}.txt": b"",
        f"../../{BROKEN_FILE}\x07.xml": b"<ClinicalDocument><patient>" + filling,
        f"{BROKEN_FILE}.eml": b"Subject: =?utf-8?B?" + filling,
    }


@dataclass(slots=True)
class CanaryClient:
    """Keeps every answer that was an error. `workspace_id` is the one whose name is a canary."""

    port: int
    workspace_id: str
    errors: list[httpx.Response] = field(default_factory=list)
    succeeded: list[str] = field(default_factory=list)
    _token: str = ""

    def send(self, method: str, path: str, *, folder: str = "/api/v1", **given: Any) -> httpx.Response:
        headers = {"user-agent": AGENT, **given.pop("headers", {})}
        if self._token:
            headers.setdefault("authorization", f"Bearer {self._token}")
        with httpx.Client(timeout=60, trust_env=False) as client:
            answer = client.request(method, f"http://127.0.0.1:{self.port}{folder}{path}", headers=headers, **given)
        if answer.status_code >= 400:
            self.errors.append(answer)
        else:
            self.succeeded.append(f"{method} {path.partition('?')[0]}")
        return answer

    def sign_in(self) -> None:
        answer = self.send("POST", "/tokens", json={"username": USERNAME, "password": PASSWORD})
        self._token = answer.raise_for_status().json()["access_token"]

    def inside(self, method: str, path: str, **given: Any) -> httpx.Response:
        return self.send(method, f"/workspaces/{self.workspace_id}{path}", **given)

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


def use_it(client: CanaryClient) -> None:
    """All that a clinician does, with canaries in everything they type."""
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
    client.inside("GET", "/questions")
    for text in (SEARCH, PERSON, f'{SEARCH}" OR 1=1 --', f"{SEARCH}*(", "\x00" + SEARCH):
        client.inside("GET", "/documents", params={"text": text})
        client.inside("GET", "/graph/entities", params={"text": text})
    for kind in ("csv", "graphml", "cypher", "jsonld"):
        exported = client.inside("GET", "/graph/export", params={"format": kind})
        assert exported.is_success and PERSON.lower() in exported.text.lower(), kind
    client.inside("DELETE", f"/documents/{indexed[0]['id']}")
    client.wait_until_worked_off()


def fail_at_it(client: CanaryClient) -> None:
    """Every refusal, with canaries in what is refused."""
    for path in ("documents", "questions", "jobs", "graph/triples"):
        client.inside("GET", f"/{path}/{WRONG_ID}")
        client.send("GET", f"/workspaces/{WRONG_ID}/{path}")
    for wrong in (f"{WRONG_ID}' --", f"../{WRONG_ID}", f"{WRONG_ID}\x00", WRONG_ID * 500):
        client.inside("DELETE", f"/documents/{quote(wrong, safe='')}")
    client.inside("GET", "/graph/export", params={"format": WRONG_ID})
    client.inside("GET", "/documents", params={"limit": WRONG_ID, "status": WRONG_ID})
    client.inside("GET", "/graph/neighbourhood", params={"entity_id": WRONG_ID, "assertion": WRONG_ID})
    client.inside("POST", "/questions", json={"text": QUESTION, "mode": QUESTION})
    client.inside("POST", "/questions", json={"text": QUESTION * 500})
    client.inside("POST", "/questions", json={"question": QUESTION, PERSON: QUESTION})
    unpaired = json.dumps({"text": f"\ud800 {QUESTION} {PERSON}"})
    client.inside("POST", "/questions", content=unpaired, headers={"content-type": "application/json"})
    broken = f'{{"text": "{QUESTION}", {PERSON}'
    client.inside("POST", "/questions", content=broken, headers={"content-type": "application/json"})
    client.inside("POST", "/documents", content=LETTER, headers={"content-type": f"multipart/form-data; x={PERSON}"})
    client.send("POST", "/workspaces", json={"name": WORKSPACE, "ontology": "clinical"})
    client.inside("PATCH", "", json={"name": WORKSPACE * 20})
    client.send("POST", "/users", json={"username": UNKNOWN_USER, "name": PERSON, "roles": [PERSON]})
    client.send("GET", "/audit", params={"actor_id": WRONG_ID, "outcome": WRONG_ID})
    client.send("PUT", f"/tokens?{PERSON}={WRONG_ID}", content=LETTER)
    client.send(WRONG_ID.upper(), f"/{WRONG_ID}", content=LETTER)


def knock_at_the_gate(client: CanaryClient) -> None:
    """Wrong sign-ins by REST and by the form, forged tokens and pages that one may not see."""
    for username in (UNKNOWN_USER, USERNAME):
        client.send("POST", "/tokens", json={"username": username, "password": WRONG_PASSWORD})
    client.send("POST", "/tokens", json={"username": [UNKNOWN_USER], "password": {"is": WRONG_PASSWORD}})
    client.send("POST", "/tokens", json={"username": UNKNOWN_USER, "password": WRONG_PASSWORD * 200})
    client.send("GET", "/workspaces", headers={"authorization": f"Bearer {WRONG_ID}"})
    gate = {"folder": "", "headers": {"cookie": f"dafe={WRONG_ID}", "origin": f"http://127.0.0.1:{client.port}"}}
    form = {"username": USERNAME, "password": WRONG_PASSWORD, "next": "/"}
    client.send("POST", "/session/sign-in", data=form, **gate)
    client.send("POST", "/session/sign-in", data=form, folder="", headers={"origin": f"http://{WRONG_ID}"})
    for path in (f"/{PAGE}", f"/ask?question={QUESTION}", f"/media/{WRONG_ID}.txt", f"/_stcore/{WRONG_ID}"):
        client.send("GET", path, **gate)
        client.send("POST", path, content=LETTER, **gate)
    client.send("GET", f"/session/files/{WRONG_ID}", folder="")
