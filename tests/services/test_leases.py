"""The leases of the jobs in hand are kept while a step takes long, by one thread for all of them."""

import time
from collections.abc import Callable
from threading import Event
from threading import enumerate as threads

import pytest

from app.domain.jobs import Job, Stage
from app.errors import BackendUnavailableError
from app.pipeline.indexing import Pace
from app.services import job_progress
from app.services.job_progress import JobProgress, LeaseKeeper
from backends.metadata.base import MetadataStore
from tests.conformance.records import job

WORKER = "worker-1"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_progress, "LEASE_SECONDS", 1.5)
    monkeypatch.setattr(job_progress, "_RENEW_AFTER_SECONDS", 0.2)
    monkeypatch.setattr(job_progress, "_LOOK_SECONDS", 0.05)


def claimed(metadata: MetadataStore, *ids: str) -> list[Job]:
    for id_ in ids:
        metadata.jobs.add(job(id_, document_id=f"d-{id_}"))
    found = [metadata.jobs.claim(job(id_).id, worker=WORKER, lease_seconds=1.5) for id_ in ids]
    return [one for one in found if one is not None]


def progress_of(metadata: MetadataStore, one: Job, keeper: LeaseKeeper) -> JobProgress:
    return JobProgress(metadata, one, worker=WORKER, pace=Pace(), ending=Event(), keeper=keeper)


def is_free(metadata: MetadataStore, one: Job) -> bool:
    return metadata.jobs.claim(one.id, worker="another", lease_seconds=1.5) is not None


def keepers() -> int:
    return sum(thread.name == "job-leases" for thread in threads())


def failing(
    metadata: MetadataStore, monkeypatch: pytest.MonkeyPatch, error: Exception, *, when: Callable[[str, int], bool]
) -> list[str]:
    """Recording raises `error` for the jobs, and after so many failures, that `when` says; returns where it did."""
    record, failed = metadata.jobs.record, []

    def record_or_fail(_records: object, job_id: str, **given: object) -> bool:
        if when(job_id, len(failed)):
            failed.append(job_id)
            raise error
        return record(job_id, **given)  # type: ignore[arg-type]

    monkeypatch.setattr(type(metadata.jobs), "record", record_or_fail)
    return failed


def test_one_thread_keeps_the_leases_of_all_jobs_and_ends_with_the_last(metadata: MetadataStore) -> None:
    keeper, jobs = LeaseKeeper(), claimed(metadata, "j1", "j2", "j3")
    first, second, third = (progress_of(metadata, one, keeper) for one in jobs)
    with first, second:
        with third:
            time.sleep(3.0)
            assert keepers() == 1
            assert not any(is_free(metadata, one) for one in jobs)
        time.sleep(2.5)
        assert [is_free(metadata, one) for one in jobs] == [False, False, True]
    time.sleep(0.5)
    assert keepers() == 0
    with first:
        time.sleep(0.1)
        assert keepers() == 1


def test_a_database_that_is_away_for_a_moment_ends_no_lease(
    metadata: MetadataStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper, jobs = LeaseKeeper(), claimed(metadata, "j1", "j2")
    failed = failing(
        metadata, monkeypatch, BackendUnavailableError("The database is busy."), when=lambda _id, n: n == 0
    )
    first, second = (progress_of(metadata, one, keeper) for one in jobs)
    with first, second:
        time.sleep(3.0)
        assert failed
        assert not any(is_free(metadata, one) for one in jobs)


def test_an_error_that_nobody_expects_ends_no_other_lease(
    metadata: MetadataStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper, jobs = LeaseKeeper(), claimed(metadata, "j1", "j2")
    failed = failing(metadata, monkeypatch, OSError("The disk does not answer."), when=lambda id_, _n: id_ == "j1")
    first, second = (progress_of(metadata, one, keeper) for one in jobs)
    with first, second:
        time.sleep(3.0)
        assert len(failed) > 1
        assert [is_free(metadata, one) for one in jobs] == [True, False]


def test_what_was_recorded_lately_is_not_recorded_again(
    metadata: MetadataStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_progress, "_RENEW_AFTER_SECONDS", 60.0)
    (one,) = claimed(metadata, "j1")
    with progress_of(metadata, one, LeaseKeeper()) as progress:
        assert progress(Stage.EMBEDDING, 1, 9)
        updated = metadata.jobs.get(one.id, reader=None).updated_at
        time.sleep(0.5)
        assert metadata.jobs.get(one.id, reader=None).updated_at == updated
