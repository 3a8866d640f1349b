"""A request brings no more than it may, whatever it says of its length, and strangers next to nothing."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from app.api.main import create_api
from app.container import Services
from app.domain.workspaces import Workspace
from tests.api.conftest import PASSWORD


@pytest.fixture
def client(services: Services) -> Iterator[TestClient]:
    with TestClient(create_api(services)) as opened:
        yield opened


def endless(size: int) -> Iterator[bytes]:
    """A body that does not say how long it is."""
    for _ in range(size // 10_000):
        yield b" " * 10_000


@pytest.mark.parametrize("authorization", ["", "Bearer x.y.z"])
def test_a_stranger_s_files_are_not_taken(client: TestClient, authorization: str) -> None:
    headers = {"authorization": authorization, "content-type": "multipart/form-data; boundary=x"}
    for body in (b" " * 20_000, endless(50_000)):
        answer = client.post("/workspaces/any/documents", headers=headers, content=body)
        assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")


def test_a_length_that_is_no_truth_helps_nobody(client: TestClient) -> None:
    headers = {"content-length": "10", "content-type": "application/json"}
    answer = client.post("/tokens", headers=headers, content=b'{"username": "' + b"a" * 50_000)
    assert answer.status_code in {401, 422}
    assert client.post("/tokens", content=endless(50_000)).status_code == 401


@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
def test_a_person_may_send_files_up_to_the_limit_and_little_else(
    client: TestClient, workspace: Workspace, clinician: str, scheme: str
) -> None:
    answer = client.post("/tokens", json={"username": clinician, "password": PASSWORD})
    bearer = {"authorization": f"{scheme} {answer.json()['access_token']}"}
    path = f"/workspaces/{workspace.id}/documents"
    large = ("letter.txt", b"Warfarin interacts with amiodarone.\n" * 100_000)
    assert client.post(path, headers=bearer, files={"files": large}).status_code == 202
    question = {"text": "a" * 2_000_000}
    assert client.post(f"/workspaces/{workspace.id}/questions", headers=bearer, json=question).status_code == 413
    said = {**bearer, "content-type": "multipart/form-data; boundary=x", "content-length": str(3_000_000_000)}
    assert client.post(path, headers=said, content=b"--x").status_code == 413
