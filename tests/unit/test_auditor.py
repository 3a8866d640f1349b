"""A disclosure is recorded before it happens, a change before and after, and no event holds free text."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.domain.access import Actor
from app.domain.audit import AuditEvent, AuditKind, Outcome, sha256_hex
from app.domain.ids import UserId
from app.errors import BackendUnavailableError, ForbiddenError, InvalidInputError
from app.security import auditor as auditing
from app.security.audit_log import AuditLog
from app.security.auditor import MOST_OBJECTS, Auditor
from app.security.refusals import record_refusals
from backends.audit.base import EventFilter
from tests.audit_stores import store_in

ILSE = Actor(UserId("ilse"), "Ilse Maes", session_id="s1", address="192.0.2.7")


@pytest.fixture
def log(tmp_path: Path) -> Iterator[AuditLog]:
    opened = AuditLog(store_in(tmp_path), mac_key=bytes(32))
    yield opened
    opened.close()


@pytest.fixture
def auditor(log: AuditLog) -> Auditor:
    return Auditor(log)


def events(log: AuditLog) -> list[AuditEvent]:
    """Oldest first."""
    return log.find(EventFilter(limit=1_000))[0][::-1]


def outcomes(log: AuditLog) -> list[Outcome]:
    return [event.outcome for event in events(log)]


def test_a_disclosure_is_in_the_log_before_its_block_runs(auditor: Auditor, log: AuditLog) -> None:
    with auditor.disclosure(ILSE, "documents.get", workspace_id="w1", objects=("d1",)):
        (event,) = events(log)
    assert (event.action, event.outcome, event.actor_id, event.session_id) == (
        "documents.get",
        Outcome.DONE,
        "ilse",
        "s1",
    )
    assert (event.address, event.workspace_id, event.objects) == ("192.0.2.7", "w1", ("d1",))
    assert "Maes" not in repr(event)


def test_the_same_objects_shown_again_in_a_session_are_one_disclosure(auditor: Auditor, log: AuditLog) -> None:
    def show(actor: Actor, *objects: str) -> None:
        with auditor.disclosure(actor, "documents.list", workspace_id="w1", objects=objects):
            return

    show(ILSE, "d1")
    show(ILSE, "d1")
    assert len(events(log)) == 1
    show(ILSE, "d1", "d2")
    show(Actor(UserId("ilse"), "", session_id="s2"), "d1")
    show(Actor(UserId("ilse"), "", session_id="s1", channel="rest"), "d1")
    show(Actor(UserId("ilse"), "", session_id="s1", channel="rest"), "d1")
    show(Actor(UserId("operator"), "", channel="cli"), "d1")
    show(Actor(UserId("operator"), "", channel="cli"), "d1")
    assert len(events(log)) == 7
    for _ in range(2):
        with auditor.disclosure(ILSE, "graph.export", workspace_id="w1", objects=("d1",)):
            pass
    assert len(events(log)) == 9


def test_a_change_leaves_its_intent_and_its_end_under_one_id(auditor: Auditor, log: AuditLog) -> None:
    with auditor.change(ILSE, "documents.delete", workspace_id="w1", objects=("d1",)) as details:
        assert outcomes(log) == [Outcome.INTENT]
        details["triples"] = 3
    intent, done = events(log)
    assert (intent.outcome, done.outcome) == (Outcome.INTENT, Outcome.DONE)
    assert intent.details["change"] == done.details["change"]
    assert done.details["triples"] == 3


@pytest.mark.parametrize(
    ("error", "outcome"), [(ForbiddenError("No."), Outcome.REFUSED), (InvalidInputError("Bad."), Outcome.FAILED)]
)
def test_a_change_that_fails_says_how(
    auditor: Auditor, log: AuditLog, error: ForbiddenError | InvalidInputError, outcome: Outcome
) -> None:
    with pytest.raises(type(error)), auditor.change(ILSE, "documents.delete"):
        raise error
    assert outcomes(log) == [Outcome.INTENT, outcome]
    assert events(log)[-1].details["error"] == type(error).__name__
    with pytest.raises(type(error)), auditor.disclosure(ILSE, "documents.get"):
        raise error
    assert outcomes(log)[-2:] == [Outcome.DONE, outcome]


def test_a_change_that_is_interrupted_leaves_its_end_too(auditor: Auditor, log: AuditLog) -> None:
    with pytest.raises(KeyboardInterrupt), auditor.change(ILSE, "documents.delete"):
        raise KeyboardInterrupt
    assert outcomes(log) == [Outcome.INTENT, Outcome.FAILED]


def test_many_objects_are_recorded_as_their_number_and_hash(auditor: Auditor, log: AuditLog) -> None:
    objects = tuple(f"d{number}" for number in range(MOST_OBJECTS + 1))
    with auditor.disclosure(ILSE, "documents.list", objects=objects):
        pass
    (event,) = events(log)
    assert event.objects == ()
    assert event.details == {"objects_count": len(objects), "objects_sha256": sha256_hex("\n".join(objects))}


def test_free_text_and_unknown_actions_are_refused(auditor: Auditor, log: AuditLog) -> None:
    with (
        pytest.raises(ValueError, match=r"^the detail question of documents.get is free text; events hold ids, counts"),
        auditor.disclosure(ILSE, "documents.get", details={"question": "What does warfarin do?"}),
    ):
        pass
    with pytest.raises(LookupError), auditor.disclosure(ILSE, "documents.unknown"):
        pass
    with pytest.raises(LookupError), auditor.disclosure(ILSE, "documents.delete"):
        pass
    with pytest.raises(LookupError), auditor.change(ILSE, "documents.get"):
        pass
    with pytest.raises(LookupError), auditor.disclosure(ILSE, "jobs.list"):
        pass
    assert events(log) == []


def test_without_the_log_no_block_runs(tmp_path: Path) -> None:
    auditor = Auditor(AuditLog(store_in(tmp_path / "absent"), mac_key=bytes(32)))
    ran = []
    with pytest.raises(BackendUnavailableError), auditor.disclosure(ILSE, "documents.get"):
        ran.append("disclosure")
    with pytest.raises(BackendUnavailableError), auditor.change(ILSE, "documents.delete"):
        ran.append("change")
    assert ran == []


def test_a_refusal_of_access_is_recorded_once(auditor: Auditor, log: AuditLog) -> None:
    def refuse(_actor: Actor, *, workspace_id: str) -> None:
        raise ForbiddenError("No.", permission="read")

    def refuse_inside(actor: Actor, *, workspace_id: str) -> None:
        with auditor.change(actor, "documents.delete", workspace_id=workspace_id):
            raise ForbiddenError("No.", permission="write")

    def fail(_actor: Actor, *, workspace_id: str) -> None:
        raise ForbiddenError("The present password is not right.")

    with pytest.raises(ForbiddenError):
        record_refusals(auditor, "jobs.list", refuse)(ILSE, workspace_id="w1")
    assert [(event.action, event.outcome) for event in events(log)] == [("jobs.list", Outcome.REFUSED)]
    with pytest.raises(ForbiddenError):
        record_refusals(auditor, "documents.delete", refuse_inside)(ILSE, workspace_id="w1")
    assert outcomes(log) == [Outcome.REFUSED, Outcome.INTENT, Outcome.REFUSED]
    with pytest.raises(ForbiddenError):
        record_refusals(auditor, "documents.get", fail)(ILSE, workspace_id="w1")
    assert len(events(log)) == 3


def test_every_field_of_an_event_says_who_what_where_and_how(auditor: Auditor, log: AuditLog) -> None:
    actor = Actor(UserId("ilse"), "Ilse Maes", session_id="s1", channel="rest", address="192.0.2.7")
    given: dict[str, str | int] = {"format": "csv", "rows": 3}
    who: dict[str, Any] = {
        "actor_id": "ilse",
        "channel": "rest",
        "address": "192.0.2.7",
        "session_id": "s1",
        "workspace_id": "w1",
    }
    where: dict[str, Any] = {"workspace_id": "w1", "objects": ("d1", "d2")}
    with pytest.raises(InvalidInputError), auditor.disclosure(actor, "graph.export", details=given, **where):
        raise InvalidInputError("Bad.")
    with pytest.raises(KeyError), auditor.change(actor, "documents.delete", details=given, **where):
        raise KeyError
    auditor.refused(actor, "documents.delete", details=given, **where)
    found = events(log)
    change = found[2].details["change"]
    assert [replace(event, at=None, seq=0) for event in found] == [
        AuditEvent(action, kind, outcome, objects=("d1", "d2"), details={**given, **more}, **who)
        for action, kind, outcome, more in (
            ("graph.export", AuditKind.DISCLOSURE, Outcome.DONE, {}),
            ("graph.export", AuditKind.DISCLOSURE, Outcome.FAILED, {"error": "InvalidInputError"}),
            ("documents.delete", AuditKind.CHANGE, Outcome.INTENT, {"change": change}),
            ("documents.delete", AuditKind.CHANGE, Outcome.FAILED, {"change": change, "error": "KeyError"}),
            ("documents.delete", AuditKind.CHANGE, Outcome.REFUSED, {}),
        )
    ]


def test_a_refused_action_that_is_not_audited_is_recorded_as_a_disclosure(auditor: Auditor, log: AuditLog) -> None:
    auditor.refused(ILSE, "jobs.list")
    (event,) = events(log)
    assert (event.kind, event.objects, event.details, event.workspace_id) == (AuditKind.DISCLOSURE, (), {}, None)
    with pytest.raises(LookupError, match=r"not in app\.security\.actions"):
        auditor.refused(ILSE, "documents.unknown")
    assert len(events(log)) == 1


def test_only_the_done_change_of_that_job_counts_as_done(auditor: Auditor, log: AuditLog) -> None:
    def index(job_id: str) -> None:
        with auditor.change(ILSE, "worker.index", details={"job": job_id}):
            assert not auditor.has_done("worker.index", job_id=job_id)

    with pytest.raises(AssertionError), auditor.change(ILSE, "worker.index", details={"job": "j0"}):
        raise AssertionError
    for number in range(1, 61):
        index(f"j{number}")
    assert all(auditor.has_done("worker.index", job_id=f"j{number}") for number in (1, 60))
    assert not auditor.has_done("worker.index", job_id="j0")
    assert not auditor.has_done("worker.index", job_id="j99")
    assert not auditor.has_done("worker.delete", job_id="j1")
    with auditor.change(ILSE, "documents.delete"):
        pass
    assert not auditor.has_done("documents.delete", job_id="j1")


def test_what_was_shown_long_ago_or_before_much_else_is_recorded_again(
    auditor: Auditor, log: AuditLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1_000.0]
    monkeypatch.setattr(auditing, "monotonic", lambda: now[0])
    monkeypatch.setattr(auditing, "_SHOWN_REMEMBERED", 2)

    def is_recorded(*objects: str, **fields: Any) -> bool:
        before = log.find(EventFilter())[1]
        with auditor.disclosure(ILSE, "documents.list", objects=objects, **fields):
            return log.find(EventFilter())[1] > before

    assert is_recorded("d1")
    now[0] += 599.9
    assert not is_recorded("d1")
    now[0] += 0.1
    assert is_recorded("d1")
    assert is_recorded("d2")
    assert not is_recorded("d1")
    assert is_recorded("d3")
    assert not is_recorded("d2")
    assert is_recorded("d1")
    assert is_recorded("d1", workspace_id="w1")
    assert is_recorded("d1", workspace_id="w1", details={"page": 2})


def test_a_disclosure_of_another_person_or_action_in_one_session_is_another(auditor: Auditor, log: AuditLog) -> None:
    for actor, action in (
        (ILSE, "documents.list"),
        (Actor(UserId("omar"), "", session_id="s1"), "documents.list"),
        (ILSE, "documents.get"),
    ):
        for _ in range(2):
            with auditor.disclosure(actor, action, objects=("d1",)):
                pass
    assert [(event.actor_id, event.action) for event in events(log)] == [
        ("ilse", "documents.list"),
        ("omar", "documents.list"),
        ("ilse", "documents.get"),
    ]


def test_as_many_objects_as_fit_are_named_one_by_one(auditor: Auditor, log: AuditLog) -> None:
    objects = tuple(f"d{number}" for number in range(MOST_OBJECTS))
    with auditor.disclosure(ILSE, "documents.list", objects=objects, details={"page": 1}):
        pass
    with auditor.disclosure(ILSE, "documents.list", objects=(*objects, "one"), details={"page": 1}):
        pass
    named, counted = events(log)
    assert (named.objects, named.details) == (objects, {"page": 1})
    assert (counted.objects, counted.details["page"], counted.details["objects_count"]) == ((), 1, MOST_OBJECTS + 1)
