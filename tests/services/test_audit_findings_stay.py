"""Who can write the log's files or the notes about it does not end its verification, nor hide what was found."""

import errno
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.audit_parts import VERIFICATION
from app.container import OPERATOR, Services
from app.domain.audit import AuditVerification
from app.domain.jobs import JobKind, JobState
from app.security.keyed_note import KeyedNote
from app.services import audit_checks, audit_verifying
from app.services.audit_checks import AuditChecks
from app.services.health import HealthCheck
from app.services.new_jobs import new_upkeep_job
from backends.queue.base import NO_WORKSPACE
from tests.services.verifying import change, jobs, last, made_days_ago, opened, wait_until, work, working

AGO = timedelta(days=300)
ODD = "The note of what was found last is not as it was written."


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    found = made_days_ago(tmp_path / "data")
    yield found
    found.close()


def execute(services: Services, statement: str) -> None:
    """Somebody who can write the file of the log."""
    with closing(sqlite3.connect(services.settings.data_dir / "audit.db")) as connection:
        for trigger in ("audit_keeps", "audit_stays", "audit_follows"):
            connection.execute(f"DROP TRIGGER IF EXISTS {trigger}")
        connection.execute(statement)
        connection.commit()


def note(services: Services) -> Path:
    return services.settings.data_dir / "audit.found"


def rewrite_note(services: Services, **values: str) -> None:
    """As if it had been written with these."""
    kept = KeyedNote(note(services), key=services.keys.audit_mac, domain=audit_checks._FOUND)
    record = kept.read()
    assert record is not None
    kept.write(record | values)


def part(services: Services) -> HealthCheck:
    (found,) = [one for one in services.health.checks(OPERATOR) if one.name == VERIFICATION]
    return found


def checks(services: Services) -> AuditChecks:
    return services.audit._checks


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET body = 'x' WHERE seq = 1",
        "UPDATE audit SET body = replace(body, '+00:00\"', '\"') WHERE seq = 1",
        "UPDATE audit SET body = x'00ff00' WHERE seq = 3",
        "UPDATE audit SET body = CAST(x'22ff22' AS TEXT) WHERE seq = 3",
        "UPDATE audit SET mac = x'00' WHERE seq = 3",
        "DELETE FROM audit",
    ],
)
def test_no_row_is_so_broken_that_nothing_is_found(services: Services, statement: str) -> None:
    execute(services, statement)
    job = work(services, count=1)
    assert job.state is JobState.FAILED
    assert (last(services).ok, last(services).detail) == (False, job.error)
    assert str(job.error).startswith("Event 1: " if "= 1" in statement or "DELETE" in statement else "Event 3: ")
    assert not part(services).ok
    assert "The audit log was changed" in part(services).detail
    assert services.audit.verify(OPERATOR).ok is False


def test_a_finding_whose_note_is_taken_away_is_told_by_the_job(services: Services) -> None:
    change(services, 2)
    job = work(services, count=1)
    note(services).unlink()
    found = last(services)
    assert (found.ok, found.detail, found.by_itself) == (None, job.error, True)
    assert not part(services).ok
    assert str(job.error) in part(services).detail
    services.jobs._metadata.jobs.add(new_upkeep_job(JobKind.VERIFY, workspace_id=NO_WORKSPACE))
    assert work(services, count=2).state is JobState.FAILED, "all of it is read again"


def test_a_finding_is_told_although_an_older_note_is_put_in_its_place(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    services.audit.verify(OPERATOR)
    rewrite_note(services, at=(datetime.now(UTC) - timedelta(hours=5)).isoformat())
    older = note(services).read_bytes()
    assert last(services).ok is True
    change(services, 2)
    monkeypatch.setattr(audit_verifying, "_COMPLETE_EVERY", timedelta(0))
    job = work(services, count=1)
    assert last(services).ok is False
    note(services).write_bytes(older)
    assert (last(services).ok, last(services).detail) == (None, job.error)
    monkeypatch.undo()
    services.jobs._metadata.jobs.add(new_upkeep_job(JobKind.VERIFY, workspace_id=NO_WORKSPACE))
    assert work(services, count=2).state is JobState.FAILED, "all of it is read, though that was done a moment ago"


@pytest.mark.parametrize("how", ["changed", "folder", "deep", "empty"])
def test_a_note_that_is_not_as_it_was_written_is_a_finding(services: Services, how: str) -> None:
    work(services, count=1)
    text = note(services).read_text()
    if how == "folder":
        note(services).unlink()
        note(services).mkdir()
    else:
        broken = {"changed": text.replace('\\"findings\\":0', '\\"findings\\":1'), "deep": "[" * 200_000, "empty": ""}
        note(services).write_text(broken[how])
    assert (last(services).ok, last(services).detail) == (False, ODD)
    assert part(services).detail.startswith("The audit log was changed")
    if how == "folder":
        note(services).rmdir()
    assert services.audit.verify(OPERATOR).ok is True
    assert last(services).ok is True


def test_a_note_that_cannot_be_read_is_no_finding(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    work(services, count=1)
    read = Path.read_text

    def stale(path: Path, *given: Any, **named: Any) -> str:
        if path.name.startswith("audit."):
            raise OSError(errno.ESTALE, "Stale file handle")
        return read(path, *given, **named)

    monkeypatch.setattr(Path, "read_text", stale)
    assert last(services).ok is None
    assert "audit.found in the data folder cannot be read (Stale file handle)" in last(services).detail
    monkeypatch.undo()
    assert last(services).ok is True


def test_a_verification_that_began_before_a_finding_does_not_take_it_away(services: Services) -> None:
    begun = datetime.now(UTC)
    change(services, 2)
    assert services.audit.verify(OPERATOR).ok is False
    sound = AuditVerification(ok=True, events=5, verified_to=5)
    checks(services).keep(sound, complete=True, by_itself=True, since=begun)
    assert last(services).ok is False
    checks(services).keep(sound, complete=False, by_itself=True, since=datetime.now(UTC))
    assert last(services).ok is False
    later = datetime.now(UTC)
    checks(services).keep(sound, complete=True, by_itself=True, since=later)
    assert (last(services).ok, last(services).sound_at, last(services).complete_at) == (True, later, later)


def test_a_run_in_slices_is_as_old_as_its_first_one(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_verifying, "_TOGETHER", 2)
    monkeypatch.setattr(audit_verifying, "_SLICE_SECONDS", 0.0)
    verify_part, ends = AuditChecks.verify_part, []

    def noted(*given: Any, **named: Any) -> Any:
        ends.append(datetime.now(UTC))
        return verify_part(*given, **named)

    monkeypatch.setattr(AuditChecks, "verify_part", noted)
    problem, asked = AuditChecks.problem, []
    monkeypatch.setattr(AuditChecks, "problem", lambda one: asked.append(one) or problem(one))
    work(services, count=1)
    assert len(asked) == 1, "only the first slice waits for a sealer"
    complete_at = last(services).complete_at
    assert len(ends) > 2
    assert complete_at is not None and complete_at < ends[0]


def test_of_two_open_jobs_only_the_older_one_reads(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_verifying, "_TOGETHER", 2)
    monkeypatch.setattr(audit_verifying, "_SLICE_SECONDS", 0.0)
    first, second = (new_upkeep_job(JobKind.VERIFY, workspace_id=NO_WORKSPACE) for _ in range(2))
    older, newer = sorted((first.id, second.id))
    for job in (first, second):
        services.jobs._metadata.jobs.add(job)
    with working(services):
        wait_until(lambda: all(job.state.finished for job in jobs(services)))
    assert {job.id: job.state for job in jobs(services)} == {older: JobState.DONE, newer: JobState.STOPPED}


def test_a_verification_that_is_overdue_is_said(services: Services) -> None:
    work(services, count=1)
    assert part(services).ok
    long_ago = (datetime.now(UTC) - AGO).isoformat()
    rewrite_note(services, sound_at=long_ago)
    assert not part(services).ok
    assert part(services).detail.startswith("Not found sound since ")
    with closing(opened(services.settings.data_dir, audit_verify_hours=0)) as off:
        assert part(off).ok
        assert "it is not by itself" in part(off).detail


def test_a_job_that_was_given_up_is_said(services: Services) -> None:
    given_up = replace(new_upkeep_job(JobKind.VERIFY, workspace_id=NO_WORKSPACE), attempts=6)
    services.jobs._metadata.jobs.add(given_up)
    job = work(services, count=1)
    assert job.state is JobState.FAILED
    assert (last(services).ok, last(services).detail) == (None, job.error)
    assert "again and again" in part(services).detail


def test_a_broken_note_of_how_far_it_was_verified_is_found_once_and_written_anew(services: Services) -> None:
    services.audit.verify(OPERATOR)
    (services.settings.data_dir / "audit.verified").write_text("")
    result = services.audit.verify(OPERATOR)
    assert result.ok is last(services).ok is False
    assert [one.detail for one in result.findings] == [
        "The note of how far the audit log was verified is not as it was written."
    ]
    assert services.audit.verify(OPERATOR).ok is True
    assert json.loads((services.settings.data_dir / "audit.verified").read_text())
