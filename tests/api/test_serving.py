"""REST without the pages: strict headers on every answer, errors included."""

from fastapi.testclient import TestClient

from app.api.serving import create_root
from app.container import Services

_FORM = {"content-type": "multipart/form-data; boundary=x"}


def test_every_answer_forbids_everything_that_pages_might_do(services: Services) -> None:
    with TestClient(create_root(services)) as client:
        answers = [client.get(path) for path in ("/", "/api/v1/openapi.json", "/api/v1/workspaces", "/api/v1/nowhere")]
        answers += [client.post("/api/v1/tokens", json=[]), client.post("/api/v1/tokens", content=b" " * 20_000)]
        answers += [
            client.put("/api/v1/tokens"),
            client.post("/api/v1/workspaces/x/documents", headers=_FORM, content=b"--x\r\n:"),
        ]
        assert [answer.status_code for answer in answers] == [404, 200, 401, 404, 422, 401, 405, 400]
        assert all(answer.json()["detail"].endswith(".") for answer in answers if answer.status_code >= 400)
    for answer in answers:
        assert answer.headers["content-security-policy"].startswith("default-src 'none'; base-uri 'none'")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
