"""What every store of the audit log must do, and what the log does on each."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from app.domain.audit import GENESIS, Outcome
from app.errors import BackendUnavailableError
from app.security.audit_chain import canonical
from app.security.second_device import SecondDevice
from backends.audit.base import AuditStore, EventFilter, Head, StoredEvent
from backends.audit.settings import AuditSettings
from tests.conformance.conftest import Child, wait_for
from tests.conformance.implementations import implementations
from tests.unit.audit_parts import Folder, event

pytestmark = pytest.mark.parametrize("settings", implementations(AuditSettings), indirect=True)
Open = Callable[[], AuditStore]


@pytest.fixture
def folder(settings: Any, data_dir: Path) -> Iterator[Folder]:
    """A log without events."""
    made = Folder(data_dir, kept=settings)
    yield made
    made.close()


@pytest.fixture
def open_store(folder: Folder) -> Iterator[Open]:
    opened: list[AuditStore] = []

    def open_one() -> AuditStore:
        opened.append(folder.open_store())
        return opened[-1]

    yield open_one
    for store in opened:
        store.close()


@pytest.fixture
def store(open_store: Open) -> AuditStore:
    return open_store()


@pytest.fixture
def filled(folder: Folder) -> Folder:
    """Eight events, the fifth and the sixth of another person."""
    folder.append(1, 4)
    for number, action in ((5, "documents.get"), (6, "documents.list")):
        folder.log.append(event(number, action=action, actor="omar"))
    folder.append(7, 8)
    return folder


def chain(number: int, *, after: Head | None = None) -> list[StoredEvent]:
    """Rows that follow each other, the first behind `after`."""
    head = after or Head()
    rows = []
    for _ in range(number):
        row = StoredEvent(head.seq + 1, "0" * 64, canonical({"prev": head.hash, "seq": head.seq + 1}))
        rows.append(row)
        head = Head(row.seq, row.hash)
    return rows


def append(store: AuditStore, rows: list[StoredEvent]) -> None:
    with store.alone() as tail:
        tail.append(rows)


def found(store: AuditStore, **wanted: Any) -> tuple[list[int], int]:
    rows, total = store.find(EventFilter(**wanted))
    return [row.seq for row in rows], total


def test_a_log_that_is_not_begun_is_empty(store: AuditStore) -> None:
    store.check()
    assert store.head() == Head(0, GENESIS)
    assert store.find(EventFilter()) == ([], 0)
    assert (list(store.rows()), store.get(1)) == ([], None)


def test_rows_come_back_as_they_were_added(store: AuditStore, open_store: Open) -> None:
    rows = chain(3)
    with store.alone() as tail:
        assert tail.head() == Head()
        tail.append(rows[:2])
        tail.append(rows[2:])
        assert tail.head() == Head(3, rows[2].hash)
        assert (tail.get(2), tail.get(4)) == (rows[1], None)
        assert (list(tail.rows()), tail.read(after=1, limit=1)) == (rows, rows[1:2])
    other = open_store()
    assert list(other.rows()) == rows
    assert other.head() == Head(3, rows[2].hash)
    assert (other.get(3), other.get(4)) == (rows[2], None)


def test_rows_come_in_order_however_many_blocks_they_fill(store: AuditStore, monkeypatch: pytest.MonkeyPatch) -> None:
    append(store, rows := chain(8))
    for together in (1, 3, 4, 8, 9):
        monkeypatch.setattr("backends.audit.base._READ_TOGETHER", together)
        assert list(store.rows()) == rows
        assert list(store.rows(after=6)) == rows[6:]
        assert list(store.rows(after=8)) == []
    assert [store.read(after=1, limit=limit) for limit in (1, 5, 20)] == [rows[1:2], rows[1:6], rows[1:]]


def forked(rows: list[StoredEvent]) -> list[StoredEvent]:
    return chain(1, after=Head(rows[-1].seq, "f" * 64))


REFUSED: dict[str, Callable[[list[StoredEvent]], list[StoredEvent]]] = {
    "again": lambda rows: rows[-1:],
    "a gap": lambda rows: chain(2, after=Head(rows[-1].seq, rows[-1].hash))[1:],
    "from the beginning": lambda _: chain(1),
    "another hash": forked,
    "another hash later": lambda rows: [*(next_ := chain(1, after=Head(3, rows[-1].hash))), *forked(next_)],
    "no event": lambda rows: [StoredEvent(4, "0" * 64, "no event")],
    "another kind of event": lambda rows: [StoredEvent(4, "0" * 64, "[4]")],
}


@pytest.mark.parametrize("make", REFUSED.values(), ids=REFUSED)
def test_what_does_not_follow_the_newest_event_is_refused_whole(
    store: AuditStore, make: Callable[[list[StoredEvent]], list[StoredEvent]]
) -> None:
    append(store, rows := chain(3))
    with store.alone() as tail:
        with pytest.raises(BackendUnavailableError) as caught:
            tail.append(make(rows))
        assert caught.value.message == store.unavailable
        tail.append(chain(1, after=tail.head()))
    assert [row.seq for row in store.rows()] == [1, 2, 3, 4]


def test_one_adds_at_a_time(store: AuditStore, open_store: Open) -> None:
    held, waits, order = Event(), Event(), []

    def hold() -> None:
        with store.alone():
            held.set()
            assert not waits.wait(0.3)
            order.append("first")

    def follow() -> None:
        assert held.wait(10)
        with other.alone():
            waits.set()
            order.append("second")

    other = open_store()
    with ThreadPoolExecutor(2) as pool:
        for one in [pool.submit(hold), pool.submit(follow)]:
            one.result()
    assert order == ["first", "second"]
    with pytest.raises(RuntimeError), store.alone():
        raise RuntimeError
    with other.alone():
        pass


def test_all_conditions_must_hold(filled: Folder, store: AuditStore) -> None:
    assert found(store) == ([8, 7, 6, 5, 4, 3, 2, 1], 8)
    assert found(store, actor_id="omar") == ([6, 5], 2)
    assert found(store, actor_id="omar", actions=("documents.get",)) == ([5], 1)
    assert found(store, actions=("documents.list", "documents.delete")) == ([6], 1)
    assert found(store, outcomes=(Outcome.DONE, Outcome.FAILED), actor_id="omar") == ([6, 5], 2)
    assert found(store, outcomes=(Outcome.REFUSED,)) == ([], 0)


def test_times_are_inclusive(filled: Folder, store: AuditStore) -> None:
    at = [one.at for one in filled.log.find(EventFilter())[0]][::-1]
    assert len(set(at)) == 8
    assert found(store, since=at[2], until=at[5]) == ([6, 5, 4, 3], 4)
    assert at[2] is not None
    assert found(store, since=at[2] + timedelta(microseconds=1), until=at[2]) == ([], 0)


def test_a_page_of_what_fits_and_how_many_fit(filled: Folder, store: AuditStore) -> None:
    assert found(store, limit=2, offset=1) == ([7, 6], 8)
    assert found(store, actor_id="ilse", limit=2, offset=3) == ([3, 2], 6)
    first = filled.log.first()
    assert first is not None
    assert (first.seq, first.objects) == (1, ("d1",))


def test_what_is_closed_is_opened_anew(filled: Folder, store: AuditStore) -> None:
    for _ in range(2):
        store.close()
        store.close()
        assert store.head().seq == 8


def test_processes_and_threads_share_one_chain(
    settings: Any, folder: Folder, start_child: Child, store: AuditStore, tmp_path: Path
) -> None:
    """And one second device, which ends with what was written last."""
    (device := tmp_path / "second").mkdir()
    names = ["ann", "bob", "cleo"]
    children = [start_child("append_events", settings, name=name, number=40, device=str(device)) for name in names]
    for child in children:
        wait_for(child)
    folder.seal()
    result = folder.verify(second_device=SecondDevice(device))
    assert (result.ok, result.events, result.findings, result.doubt) == (True, 120, (), "")
    bodies = [json.loads(row.body) for row in store.rows()]
    assert [body["seq"] for body in bodies] == list(range(1, 121))
    assert Counter(body["actor"] for body in bodies) == dict.fromkeys(names, 40)


def test_processes_that_are_killed_leave_it_free_and_whole(
    settings: Any, folder: Folder, start_child: Child, store: AuditStore
) -> None:
    children = [start_child("append_events", settings, name=name, number=1_000_000) for name in ("ann", "bob")]
    for child, enough in zip(children, (30, 60), strict=True):
        until = time.monotonic() + 60
        while store.head().seq < enough:
            assert time.monotonic() < until and child.poll() is None
            time.sleep(0.01)
        child.kill()
        child.wait()
    folder.append(1, 3)
    folder.seal()
    result = folder.verify()
    assert (result.ok, result.events == store.head().seq > 60) == (True, True)


def test_a_sealer_and_a_second_device_keep_step_with_it(settings: Any, tmp_path: Path, filled: Folder) -> None:
    (tmp_path / "second").mkdir()
    copied = Folder(filled.path, device=tmp_path / "second", kept=settings)
    copied.append(9, 9)
    lines = (tmp_path / "second" / "events.jsonl").read_text(encoding="ascii").splitlines()
    assert lines == [row.body for row in copied.log.rows()]
    assert copied.seal().seq == 9
    assert copied.verify().ok
    state = copied.log.in_step()[1]
    assert state is not None
    assert state.ok
    assert not copied.sealer.is_due()
    copied.close()
