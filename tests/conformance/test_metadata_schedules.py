"""What every metadata store must do with what is done again and again."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest

from app.domain.ids import WorkspaceId
from app.domain.jobs import Job, JobKind
from backends.metadata.base import MetadataStore
from backends.metadata.settings import MetadataSettings
from tests.conformance.implementations import implementations
from tests.conformance.records import job

pytestmark = pytest.mark.parametrize("settings", implementations(MetadataSettings), indirect=True)
DAY = timedelta(days=1)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
NOBODYS = WorkspaceId("")
Done = Callable[[str, datetime], None]


def verify(id_: str) -> Job:
    return job(id_, kind=JobKind.VERIFY, workspace_id=NOBODYS, document_id="")


@pytest.fixture
def done(store: MetadataStore) -> Done:
    """A job of this kind that was created then and ended."""

    def add(id_: str, at: datetime) -> None:
        store.jobs.add(replace(verify(id_), created_at=at))
        store.jobs.stop(verify(id_).id)

    return add


def ids(store: MetadataStore) -> set[str]:
    return {one.id for one in store.jobs.find(reader=None, kinds=[JobKind.VERIFY])}


def test_what_was_never_done_is_due_and_then_not_for_as_long_as_it_is_open_or_new(store: MetadataStore) -> None:
    assert store.schedules.add(verify("j1"), every=DAY, since=LONG_AGO) is True
    (added,) = store.jobs.find(reader=None, workspace_id=NOBODYS)
    assert abs(added.created_at - datetime.now(UTC)) < timedelta(minutes=1)
    assert replace(added, created_at=verify("j1").created_at) == verify("j1")
    assert store.schedules.add(verify("j2"), every=DAY, since=LONG_AGO) is False
    assert store.schedules.add(verify("j2"), every=timedelta(0), since=LONG_AGO) is False, "it is open"
    store.jobs.stop(added.id)
    assert store.schedules.add(verify("j2"), every=DAY, since=LONG_AGO) is False
    assert store.schedules.add(verify("j2"), every=timedelta(0), since=LONG_AGO) is True
    assert ids(store) == {"j1", "j2"}


def test_a_time_that_was_missed_for_days_is_made_up_once(store: MetadataStore, done: Done) -> None:
    done("j1", datetime.now(UTC) - 5 * DAY)
    assert [store.schedules.add(verify(f"j{number}"), every=DAY, since=LONG_AGO) for number in (2, 3, 4)] == [
        True,
        False,
        False,
    ]
    store.jobs.stop(verify("j2").id)
    assert store.schedules.add(verify("j5"), every=DAY, since=LONG_AGO) is False


def test_jobs_of_other_kinds_do_not_count(store: MetadataStore) -> None:
    store.jobs.add(replace(job("other"), created_at=datetime.now(UTC)))
    assert store.schedules.add(verify("j1"), every=DAY, since=LONG_AGO) is True


@pytest.mark.parametrize("days", [2, 400])
def test_a_clock_that_was_set_back_neither_stops_it_nor_runs_it_again_and_again(
    store: MetadataStore, done: Done, days: int
) -> None:
    done("ahead", datetime.now(UTC) + days * DAY)
    assert store.schedules.add(verify("j1"), every=DAY, since=LONG_AGO) is True
    store.jobs.stop(verify("j1").id)
    assert store.schedules.add(verify("j2"), every=DAY, since=LONG_AGO) is False


def test_a_clock_that_is_minutes_behind_makes_no_second_one(store: MetadataStore, done: Done) -> None:
    done("j1", datetime.now(UTC) + timedelta(minutes=20))
    assert store.schedules.add(verify("j2"), every=DAY, since=LONG_AGO) is False


def test_before_the_first_one_the_time_counts_from_a_beginning(store: MetadataStore) -> None:
    now = datetime.now(UTC)
    assert store.schedules.add(verify("j1"), every=DAY, since=now - timedelta(hours=23)) is False
    assert store.schedules.add(verify("j1"), every=DAY, since=now - timedelta(hours=25)) is True
    store.jobs.stop(verify("j1").id)
    assert store.schedules.add(verify("j2"), every=timedelta(0), since=now + 3 * DAY) is True


def test_of_many_that_ask_at_once_one_adds_it(store: MetadataStore) -> None:
    together = Barrier(8)

    def ask(number: int) -> bool:
        together.wait()
        return store.schedules.add(verify(f"j{number}"), every=DAY, since=LONG_AGO)

    with ThreadPoolExecutor(8) as pool:
        added = list(pool.map(ask, range(8)))
    assert added.count(True) == 1
    assert len(ids(store)) == 1
