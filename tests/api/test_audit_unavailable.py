"""Over REST, too, nothing is shown while the audit log cannot be written: 503 and the sentence, no content."""

import re
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from app.api.main import create_api
from app.container import OPERATOR, Services
from app.domain.access import Role
from app.domain.workspaces import Workspace
from app.services.documents import Upload
from tests.api.conftest import PASSWORD, add_person

CANARY = "Quillfeather"


@pytest.fixture
def client(services: Services) -> Iterator[TestClient]:
    with TestClient(create_api(services)) as opened:
        yield opened


def test_no_route_shows_anything_without_the_log(client: TestClient, services: Services, workspace: Workspace) -> None:
    user_id = add_person(services, "ilse", roles=(Role.ADMINISTRATOR, Role.COMPLIANCE))
    services.workspaces.set_member(OPERATOR, workspace_id=workspace.id, user_id=user_id, role=Role.CLINICIAN)  # type: ignore[arg-type]
    files = [Upload(f"{CANARY}.txt", f"{CANARY} interacts with warfarin.".encode())]
    (uploaded,) = services.documents.upload(OPERATOR, workspace_id=workspace.id, files=files)
    assert uploaded.document is not None
    answer = client.post("/tokens", json={"username": "ilse", "password": PASSWORD})
    bearer = {"authorization": f"Bearer {answer.json()['access_token']}"}
    known = {"workspace_id": workspace.id, "document_id": uploaded.document.id, "user_id": user_id}
    (services.settings.data_dir / "audit.lock").unlink()
    (services.settings.data_dir / "audit.lock").mkdir()
    statuses: dict[str, int] = {}
    for path, methods in client.get("/openapi.json").json()["paths"].items():
        if "get" in methods:
            filled = re.sub(r"{(\w+)}", lambda found: str(known.get(found[1], "absent")), path)
            answer = client.get(filled, headers=bearer, params={"text": "warfarin", "format": "csv"})
            assert CANARY not in answer.text, path
            statuses[path] = answer.status_code
            if answer.status_code == 503:
                assert "nothing was shown or changed" in answer.json()["detail"], path
    closed = {path for path, status in statuses.items() if status == 503}
    assert {"/audit", "/audit/export", "/users", "/workspaces/{workspace_id}/documents"} <= closed, statuses
    assert len(closed) >= 8, statuses
    ask = client.post(f"/workspaces/{workspace.id}/questions", headers=bearer, json={"text": "What about warfarin?"})
    assert CANARY not in ask.text
