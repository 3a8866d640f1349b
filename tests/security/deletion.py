"""An installation with the plain cipher, a worker process and a hundred planted names, to see what deleting leaves."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from fastapi.testclient import TestClient

from app.api.main import create_api
from app.container import OPERATOR, Services, open_services
from app.domain.access import Role
from app.domain.documents import Document
from app.domain.ids import WorkspaceId
from app.services.documents import Upload
from app.settings import load_settings
from backends.metadata.base_content import DocumentFilter
from tests.api.conftest import PASSWORD, add_person
from tests.security.plain_worker import take_ciphers_out
from tests.working import OPEN_STATES

ROOT = Path(__file__).parents[2]
_PATIENCE_SECONDS = 400.0


@dataclass(frozen=True, slots=True)
class Deletion:
    """`here` holds planted and staying documents, `control` will hold the staying ones alone."""

    services: Services
    client: TestClient
    headers: dict[str, str]
    here: WorkspaceId
    control: WorkspaceId
    folder: Path

    @property
    def searched(self) -> list[Path]:
        """Data, temporary files, and the logs of both processes."""
        return [self.folder]

    def upload(self, workspace_id: WorkspaceId, uploads: Sequence[Upload], **query: str) -> list[dict[str, Any]]:
        """Over REST; what became of each file."""
        files = [("files", (one.name, one.content)) for one in uploads]
        answer = self.client.post(
            self._path(workspace_id, "documents"), files=files, params=query, headers=self.headers
        )
        assert answer.status_code == 202, answer.text
        found: list[dict[str, Any]] = answer.json()
        assert {one["state"] for one in found} <= {"added"}, found
        return found

    def delete(self, workspace_id: WorkspaceId, document_id: str) -> None:
        path = self._path(workspace_id, f"documents/{document_id}")
        assert self.client.delete(path, headers=self.headers).status_code == 202

    def get(self, workspace_id: WorkspaceId, path: str, **query: Any) -> httpx.Response:
        return self.client.get(self._path(workspace_id, path), params=query, headers=self.headers)

    def ask(self, workspace_id: WorkspaceId, text: str, mode: str) -> dict[str, Any]:
        question = {"text": text, "mode": mode}
        answer = self.client.post(self._path(workspace_id, "questions"), json=question, headers=self.headers)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def export(self, workspace_id: WorkspaceId, format: str) -> str:
        """Made by the worker, over REST; its file stays."""
        path = self._path(workspace_id, "graph/exports")
        started = self.client.post(path, json={"format": format}, headers=self.headers)
        assert started.status_code == 202, started.text
        self.wait()
        made = self.get(workspace_id, f"graph/exports/{started.json()['id']}")
        assert made.status_code == 200, made.text
        return made.content.decode()

    def documents(self, workspace_id: WorkspaceId) -> list[Document]:
        page = self.services.documents.list(OPERATOR, workspace_id=workspace_id, document_filter=DocumentFilter())
        return page.documents

    def wait(self) -> None:
        """Until the worker has no open job; a file that could not be read is an error of the test."""
        end = time.monotonic() + _PATIENCE_SECONDS
        for workspace_id in (self.here, self.control):
            while self.services.jobs.list(OPERATOR, workspace_id=workspace_id, states=OPEN_STATES):
                assert time.monotonic() < end, (self.folder / "worker.log").read_text()
                time.sleep(0.1)
        assert "unexpected" not in (self.folder / "worker.log").read_text()

    def _path(self, workspace_id: WorkspaceId, rest: str) -> str:
        return f"/workspaces/{workspace_id}/{rest}"


@contextmanager
def installed(folder: Path, **given: Any) -> Iterator[Deletion]:
    """For a process of its own or a test that puts back what `take_ciphers_out` changed."""
    take_ciphers_out()
    temporary = folder / "temporary"
    temporary.mkdir()
    before, tempfile.tempdir = tempfile.tempdir, str(temporary)
    settings = load_settings(data_dir=folder / "data", embeddings={"kind": "hashing"}, llm={"kind": "none"}, **given)
    services = open_services(settings)
    try:
        with TestClient(create_api(services)) as client, _worker(folder, temporary, **given):
            spaces = [
                services.workspaces.add(OPERATOR, name=name, ontology="clinical").id for name in ("Ward", "Other")
            ]
            user_id = add_person(services, "officer", roles=(Role.COMPLIANCE,))
            for one in spaces:
                services.workspaces.set_member(OPERATOR, workspace_id=one, user_id=user_id, role=Role.ANALYST)  # type: ignore[arg-type]
            token = client.post("/tokens", json={"username": "officer", "password": PASSWORD}).json()["access_token"]
            yield Deletion(services, client, {"authorization": f"Bearer {token}"}, *spaces, folder)
    finally:
        services.close()
        tempfile.tempdir = before


@contextmanager
def _worker(folder: Path, temporary: Path, **given: Any) -> Iterator[None]:
    environment = {
        **os.environ,
        "DAFE_DATA_DIR": str(folder / "data"),
        "DAFE_EMBEDDINGS__KIND": "hashing",
        "DAFE_LLM__KIND": "none",
        "TMPDIR": str(temporary),
        **{f"DAFE_{name}__{key}".upper(): str(value) for name, part in given.items() for key, value in part.items()},
    }
    with (folder / "worker.log").open("wb") as log:
        command = [sys.executable, "-m", "tests.security.plain_worker"]
        process = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT)
        try:
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + _PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)
