"""The audit log as compliance officers use it."""

import io
import json
import shutil
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.container import OPERATOR, Services, open_services
from app.domain.access import Actor, Role
from app.domain.audit import Outcome
from app.domain.workspaces import Workspace
from app.errors import BackendUnavailableError, ForbiddenError
from app.security.audit_chain import read_checkpoint
from tests.services.letters import WARFARIN, add

SECRET = "Zyxqorv"


def export(services: Services, actor: Actor) -> bytes:
    content = io.BytesIO()
    services.audit.export(actor, content, as_lines=True)
    return content.getvalue()


@pytest.fixture
def officer(make_actor: Callable[..., Actor]) -> Actor:
    return make_actor("carla", roles=(Role.COMPLIANCE,))


def test_the_log_says_who_did_what_with_ids_only(services: Services, workspace: Workspace, officer: Actor) -> None:
    document = add(services, workspace.id, f"{SECRET}.txt", WARFARIN + SECRET.encode())
    page = services.audit.list(officer, actions=["documents.upload"])
    assert [(event.outcome, event.objects) for event in page.events] == [
        (Outcome.DONE, (document.id, document.version.id)),
        (Outcome.INTENT, (document.id, document.version.id)),
    ]
    assert {event.actor_id for event in page.events} == {OPERATOR.user_id}
    assert page.kept > page.total == 2
    exported = export(services, officer)
    assert SECRET.encode() not in exported
    assert b"Carla" not in exported
    assert services.audit.people(officer)[officer.user_id] == "carla"


def test_pages_of_the_log_follow_each_other_without_a_gap(services: Services, officer: Actor) -> None:
    for number in range(6):
        services.workspaces.add(OPERATOR, name=f"Workspace {number}")
    wanted = ["workspaces.add"]
    together = [event.seq for event in services.audit.list(officer, actions=wanted).events]
    apart = [
        event.seq
        for page in (1, 2, 3)
        for event in services.audit.list(officer, actions=wanted, page=page, page_size=5).events
    ]
    assert apart == together
    assert len(apart) == 12
    beyond = services.audit.list(officer, actions=wanted, page=2, page_size=100_000)
    assert beyond.events == []
    first = services.audit.list(officer, actions=wanted, page=0, page_size=0)
    assert [event.seq for event in first.events] == together[:1]


def test_the_log_verifies_and_a_checkpoint_kept_elsewhere_fits(
    services: Services, workspace: Workspace, officer: Actor
) -> None:
    checkpoint = services.audit.seal()
    assert checkpoint is not None
    add(services, workspace.id, "warfarin.txt", WARFARIN)
    result = services.audit.verify(officer, trusted=read_checkpoint(checkpoint.to_text()))
    assert result.ok is True
    assert result.verified_to == result.events > checkpoint.seq


def test_an_export_holds_every_event_the_checkpoints_and_the_public_key(services: Services, officer: Actor) -> None:
    lines = [json.loads(line) for line in export(services, officer).decode().splitlines()]
    events = [line for line in lines if "seq" in line]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert events[-1]["action"] == "audit.export"
    assert json.loads(lines[-2]["checkpoint"])["seq"] == len(events)
    assert lines[-1]["key_id"] == services.audit.status(officer).key_id
    assert json.loads(lines[-2]["checkpoint"])["key"] == lines[-1]["public_key"]


def test_a_third_party_verifies_an_export_with_the_program_in_it_and_the_key_id_alone(
    services: Services, workspace: Workspace, officer: Actor, tmp_path: Path
) -> None:
    add(services, workspace.id, "warfarin.txt", WARFARIN)
    content = io.BytesIO()
    services.audit.export(officer, content)
    bundle = tmp_path / "elsewhere" / "audit.zip"
    bundle.parent.mkdir()
    bundle.write_bytes(content.getvalue())
    with zipfile.ZipFile(bundle) as archive:
        archive.extractall(bundle.parent)
    (bundle.parent / "lines.jsonl").write_bytes(export(services, officer))
    key_id = services.audit.status(officer).key_id

    def verify(*arguments: str) -> tuple[int, dict[str, Any]]:
        command = [sys.executable, "-I", "verify.py", *arguments, "--json"]
        run = subprocess.run(command, cwd=bundle.parent, capture_output=True, text=True, check=False)
        assert run.stderr == ""
        return run.returncode, json.loads(run.stdout)

    for export_form in ("audit.zip", ".", "lines.jsonl"):
        code, result = verify(export_form, "--key-id", key_id)
        assert (code, result["ok"], result["doubt"]) == (0, True, "")
        assert result["events"] == result["sealed_to"] > 4
    assert verify(".", "--key-id", "0000")[0] == 1
    events = bundle.parent / "events.jsonl"
    rows = events.read_text().splitlines(keepends=True)
    for changed in (rows[:2] + rows[3:], [*rows[:2], rows[2].replace("cli", "web"), *rows[3:]], rows[:-1]):
        events.write_text("".join(changed))
        code, result = verify(".")
        assert (code, result["first_bad"]) == (1, len(rows) if changed == rows[:-1] else 3)


def test_status_says_how_far_the_log_is_sealed_and_verified(services: Services, officer: Actor) -> None:
    services.audit.seal()
    services.audit.verify(officer)
    status = services.audit.status(officer)
    assert status.verified_to == status.sealed_to == status.events - 1
    assert (status.sealing, status.second_device, status.second_device_ok) == ("", "", True)
    services.audit.renew_key(OPERATOR)
    assert services.audit.status(officer).key_id != status.key_id
    result = services.audit.verify(officer, incremental=True)
    assert (result.ok, result.verified_from) == (True, status.verified_to)
    verified_to = services.audit.status(officer).verified_to
    last = services.audit.seal()
    assert services.audit.verify(officer, incremental=True, trusted=last).ok is True
    assert services.audit.status(officer).verified_to == verified_to


def test_a_log_that_was_begun_anew_is_found(services: Services, workspace: Workspace, officer: Actor) -> None:
    path = services.settings.data_dir / "audit.db"
    services.audit.seal()
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TRIGGER audit_stays")
        connection.execute("DELETE FROM audit")
    connection.close()
    shutil.rmtree(services.settings.data_dir / "seal")
    anew = open_services(services.settings)
    result = anew.audit.verify(officer)
    anew.close()
    assert result.ok is False
    assert [(finding.seq, finding.kind) for finding in result.findings] == [(1, "truncated")]


def test_only_who_may_audit_reads_the_log(
    services: Services, workspace: Workspace, make_actor: Callable[..., Actor]
) -> None:
    ilse = make_actor("ilse", workspace=workspace)
    for call in (services.audit.list, services.audit.verify, services.audit.people, services.audit.status):
        with pytest.raises(ForbiddenError):
            call(ilse)
    with pytest.raises(ForbiddenError):
        services.audit.export(ilse, io.BytesIO())
    with pytest.raises(ForbiddenError):
        services.audit.renew_key(ilse)


def test_without_the_log_nothing_is_shown_or_changed(
    services: Services, workspace: Workspace, make_actor: Callable[..., Actor]
) -> None:
    ilse = make_actor("ilse", workspace=workspace)
    document = add(services, workspace.id, "warfarin.txt", WARFARIN)
    with sqlite3.connect(services.settings.data_dir / "audit.db") as connection:
        connection.execute("CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'disk full'); END")
    connection.close()
    with pytest.raises(BackendUnavailableError):
        services.documents.get(ilse, workspace_id=workspace.id, document_id=document.id)
    with pytest.raises(BackendUnavailableError):
        add(services, workspace.id, "second.txt", b"A second letter.")
    with pytest.raises(BackendUnavailableError):
        services.workspaces.rename(OPERATOR, workspace_id=workspace.id, name="Changed")
    assert services.workspaces.get(ilse, workspace_id=workspace.id).name == workspace.name
    assert services.workspaces.summary(ilse, workspace_id=workspace.id).documents == 1
