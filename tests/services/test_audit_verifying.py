"""The worker verifies the audit log by itself: when, by whom, what it finds, and how long that is shown."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.container import OPERATOR, Services
from app.domain.access import Actor, Role
from app.domain.audit import Outcome
from app.domain.documents import Document
from app.domain.jobs import JobKind, JobState, Priority
from app.domain.workspaces import Workspace
from app.errors import ForbiddenError
from app.security.audit_seals import UP_LOCK
from app.security.second_device import SecondDevice
from app.services import audit_verifying
from app.services.audit_checks import AuditChecks, Part
from app.services.new_jobs import new_upkeep_job
from backends.lock_files import exclusive
from backends.metadata.base import MetadataStore
from backends.queue.base import NO_WORKSPACE
from backends.sql.engine import Database
from backends.sql.tables import jobs as table
from tests.services.letters import WARFARIN, add
from tests.services.verifying import change, jobs, last, made_days_ago, opened, slow_workers, wait_until, work, working

AGO = timedelta(days=6)


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    found = made_days_ago(tmp_path / "data")
    yield found
    found.close()


def make_due(services: Services) -> None:
    """As if the last one had been made days ago."""
    path, known = services.settings.data_dir / "dafe.db", jobs(services)
    with closing(Database(path, key=services.keys.database)) as database, database.write() as connection:
        for job in known:
            then = {"created_at": job.created_at - AGO}
            connection.execute(table.update().where(table.c.id == job.id).values(then))


def test_a_day_after_its_beginning_the_log_is_verified_once(services: Services) -> None:
    before = datetime.now(UTC)
    job = work(services, count=1)
    assert (job.kind, job.state, job.priority, job.error) == (JobKind.VERIFY, JobState.DONE, Priority.BULK, None)
    found = last(services)
    assert (found.ok, found.findings, found.detail, found.by_itself) == (True, 0, "", True)
    assert found.sound_at == found.complete_at
    assert found.sound_at is not None and before < found.sound_at < found.at
    (event,) = services.audit.list(OPERATOR, actions=["worker.verify"]).events
    assert (event.outcome, event.actor_id, event.channel) == (Outcome.DONE, "system", "worker")
    counted = {"events": found.verified_to, "verified_to": found.verified_to, "findings": 0}
    assert event.details == {"job": job.id, "ok": True, "complete": True, **counted}
    assert event.seq == found.verified_to + 1
    assert job.done == job.total == found.verified_to
    assert services.audit.status(OPERATOR).verified_to == found.verified_to
    with working(services):
        time.sleep(1.0)
    assert len(jobs(services)) == 1


def test_a_new_installation_waits_for_its_first_day_and_off_means_never(services: Services, tmp_path: Path) -> None:
    with closing(opened(tmp_path / "new")) as new, working(new):
        new.workspaces.add(OPERATOR, name="One")
        time.sleep(1.0)
        assert jobs(new) == []
    with closing(opened(services.settings.data_dir, audit_verify_hours=0)) as off, working(off):
        time.sleep(1.0)
        assert jobs(off) == []


def test_a_pause_of_days_is_made_up_once_and_only_what_is_new_is_read(services: Services) -> None:
    work(services, count=1)
    reached = last(services).verified_to
    make_due(services)
    services.audit.seal()
    work(services, count=2)
    newest = services.audit.list(OPERATOR, actions=["worker.verify"]).events[0]
    assert (newest.details["complete"], newest.details["ok"]) == (False, True)
    assert newest.details["events"] == last(services).verified_to - reached + 1
    with working(services):
        time.sleep(1.0)
    assert len(jobs(services)) == 2


def test_a_row_changed_between_two_runs_is_found_and_stays_found_until_all_is_sound(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    work(services, count=1)
    change(services, 2)
    make_due(services)
    monkeypatch.setattr(audit_verifying, "_COMPLETE_EVERY", timedelta(0))
    job = work(services, count=2)
    monkeypatch.undo()
    assert job.state is JobState.FAILED
    assert job.error == "Event 2: the event is not as it was written."
    found = last(services)
    assert (found.ok, found.verified_to, found.findings, found.by_itself) == (False, 1, 1, True)
    assert found.detail == job.error
    event = services.audit.list(OPERATOR, actions=["worker.verify"]).events[0]
    assert (event.details["ok"], event.details["findings"], event.details["verified_to"]) == (False, 1, 1)
    assert services.audit.verify(OPERATOR, incremental=True).ok is True, "it begins behind the row"
    assert last(services) == found
    make_due(services)
    work(services, count=3)
    assert last(services).ok is False, "the next run reads all of it again"
    assert last(services).detail == found.detail
    change(services, 2, old='"web"', new='"cli"')
    make_due(services)
    assert work(services, count=4).state is JobState.DONE
    assert (last(services).ok, last(services).findings) == (True, 0)


def test_what_is_new_is_found_by_the_daily_run(services: Services) -> None:
    work(services, count=1)
    seq = services.audit.status(OPERATOR).events + 1
    services.workspaces.rename(OPERATOR, workspace_id=services.workspaces.list(OPERATOR)[0].id, name="Other")
    change(services, seq)
    make_due(services)
    job = work(services, count=2)
    assert job.error is not None and job.error.startswith(f"Event {seq}: the event is not as it was written")
    assert last(services).ok is False


def test_what_is_found_is_shown_although_the_log_takes_no_more_events(services: Services) -> None:
    """This process wrote the newest event itself, and knows that it was changed since."""
    services.workspaces.rename(OPERATOR, workspace_id=services.workspaces.list(OPERATOR)[0].id, name="Other")
    change(services, services.audit.status(OPERATOR).events)
    with working(services):
        wait_until(lambda: services.audit.status(OPERATOR).last_verification)
        assert (last(services).ok, last(services).findings) == (False, 1)
        wait_until(lambda: jobs(services)[0].waits > 0)
    assert "gone or changed" in str(jobs(services)[0].error)


def test_a_person_who_verifies_all_of_it_takes_the_finding_away_or_makes_one(services: Services) -> None:
    change(services, 2)
    assert services.audit.verify(OPERATOR).ok is False
    assert (last(services).ok, last(services).by_itself) == (False, False)
    change(services, 2, old='"web"', new='"cli"')
    assert services.audit.verify(OPERATOR).ok is True
    assert (last(services).ok, last(services).findings) == (True, 0)


@pytest.mark.parametrize("how", ["sound", "changed", "cut out", "a whole part cut out"])
def test_a_large_log_is_read_in_slices_between_which_others_go_first(
    services: Services, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr(audit_verifying, "_TOGETHER", 4)
    monkeypatch.setattr(audit_verifying, "_SLICE_SECONDS", 0.0)
    workspace = services.workspaces.list(OPERATOR)[0]
    for number in range(12):
        services.workspaces.rename(OPERATOR, workspace_id=workspace.id, name=f"Name {number}")
    services.audit.seal()
    with closing(sqlite3.connect(services.settings.data_dir / "audit.db")) as connection:
        connection.executescript("DROP TRIGGER audit_keeps; DROP TRIGGER audit_stays")
        if how == "changed":
            connection.execute("UPDATE audit SET body = replace(body, '\"cli\"', '\"web\"') WHERE seq = 14")
        elif how == "cut out":
            connection.execute("DELETE FROM audit WHERE seq = 14")
        elif how == "a whole part cut out":
            connection.execute("DELETE FROM audit WHERE seq BETWEEN 14 AND 21")
        connection.commit()
    verify_part = AuditChecks.verify_part
    added: list[Document] = []

    def added_meanwhile(*given: Any, **options: Any) -> Any:
        if not added:
            added.append(add(services, workspace.id, "warfarin.txt", WARFARIN))
        return verify_part(*given, **options)

    monkeypatch.setattr(AuditChecks, "verify_part", added_meanwhile)
    job = work(services, count=1)
    if how == "sound":
        assert (job.state, last(services).ok) == (JobState.DONE, True)
        (event,) = services.audit.list(OPERATOR, actions=["worker.verify"]).events
        assert event.details["verified_to"] == event.details["events"] == event.seq - 1
        assert services.audit.verify(OPERATOR, incremental=True).ok is True, "it goes on where the slices ended"
    else:
        assert (job.state, last(services).verified_to) == (JobState.FAILED, 13)
        assert job.error is not None and job.error.startswith("Event 14: ")
    assert not (services.settings.data_dir / "audit.verifying").exists()
    if how == "sound":
        indexed = services.audit.list(OPERATOR, actions=["worker.index"], outcomes=[Outcome.DONE]).events[0]
        assert indexed.seq < event.seq, "the document was not kept waiting"


def parts(services: Services, *, events: int) -> list[Part]:
    checks = services.audit._checks
    found = [checks.verify_part(None, events=events)]
    while not found[-1].is_last and found[-1].result.ok is not False:
        found.append(checks.verify_part(found[-1].reached, events=events))
    return found


def test_a_part_begins_with_the_event_and_the_seal_that_the_last_one_ended_with(services: Services) -> None:
    services.audit.seal()
    services.workspaces.add(OPERATOR, name="Four")
    first = parts(services, events=7)[0]
    assert (first.result.ok, first.reached.seq, first.reached.checkpoint) == (True, 7, 1)
    checks = services.audit._checks
    for other in ({"head": "f" * 64}, {"checkpoint_hash": "f" * 64}):
        assert checks.verify_part(replace(first.reached, **other), events=2).result.ok is False  # type: ignore[arg-type]
    assert checks.verify_part(first.reached, events=2).result.ok is True


def test_the_second_device_is_read_beside_every_part(tmp_path: Path, services: Services) -> None:
    device = tmp_path / "device"
    device.mkdir()
    with closing(made_days_ago(tmp_path / "other", audit_second_device=device)) as kept:
        assert [one.result.ok for one in parts(kept, events=2)] == [True] * 3
        lines = SecondDevice(device).events.read_text().splitlines(keepends=True)
        SecondDevice(device).events.write_text("".join([*lines[:3], lines[3].replace("cli", "web"), *lines[4:]]))
        (finding,) = parts(kept, events=2)[-1].result.findings
        assert (finding.seq, finding.kind) == (4, "device")
        SecondDevice(device).events.write_text("".join(lines[:1]))
        kept.jobs._metadata.jobs.add(replace(new_upkeep_job(JobKind.VERIFY, workspace_id=NO_WORKSPACE), waits=6))
        job = work(kept, count=1)
        assert (job.state, last(kept).ok, last(kept).verified_to) == (JobState.FAILED, None, job.done)
        assert job.error == last(kept).detail != ""


def test_a_sealer_that_is_silent_is_waited_for(services: Services, tmp_path: Path) -> None:
    """`dafe up` has just started after a pause: its sealer signs within a minute."""
    folder = services.settings.data_dir
    (folder / "seal" / "checkpoints.jsonl").unlink()
    with exclusive(folder / UP_LOCK), working(services):
        wait_until(lambda: [one.waits for one in jobs(services)] == [1])
        (job,) = jobs(services)
        assert (job.state, job.error) == (JobState.WAITING, "The sealer has not signed a checkpoint yet.")
        assert services.audit.status(OPERATOR).last_verification is None


def test_a_sealer_that_found_something_is_not_waited_for(services: Services) -> None:
    change(services, 2)
    (services.settings.data_dir / "seal" / "complaint").write_text("The audit log is not whole, so nothing is sealed.")
    job = work(services, count=1)
    assert (job.state, job.waits, last(services).ok) == (JobState.FAILED, 0, False)


@pytest.mark.slow
def test_of_two_worker_processes_one_makes_the_job_and_a_killed_ones_is_done_by_another(
    services: Services, metadata: MetadataStore
) -> None:
    with slow_workers(services.settings.data_dir, {}):
        wait_until(lambda: metadata.jobs.find(reader=None, states=[JobState.RUNNING]))
        time.sleep(3.0)
        (job,) = jobs(services)
        assert (job.state, job.created_by) == (JobState.RUNNING, "system")
    assert work(services, count=1).state is JobState.DONE
    assert (jobs(services)[0].id, last(services).ok) == (job.id, True)


def test_administrators_see_and_stop_it_and_nobody_else(
    services: Services, metadata: MetadataStore, make_actor: Callable[..., Actor], workspace: Workspace
) -> None:
    job = new_upkeep_job(JobKind.VERIFY, workspace_id=NO_WORKSPACE)
    metadata.jobs.add(job)
    root = make_actor("root", roles=(Role.ADMINISTRATOR,))
    ilse = make_actor("ilse", workspace=workspace)
    assert [one.id for one in services.jobs.list(root, workspace_id=NO_WORKSPACE)] == [job.id]
    for call in (services.jobs.get, services.jobs.stop, services.jobs.retry):
        with pytest.raises(ForbiddenError):
            call(ilse, workspace_id=NO_WORKSPACE, job_id=job.id)
    with pytest.raises(ForbiddenError):
        services.jobs.list(ilse, workspace_id=NO_WORKSPACE)
    assert services.jobs.stop(root, workspace_id=NO_WORKSPACE, job_id=job.id).state is JobState.STOPPED
    assert services.jobs.retry(root, workspace_id=NO_WORKSPACE, job_id=job.id).state is JobState.WAITING
    assert work(services, count=1).state is JobState.DONE


def test_one_that_is_to_stop_stops_between_two_parts(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_verifying, "_TOGETHER", 1)
    verify_part = AuditChecks.verify_part

    def stopped_meanwhile(*given: Any, **options: Any) -> Any:
        services.jobs.stop(OPERATOR, workspace_id=NO_WORKSPACE, job_id=jobs(services)[0].id)
        return verify_part(*given, **options)

    monkeypatch.setattr(AuditChecks, "verify_part", stopped_meanwhile)
    monkeypatch.setattr("app.services.job_progress._RECORD_EVERY_SECONDS", 0.0)
    assert work(services, count=1).state is JobState.STOPPED
    assert services.audit.status(OPERATOR).last_verification is None
