"""REST over real services: tokens, rights, problems, and the road from upload to a cited answer."""

import json
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from app.api.main import create_api
from app.container import OPERATOR, Services
from app.domain.access import Role
from app.domain.workspaces import Workspace
from app.security.tokens import AccessTokens
from tests.api.conftest import PASSWORD, add_person
from tests.working import work_off

NOTE = b"Marisol Tennant takes warfarin. Warfarin interacts with amiodarone. Marisol Tennant has no history of stroke."


@pytest.fixture
def client(services: Services) -> Iterator[TestClient]:
    with TestClient(create_api(services)) as opened:
        yield opened


@pytest.fixture
def token(client: TestClient, clinician: str) -> dict[str, str]:
    return bearer(client, clinician)


def bearer(client: TestClient, username: str) -> dict[str, str]:
    answer = client.post("/tokens", json={"username": username, "password": PASSWORD})
    assert answer.status_code == 201
    return {"authorization": f"Bearer {answer.json()['access_token']}"}


def routes(client: TestClient) -> list[tuple[str, str]]:
    found = client.get("/openapi.json").json()["paths"]
    return [(method.upper(), path) for path, methods in found.items() for method in methods]


def test_every_route_but_the_first_token_wants_a_bearer(client: TestClient) -> None:
    swept = [(method, path) for method, path in routes(client) if (method, path) != ("POST", "/tokens")]
    assert len(swept) > 30
    for method, path in swept:
        answer = client.request(method, path.replace("{", "").replace("}", ""))
        assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json"), path


def test_a_wrong_password_is_a_problem_without_a_token(client: TestClient, clinician: str) -> None:
    answer = client.post("/tokens", json={"username": clinician, "password": "not the password"})
    assert answer.status_code == 403
    assert "access_token" not in answer.json()


@pytest.mark.parametrize("forged", ["", "x.y.z", "eyJhbGciOiJub25lIn0.e30."])
def test_a_forged_token_opens_nothing(client: TestClient, forged: str) -> None:
    assert client.get("/workspaces", headers={"authorization": f"Bearer {forged}"}).status_code == 401


def test_a_token_signed_by_another_key_opens_nothing(client: TestClient, services: Services) -> None:
    strange = AccessTokens(b"k" * 32).issue(session_id="s", user_id="u")
    assert client.get("/workspaces", headers={"authorization": f"Bearer {strange}"}).status_code == 401


def test_ending_the_session_ends_its_tokens_at_once(client: TestClient, token: dict[str, str]) -> None:
    assert client.get("/workspaces", headers=token).status_code == 200
    assert client.delete("/tokens/current", headers=token).status_code == 204
    assert client.get("/workspaces", headers=token).status_code == 401


def test_a_generated_password_must_be_changed_before_anything_else(client: TestClient, services: Services) -> None:
    added = services.users.add(OPERATOR, username="nils", name="Nils")
    answer = client.post("/tokens", json={"username": "nils", "password": added.password})
    headers = {"authorization": f"Bearer {answer.json()['access_token']}"}
    assert client.get("/workspaces", headers=headers).status_code == 403


def test_somebody_else_finds_neither_workspace_nor_document(
    client: TestClient, services: Services, workspace: Workspace, token: dict[str, str]
) -> None:
    add_person(services, "stranger")
    other = bearer(client, "stranger")
    assert client.get("/workspaces", headers=other).json() == []
    for path in ("documents", "graph/stats", "questions", "jobs"):
        assert client.get(f"/workspaces/{workspace.id}/{path}", headers=other).status_code == 404
        assert client.get(f"/workspaces/{workspace.id}/{path}", headers=token).status_code == 200


def test_a_document_is_uploaded_indexed_asked_and_deleted(
    client: TestClient, services: Services, workspace: Workspace, token: dict[str, str]
) -> None:
    base = f"/workspaces/{workspace.id}"
    uploaded = client.post(f"{base}/documents", headers=token, files=[("files", ("note.txt", NOTE))]).json()
    assert [one["state"] for one in uploaded] == ["added"]
    work_off(services)
    (document,) = client.get(f"{base}/documents", headers=token).json()["documents"]
    assert document["status"] == "indexed"
    assert document["chunks"] == document["extracted"] + document["retried"] + document["quarantined"]
    question = {"text": "What does warfarin interact with?", "mode": "graph"}
    answer = client.post(f"{base}/questions", headers=token, json=question).json()
    assert "amiodarone" in answer["answer"].casefold()
    assert (
        NOTE.decode()[answer["citations"][0]["start"] : answer["citations"][0]["end"]]
        == answer["citations"][0]["quote"]
    )
    assert client.get(f"{base}/questions", headers=token).json()[0]["text"] == question["text"]
    assert client.delete(f"{base}/documents/{document['id']}", headers=token).status_code == 202
    work_off(services)
    assert client.get(f"{base}/graph/stats", headers=token).json()["triples"] == 0
    assert client.post(f"{base}/questions", headers=token, json=question).json()["refused"] is True
    assert client.get(f"{base}/questions", headers=token).json()[-1]["text"] == question["text"]


def test_a_document_is_kept_to_some_people_and_given_back(
    client: TestClient, services: Services, workspace: Workspace, token: dict[str, str]
) -> None:
    colleague = add_person(services, "petra")
    services.workspaces.set_member(OPERATOR, workspace_id=workspace.id, user_id=colleague, role=Role.ANALYST)  # type: ignore[arg-type]
    hers = bearer(client, "petra")
    base = f"/workspaces/{workspace.id}/documents"
    client.post(base, headers=token, files=[("files", ("note.txt", NOTE))])
    (document,) = client.get(base, headers=hers).json()["documents"]
    access = f"{base}/{document['id']}/access"
    everybody = client.get(access, headers=hers).json()
    assert (document["restricted"], everybody["user_ids"]) == (False, None)
    assert [one["name"] for one in everybody["people"]] == ["ilse", "petra"]
    mine = client.put(access, headers=token, json={"user_ids": []}).json()
    assert [one["id"] for one in mine["people"] if one["name"] == "ilse"] == mine["user_ids"]
    unknown = client.get(f"{base}/01JUNKNOWN0000000000000000/access", headers=hers)
    for answer in (client.get(access, headers=hers), client.put(access, headers=hers, json={"user_ids": None})):
        assert (answer.status_code, answer.content) == (404, unknown.content)
    assert client.get(base, headers=hers).json() == {"documents": [], "total": 0}
    assert client.get(f"/workspaces/{workspace.id}/jobs", headers=hers).json() == []
    (shown,) = client.get(base, headers=token).json()["documents"]
    assert shown["restricted"] is True
    for body in ({"user_ids": ["01JUNKNOWN0000000000000000"]}, {}, {"user_ids": "everybody"}):
        assert client.put(access, headers=token, json=body).status_code == 422
    assert set(client.put(access, headers=token, json={"user_ids": [colleague]}).json()["user_ids"]) > {colleague}
    assert client.get(access, headers=hers).status_code == 200


def test_an_answer_streams_as_events(
    client: TestClient, services: Services, workspace: Workspace, token: dict[str, str]
) -> None:
    client.post(f"/workspaces/{workspace.id}/documents", headers=token, files=[("files", ("note.txt", NOTE))])
    work_off(services)
    headers = {**token, "accept": "text/event-stream"}
    question = {"text": "What does Marisol Tennant take?", "mode": "rag"}
    answer = client.post(f"/workspaces/{workspace.id}/questions", headers=headers, json=question)
    events = [json.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: ")]
    assert [event["finished"] for event in events][-1] is True
    assert len(events) > 1


def test_a_clinician_cannot_read_users_or_the_audit_log(client: TestClient, token: dict[str, str]) -> None:
    for path in ("/users", "/audit", "/health"):
        assert client.get(path, headers=token).status_code == 403


def test_a_request_that_cannot_be_used_is_one_sentence(
    client: TestClient, workspace: Workspace, token: dict[str, str]
) -> None:
    answer = client.post(f"/workspaces/{workspace.id}/questions", headers=token, json={"text": ""})
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("The request cannot be used: body.text:")
