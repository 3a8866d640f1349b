"""Personal data planted everywhere is found in no log line, error, queued message, metric or row of the audit log."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.container import OPERATOR, open_services
from app.domain.access import Role
from app.domain.audit import AuditEvent
from app.domain.ids import WorkspaceId
from app.domain.jobs import Job
from app.security.keys import load_keys
from backends.sql.engine import Database
from tests.security.canaries import (
    CANARIES,
    PERSON,
    QUESTION,
    WORKSPACE,
    CanaryClient,
    fail_at_it,
    found_canaries,
    found_in_files,
    knock_at_the_gate,
    use_it,
)
from tests.security.running import USERNAME, RunningInstallation

pytestmark = pytest.mark.slow


@dataclass(frozen=True, slots=True)
class Afterwards:
    """What was left when everything had been tried and all processes had ended."""

    client: CanaryClient
    folder: Path
    log: str
    events: list[AuditEvent]
    jobs: list[Job]
    failures: list[tuple[int, str]]
    """Status and body of the answers while the database was not as it should be."""


@pytest.fixture(scope="module")
def afterwards(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Afterwards]:
    folder = tmp_path_factory.mktemp("canaries")
    running = RunningInstallation(folder, {"DAFE_EMBEDDINGS__KIND": "hashing"})
    running.prepare()
    client = CanaryClient(running.port, _named_workspace(running))
    running.start()
    try:
        use_it(client)
        fail_at_it(client)
        knock_at_the_gate(client)
        failures = _fail_inside(running, client)
    finally:
        running.stop()
    yield _left(running, client, failures)


def _named_workspace(running: RunningInstallation) -> str:
    services = open_services(running.settings())
    try:
        workspace = services.workspaces.add(OPERATOR, name=WORKSPACE, ontology="clinical")
        (user,) = (one for one in services.users.list(OPERATOR) if one.username == USERNAME)
        services.workspaces.set_member(OPERATOR, workspace_id=workspace.id, user_id=user.id, role=Role.CLINICIAN)
        return workspace.id
    finally:
        services.close()


def _fail_inside(running: RunningInstallation, client: CanaryClient) -> list[tuple[int, str]]:
    """Without a table, so that the question is among the parameters; then with a value whose error quotes it."""
    settings = running.settings()
    database = Database(settings.data_dir / "dafe.db", key=load_keys(settings.key_path, may_create=False).database)
    try:
        _change(database, "ALTER TABLE questions RENAME TO questions_away")
        asked = client.inside("POST", "/questions", json={"text": f"Has {PERSON} a {QUESTION}?", "mode": "rag"})
        _change(database, "ALTER TABLE questions_away RENAME TO questions")
        _change(database, f"UPDATE questions SET mode = '{PERSON}'")
        listed = client.inside("GET", "/questions")
    finally:
        database.close()
    return [(one.status_code, one.text) for one in (asked, listed)]


def _change(database: Database, statement: str) -> None:
    with database.write() as connection:
        connection.exec_driver_sql(statement)


def _left(running: RunningInstallation, client: CanaryClient, failures: list[tuple[int, str]]) -> Afterwards:
    services = open_services(running.settings())
    try:
        events: list[AuditEvent] = []
        while page := services.audit.list(OPERATOR, page=len(events) // 500 + 1, page_size=500).events:
            events += page
            if len(page) < 500:
                break
        jobs = list(services.jobs.list(OPERATOR, workspace_id=WorkspaceId(client.workspace_id), limit=1_000))
    finally:
        services.close()
    return Afterwards(client, running.folder, running.log.read_text(), events, jobs, failures)


def test_the_canaries_went_through_everything(afterwards: Afterwards) -> None:
    refused = {one.status_code for one in afterwards.client.errors}
    assert refused >= {400, 401, 403, 404, 405, 422, 500, 503}, sorted(refused)
    assert {"index", "delete"} == {job.kind.value for job in afterwards.jobs}
    assert any(job.error for job in afterwards.jobs), "broken files were to fail"
    assert len(afterwards.events) > 60


def test_no_canary_is_in_any_line_that_a_process_wrote(afterwards: Afterwards) -> None:
    assert afterwards.log
    assert [line for line in afterwards.log.splitlines() if found_canaries(line)] == []


def test_no_canary_is_in_any_error_that_somebody_is_shown(afterwards: Afterwards) -> None:
    told = [
        (answer.request.method, answer.status_code, answer.text, str(answer.headers))
        for answer in afterwards.client.errors
        if found_canaries(answer.content) or found_canaries(str(answer.headers))
    ]
    assert told == []
    assert [job.error for job in afterwards.jobs if job.error and found_canaries(job.error)] == []


def test_no_canary_is_in_any_row_of_the_audit_log(afterwards: Afterwards) -> None:
    assert [event for event in afterwards.events if found_canaries(repr(event))] == []


def test_no_canary_is_in_the_bytes_of_any_file_of_the_data_folder(afterwards: Afterwards) -> None:
    files = sorted(afterwards.folder.rglob("*"))
    assert len([path for path in files if path.is_file()]) > 5
    assert found_in_files(files) == {}


def test_an_error_shows_a_reference_that_finds_its_line(afterwards: Afterwards) -> None:
    lines = [json.loads(line) for line in afterwards.log.splitlines() if line.startswith("{")]
    assert [status for status, _ in afterwards.failures] == [503, 500]
    for _, body in afterwards.failures:
        reference = json.loads(body)["reference"]
        (found,) = [line for line in lines if line.get("dafe.reference") == reference]
        assert "questions" in found["dafe.action"] and ".py:" in found["dafe.where"]


def test_the_search_for_canaries_finds_them() -> None:
    for canary in CANARIES:
        assert found_canaries(f"x{canary.upper()}y") and found_canaries(canary.encode("utf-16-le"))
