"""What every metadata store must do with jobs and their leases."""

import time
from dataclasses import replace
from typing import Any

import pytest

from app.domain.ids import DocumentId, JobId, UserId
from app.domain.jobs import JobKind, JobState, Priority, Stage
from app.errors import ConflictError, NotFoundError
from backends.metadata.base import MetadataStore
from backends.metadata.settings import MetadataSettings
from tests.conformance.conftest import Child, wait_for
from tests.conformance.implementations import implementations
from tests.conformance.records import HERE, OTHER, job

pytestmark = pytest.mark.parametrize("settings", implementations(MetadataSettings), indirect=True)
J1 = JobId("j1")
LONG, OVER = 60.0, 0.0


def record(store: MetadataStore, *, worker: str = "w1", done: int = 3, lease_seconds: float = LONG) -> bool:
    return store.jobs.record(
        J1, worker=worker, lease_seconds=lease_seconds, stage=Stage.EMBEDDING, done=done, total=9, eta_seconds=4.5
    )


def test_a_job_comes_back_as_added_and_its_id_is_taken_once(store: MetadataStore) -> None:
    added = job("j1", kind=JobKind.DELETE)
    store.jobs.add(added)
    assert store.jobs.get(J1, reader=None) == added
    with pytest.raises(ConflictError):
        store.jobs.add(job("j1", document_id="other"))
    assert store.jobs.get(J1, reader=None) == added
    with pytest.raises(NotFoundError):
        store.jobs.get(JobId("unknown"), reader=None)


def test_jobs_are_listed_newest_first_and_chosen_by_all_conditions(store: MetadataStore) -> None:
    store.jobs.add(job("j1"))
    store.jobs.add(job("j2", minute=2, document_id="d2"))
    store.jobs.add(job("j3", minute=1, workspace_id=OTHER))
    store.jobs.claim(J1, worker="w1", lease_seconds=LONG)
    assert [one.id for one in store.jobs.find(reader=None)] == ["j2", "j3", "j1"]
    assert [one.id for one in store.jobs.find(workspace_id=HERE, reader=None)] == ["j2", "j1"]
    assert [one.id for one in store.jobs.find(workspace_id=HERE, limit=1, reader=None)] == ["j2"]
    assert [one.id for one in store.jobs.find(document_id=DocumentId("d1"), reader=None)] == ["j3", "j1"]
    assert [one.id for one in store.jobs.find(states={JobState.RUNNING}, reader=None)] == ["j1"]
    assert [one.id for one in store.jobs.find(states=[JobState.WAITING], workspace_id=OTHER, reader=None)] == ["j3"]


def test_jobs_are_chosen_by_kind_and_by_whose_they_are(store: MetadataStore) -> None:
    store.jobs.add(job("j1", kind=JobKind.EXPORT))
    store.jobs.add(replace(job("j2", kind=JobKind.EXPORT, minute=1), created_by=UserId("bob")))
    store.jobs.add(job("j3", minute=2))
    assert [one.id for one in store.jobs.find(kinds=[JobKind.EXPORT], reader=None)] == ["j2", "j1"]
    assert [one.id for one in store.jobs.find(created_by=UserId("ann"), reader=None)] == ["j3", "j1"]
    assert [one.id for one in store.jobs.find(reader=UserId("ann"), limit=2)] == ["j3", "j1"]
    with pytest.raises(NotFoundError):
        store.jobs.get(JobId("j2"), reader=UserId("ann"))
    wanted = {"kinds": {JobKind.EXPORT}, "created_by": UserId("ann")}
    assert [one.id for one in store.jobs.find(reader=None, workspace_id=HERE, **wanted)] == ["j1"]  # type: ignore[arg-type]


def test_a_claimed_job_runs_and_counts_the_attempt(store: MetadataStore) -> None:
    store.jobs.add(job("j1"))
    claimed = store.jobs.claim(J1, worker="w1", lease_seconds=LONG)
    assert claimed is not None
    assert (claimed.state, claimed.attempts) == (JobState.RUNNING, 1)
    assert store.jobs.get(J1, reader=None) == claimed


def test_another_worker_gets_a_running_job_only_after_its_lease(store: MetadataStore) -> None:
    store.jobs.add(job("j1"))
    store.jobs.claim(J1, worker="w1", lease_seconds=LONG)
    assert store.jobs.claim(J1, worker="w2", lease_seconds=LONG) is None
    record(store, lease_seconds=OVER)
    time.sleep(0.01)
    taken = store.jobs.claim(J1, worker="w2", lease_seconds=LONG)
    assert taken is not None
    assert (taken.attempts, taken.stage, taken.done) == (2, Stage.EMBEDDING, 3)
    assert record(store, worker="w1", done=4) is False
    store.jobs.finish(J1, worker="w1", state=JobState.FAILED, error="late")
    assert store.jobs.get(J1, reader=None) == taken


def test_a_worker_may_take_its_own_job_again(store: MetadataStore) -> None:
    store.jobs.add(job("j1"))
    store.jobs.claim(J1, worker="w1", lease_seconds=LONG)
    again = store.jobs.claim(J1, worker="w1", lease_seconds=LONG)
    assert again is not None
    assert again.attempts == 2


@pytest.mark.parametrize("state", [JobState.DONE, JobState.FAILED, JobState.STOPPED])
def test_a_finished_job_is_not_given_again(store: MetadataStore, state: JobState) -> None:
    store.jobs.add(job("j1"))
    store.jobs.claim(J1, worker="w1", lease_seconds=LONG)
    store.jobs.finish(J1, worker="w1", state=state, error="Why." if state is JobState.FAILED else None)
    ended = store.jobs.get(J1, reader=None)
    assert (ended.state, ended.error) == (state, "Why." if state is JobState.FAILED else None)
    assert ended.eta_seconds is None
    assert store.jobs.claim(J1, worker="w2", lease_seconds=LONG) is None
    assert record(store) is False
    store.jobs.finish(J1, worker="w1", state=JobState.DONE)
    assert store.jobs.stop(J1).state is state
    assert store.jobs.get(J1, reader=None).state is state


def test_an_unknown_job_cannot_be_claimed_stopped_or_tried_again(store: MetadataStore) -> None:
    assert store.jobs.claim(J1, worker="w1", lease_seconds=LONG) is None
    assert record(store) is False
    store.jobs.finish(J1, worker="w1", state=JobState.DONE)
    for call in (store.jobs.stop, store.jobs.retry):
        with pytest.raises(NotFoundError):
            call(J1)


def test_progress_is_stored_and_renews_the_lease(store: MetadataStore) -> None:
    store.jobs.add(job("j1"))
    store.jobs.claim(J1, worker="w1", lease_seconds=OVER)
    assert record(store) is True
    now = store.jobs.get(J1, reader=None)
    assert (now.stage, now.done, now.total, now.eta_seconds) == (Stage.EMBEDDING, 3, 9, 4.5)
    assert now.updated_at is not None
    assert store.jobs.claim(J1, worker="w2", lease_seconds=LONG) is None


def test_a_waiting_job_stops_at_once(store: MetadataStore) -> None:
    store.jobs.add(job("j1"))
    assert store.jobs.stop(J1).state is JobState.STOPPED
    assert store.jobs.claim(J1, worker="w1", lease_seconds=LONG) is None


def test_a_running_job_is_told_to_stop_and_ended_by_its_worker(store: MetadataStore) -> None:
    store.jobs.add(job("j1"))
    store.jobs.claim(J1, worker="w1", lease_seconds=LONG)
    assert store.jobs.stop(J1).state is JobState.STOPPING
    assert store.jobs.stop(J1).state is JobState.STOPPING
    assert record(store) is False
    assert store.jobs.get(J1, reader=None).done == 0
    store.jobs.finish(J1, worker="w1", state=JobState.STOPPED)
    assert store.jobs.get(J1, reader=None).state is JobState.STOPPED


def test_a_job_that_was_to_stop_when_its_worker_died_is_given_as_stopping(store: MetadataStore) -> None:
    store.jobs.add(job("j1"))
    store.jobs.claim(J1, worker="w1", lease_seconds=OVER)
    store.jobs.stop(J1)
    time.sleep(0.01)
    taken = store.jobs.claim(J1, worker="w2", lease_seconds=LONG)
    assert taken is not None
    assert taken.state is JobState.STOPPING
    assert store.jobs.claim(J1, worker="w3", lease_seconds=LONG) is None
    store.jobs.finish(J1, worker="w2", state=JobState.STOPPED)
    assert store.jobs.get(J1, reader=None).state is JobState.STOPPED


def test_a_stopped_or_failed_job_waits_again_with_its_stage(store: MetadataStore) -> None:
    store.jobs.add(job("j1"))
    store.jobs.claim(J1, worker="w1", lease_seconds=LONG)
    record(store)
    store.jobs.finish(J1, worker="w1", state=JobState.FAILED, error="It failed.")
    again = store.jobs.retry(J1)
    assert (again.state, again.stage, again.error) == (JobState.WAITING, Stage.EMBEDDING, None)
    with pytest.raises(ConflictError):
        store.jobs.retry(J1)
    store.jobs.stop(J1)
    assert store.jobs.retry(J1).state is JobState.WAITING
    store.jobs.claim(J1, worker="w2", lease_seconds=LONG)
    with pytest.raises(ConflictError):
        store.jobs.retry(J1)


def test_a_job_is_put_back_with_its_error_and_the_attempts_that_are_given(store: MetadataStore) -> None:
    store.jobs.add(job("j1"))
    store.jobs.claim(J1, worker="w1", lease_seconds=LONG)
    record(store)
    store.jobs.finish(J1, worker="w1", state=JobState.WAITING, error="A server is away.", attempts=0)
    waiting = store.jobs.get(J1, reader=None)
    assert (waiting.state, waiting.stage, waiting.done) == (JobState.WAITING, Stage.EMBEDDING, 3)
    assert (waiting.error, waiting.attempts) == ("A server is away.", 0)
    assert store.jobs.claim(J1, worker="w2", lease_seconds=LONG) is not None


def test_a_job_that_is_to_stop_is_not_put_back(store: MetadataStore) -> None:
    store.jobs.add(job("j1"))
    store.jobs.claim(J1, worker="w1", lease_seconds=LONG)
    store.jobs.stop(J1)
    store.jobs.finish(J1, worker="w1", state=JobState.WAITING)
    assert store.jobs.get(J1, reader=None).state is JobState.STOPPING


def test_progress_can_set_the_attempts(store: MetadataStore) -> None:
    store.jobs.add(job("j1"))
    for _ in range(3):
        store.jobs.claim(J1, worker="w1", lease_seconds=LONG)
    progress = {"stage": Stage.EMBEDDING, "done": 1, "total": 9, "eta_seconds": None}
    assert store.jobs.record(J1, worker="w1", lease_seconds=LONG, attempts=1, **progress)  # type: ignore[arg-type]
    assert store.jobs.get(J1, reader=None).attempts == 1


def test_a_clock_set_back_or_forward_keeps_no_job_from_being_taken(
    store: MetadataStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    if store.identity:
        pytest.skip("its server's clock decides")
    store.jobs.add(job("j1"))
    now = time.time()
    store.jobs.claim(J1, worker="w1", lease_seconds=LONG)
    monkeypatch.setattr(time, "time", lambda: now - 3600)
    assert store.jobs.claim(J1, worker="w2", lease_seconds=LONG) is not None
    monkeypatch.setattr(time, "time", lambda: now + 3600)
    assert store.jobs.claim(J1, worker="w3", lease_seconds=LONG) is not None


def test_a_machine_whose_clock_is_wrong_takes_and_keeps_no_job(
    store: MetadataStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not store.identity:
        pytest.skip("its processes share the clock of one machine")
    store.jobs.add(job("j1"))
    now = time.time()
    store.jobs.claim(J1, worker="w1", lease_seconds=LONG)
    for wrong in (now + 3600, now - 3600):
        monkeypatch.setattr(time, "time", lambda wrong=wrong: wrong)
        assert store.jobs.claim(J1, worker="w2", lease_seconds=LONG) is None
    progress = {"stage": Stage.READING, "done": 0, "total": 0, "eta_seconds": None}
    assert store.jobs.record(J1, worker="w1", lease_seconds=OVER, **progress)  # type: ignore[arg-type]
    monkeypatch.undo()
    time.sleep(0.01)
    assert store.jobs.claim(J1, worker="w2", lease_seconds=LONG) is not None


def test_waits_are_counted_apart_from_attempts_until_somebody_tries_again(store: MetadataStore) -> None:
    store.jobs.add(replace(job("j1"), priority=Priority.BULK))
    claimed = store.jobs.claim(J1, worker="w1", lease_seconds=LONG)
    assert claimed is not None
    assert (claimed.priority, claimed.waits) == (Priority.BULK, 0)
    store.jobs.finish(J1, worker="w1", state=JobState.WAITING, error="Away.", attempts=0, waits=3)
    waiting = store.jobs.get(J1, reader=None)
    assert (waiting.attempts, waiting.waits) == (0, 3)
    store.jobs.claim(J1, worker="w1", lease_seconds=LONG)
    store.jobs.finish(J1, worker="w1", state=JobState.FAILED, error="Bad.")
    assert store.jobs.get(J1, reader=None).waits == 3
    assert store.jobs.retry(J1, attempts=0).waits == 0


def test_processes_that_claim_at_once_each_get_a_job_once(
    store: MetadataStore, settings: Any, start_child: Child
) -> None:
    ids = [f"j{number:02}" for number in range(40)]
    for id_ in ids:
        store.jobs.add(job(id_))
    children = [start_child("claim_jobs", settings, worker=worker, ids=ids) for worker in ("w1", "w2")]
    claimed = [line for child in children for line in wait_for(child).split()]
    assert sorted(claimed) == ids
