"""What every job queue must do."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Barrier, Event, Lock, Thread, Timer
from typing import Any

import pytest

from app.domain.ids import JobId, WorkspaceId
from app.domain.jobs import Priority
from backends.loading import load
from backends.queue.base import JobQueue
from backends.queue.settings import QueueSettings
from tests.conformance.conftest import Child, settings_for, wait_for
from tests.conformance.implementations import implementations

pytestmark = pytest.mark.parametrize("settings", implementations(QueueSettings), indirect=True)
LEASE_SECONDS = 2.0
Open = Callable[[], JobQueue]


@pytest.fixture
def settings(request: pytest.FixtureRequest) -> Any:
    return settings_for(request).model_copy(update={"lease_seconds": LEASE_SECONDS, "poll_seconds": 0.1})


@pytest.fixture
def open_queue(settings: Any, parts: dict[str, Any]) -> Iterator[Open]:
    opened: list[JobQueue] = []

    def open_one() -> JobQueue:
        opened.append(load(JobQueue, settings, **parts))
        return opened[-1]

    yield open_one
    for queue in opened:
        queue.close()


@pytest.fixture
def queue(open_queue: Open) -> JobQueue:
    return open_queue()


def wait_until(condition: Callable[[], bool], *, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


@contextmanager
def running(queue: JobQueue, handle: Callable[[JobId], None], *, at_once: int = 1) -> Iterator[Event]:
    """A worker in a thread of this process, ended with the block."""
    stop = Event()
    thread = Thread(target=lambda: queue.run(handle, stop=stop, at_once=at_once))
    thread.start()
    try:
        yield stop
    finally:
        stop.set()
        thread.join(timeout=30)
        assert not thread.is_alive()


def test_messages_are_delivered_oldest_first_and_acknowledged(queue: JobQueue) -> None:
    for name in ("a", "b", "c"):
        queue.put(JobId(name))
        time.sleep(0.002)
    assert queue.count() == 3
    seen: list[JobId] = []
    with running(queue, seen.append):
        wait_until(lambda: queue.count() == 0)
    assert seen == ["a", "b", "c"]


def test_messages_come_by_priority_and_in_one_by_age(queue: JobQueue) -> None:
    for name, priority in (("bulk", Priority.BULK), ("one", Priority.NORMAL), ("gone", Priority.URGENT)):
        queue.put(JobId(name), priority=priority)
    queue.put(JobId("two"), priority=Priority.NORMAL)
    assert delivered(queue) == ["gone", "one", "two", "bulk"]


def test_workspaces_take_turns(queue: JobQueue) -> None:
    for number in range(6):
        queue.put(JobId(f"large-{number}"), workspace_id=WorkspaceId("large"))
    queue.put(JobId("small-0"), workspace_id=WorkspaceId("small"))
    for number in range(2):
        queue.put(JobId(f"other-{number}"), workspace_id=WorkspaceId("other"))
    seen = delivered(queue)
    assert [name for name in seen if name.startswith("large")] == [f"large-{number}" for number in range(6)]
    assert sorted(name.partition("-")[0] for name in seen[:3]) == ["large", "other", "small"]
    assert sorted(seen[3:5]) == ["large-1", "other-1"]
    queue.put(JobId("large-6"), workspace_id=WorkspaceId("large"))
    queue.put(JobId("small-1"), workspace_id=WorkspaceId("small"))
    assert delivered(queue) == ["small-1", "large-6"], "the last turn was the large one's"


def test_a_priority_goes_before_a_turn(queue: JobQueue) -> None:
    queue.put(JobId("served"), workspace_id=WorkspaceId("first"))
    assert delivered(queue) == ["served"]
    queue.put(JobId("bulk"), workspace_id=WorkspaceId("second"), priority=Priority.BULK)
    queue.put(JobId("normal"), workspace_id=WorkspaceId("first"))
    assert delivered(queue) == ["normal", "bulk"]


def test_a_message_that_failed_keeps_its_priority(queue: JobQueue) -> None:
    """What waits for its next try and what comes again after it stand where they stood."""
    seen: list[JobId] = []

    def fail_once(job_id: JobId) -> None:
        seen.append(job_id)
        if seen == ["bulk"]:
            for name in ("urgent", "normal"):
                queue.put(JobId(name), priority=Priority[name.upper()], delay_seconds=4.0)
            raise ValueError
        if len(seen) == 2:
            time.sleep(5.0)

    queue.put(JobId("bulk"), priority=Priority.BULK)
    queue.put(JobId("busy"), priority=Priority.BULK)
    with running(queue, fail_once):
        wait_until(lambda: queue.count() == 0, seconds=40)
    assert seen == ["bulk", "busy", "urgent", "normal", "bulk"]


def delivered(queue: JobQueue) -> list[JobId]:
    seen: list[JobId] = []
    with running(queue, seen.append):
        wait_until(lambda: queue.count() == 0)
    return seen


def test_messages_outlive_the_object_that_put_them(open_queue: Open) -> None:
    first = open_queue()
    first.put(JobId("a"))
    first.close()
    first.close()
    seen: list[JobId] = []
    second = open_queue()
    with running(second, seen.append):
        wait_until(lambda: second.count() == 0)
    assert seen == ["a"]


def test_the_same_id_put_twice_is_delivered_twice(queue: JobQueue) -> None:
    queue.put(JobId("a"))
    queue.put(JobId("a"))
    seen: list[JobId] = []
    with running(queue, seen.append):
        wait_until(lambda: queue.count() == 0)
    assert seen == ["a", "a"]


def test_a_delayed_message_comes_after_its_delay_and_holds_up_no_other(queue: JobQueue) -> None:
    start = time.monotonic()
    queue.put(JobId("later"), delay_seconds=1.0)
    queue.put(JobId("now"))
    seen: list[tuple[JobId, float]] = []
    with running(queue, lambda id_: seen.append((id_, time.monotonic() - start))):
        wait_until(lambda: queue.count() == 0)
    assert [id_ for id_, _ in seen] == ["now", "later"]
    assert seen[1][1] >= 1.0


def test_what_a_handler_puts_is_delivered_too(queue: JobQueue) -> None:
    seen: list[JobId] = []

    def handle(job_id: JobId) -> None:
        if not seen:
            queue.put(JobId("b"), delay_seconds=0.1)
        seen.append(job_id)

    queue.put(JobId("a"))
    with running(queue, handle):
        wait_until(lambda: len(seen) == 2)
    assert seen == ["a", "b"]


def test_a_failing_message_comes_again_later_and_holds_up_no_other(queue: JobQueue) -> None:
    seen: list[tuple[JobId, float]] = []

    def handle(job_id: JobId) -> None:
        seen.append((job_id, time.monotonic()))
        if job_id == "bad" and len(seen) == 1:
            raise ValueError("once")

    queue.put(JobId("bad"))
    time.sleep(0.01)
    queue.put(JobId("good"))
    with running(queue, handle):
        wait_until(lambda: queue.count() == 0)
    assert [id_ for id_, _ in seen] == ["bad", "good", "bad"]
    assert seen[2][1] - seen[0][1] >= 1.0


def test_stopping_waits_for_the_message_in_work_and_leaves_the_others(queue: JobQueue) -> None:
    started, go_on = Event(), Event()
    seen: list[JobId] = []

    def handle(job_id: JobId) -> None:
        started.set()
        go_on.wait(10)
        seen.append(job_id)

    queue.put(JobId("a"))
    time.sleep(0.01)
    queue.put(JobId("b"))
    with running(queue, handle) as stop:
        started.wait(10)
        stop.set()
        time.sleep(0.3)
        assert queue.count() == 2
        go_on.set()
    assert seen == ["a"]
    assert queue.count() == 1
    again: list[JobId] = []
    with running(queue, again.append):
        wait_until(lambda: queue.count() == 0, seconds=LEASE_SECONDS)
    assert again == ["b"]


def test_a_message_in_work_for_longer_than_the_lease_is_not_given_to_another(open_queue: Open) -> None:
    first, second = open_queue(), open_queue()
    seen: list[str] = []

    def slow(job_id: JobId) -> None:
        seen.append("first")
        time.sleep(LEASE_SECONDS * 2)

    first.put(JobId("a"))
    with running(first, slow):
        wait_until(lambda: bool(seen))
        with running(second, lambda _id: seen.append("second")):
            wait_until(lambda: first.count() == 0)
    assert seen == ["first"]


def test_as_many_messages_as_asked_for_are_in_work_at_once_and_no_more(queue: JobQueue) -> None:
    """None of them is given to anybody else, however long they take."""
    together, most, seen = Barrier(3), 0, []
    lock, busy = Lock(), 0

    def handle(job_id: JobId) -> None:
        nonlocal busy, most
        with lock:
            busy += 1
            most = max(most, busy)
        together.wait(10)
        time.sleep(LEASE_SECONDS * 1.5)
        with lock:
            busy -= 1
            seen.append(job_id)

    for name in "abcdef":
        queue.put(JobId(name))
    with running(queue, handle, at_once=3):
        wait_until(lambda: queue.count() == 0, seconds=40)
    assert (most, sorted(seen)) == (3, list("abcdef"))


def test_whoever_is_told_to_stop_looks_up_now_and_then(queue: JobQueue) -> None:
    """A signal that comes just before a thread begins to wait is handled when that ends."""

    class Watched(Event):
        def wait(self, timeout: float | None = None) -> bool:
            waits.append(timeout)
            return super().wait(1.0 if timeout is None else timeout)

    waits: list[float | None] = []
    stop = Watched()
    Timer(1.5, stop.set).start()
    queue.run(lambda _job_id: None, stop=stop)
    assert waits
    assert None not in waits


def test_stopping_waits_for_every_message_in_work(queue: JobQueue) -> None:
    started, go_on, seen = Barrier(3), Event(), []

    def handle(job_id: JobId) -> None:
        started.wait(10)
        go_on.wait(10)
        seen.append(job_id)

    for name in "abc":
        queue.put(JobId(name))
        time.sleep(0.002)
    with running(queue, handle, at_once=2) as stop:
        started.wait(10)
        stop.set()
        time.sleep(0.3)
        go_on.set()
    assert sorted(seen) == ["a", "b"]
    assert queue.find() == {"c"}


def test_a_worker_that_is_busy_leaves_the_next_message_to_another(open_queue: Open) -> None:
    busy, idle = open_queue(), open_queue()
    started, go_on = Event(), Event()
    seen: list[JobId] = []

    def slow(_id: JobId) -> None:
        started.set()
        go_on.wait(20)

    busy.put(JobId("a"))
    with running(busy, slow):
        started.wait(10)
        busy.put(JobId("b"))
        time.sleep(0.5)
        with running(idle, seen.append):
            wait_until(lambda: seen == ["b"], seconds=5)
        go_on.set()
        wait_until(lambda: busy.count() == 0)


def test_a_queue_knows_how_many_workers_live(open_queue: Open) -> None:
    queue, other, third = open_queue(), open_queue(), open_queue()
    assert (queue.count_workers(), queue.has_worker()) == (0, False)
    with running(queue, lambda _id: None):
        wait_until(other.has_worker)
        time.sleep(LEASE_SECONDS * 1.5)
        assert other.count_workers() == 1
        with running(third, lambda _id: None):
            wait_until(lambda: other.count_workers() == 2)
        assert other.count_workers() == 1
    assert (other.count_workers(), other.has_worker()) == (0, False)


def test_the_message_of_a_killed_worker_comes_again_after_its_lease(
    queue: JobQueue, settings: Any, start_child: Child
) -> None:
    queue.put(JobId("a"))
    child = start_child("hang", settings)
    assert child.stdout.readline() == "a\n"
    assert queue.has_worker() is True
    child.kill()
    child.wait()
    killed = time.monotonic()
    seen: list[float] = []
    with running(queue, lambda _id: seen.append(time.monotonic() - killed)):
        wait_until(lambda: queue.count() == 0)
    assert len(seen) == 1
    assert seen[0] <= LEASE_SECONDS + 2.0


def test_a_worker_that_ends_takes_no_more_whatever_it_has_room_for(open_queue: Open) -> None:
    ending, other = open_queue(), open_queue()
    first, last = Event(), Event()
    started: list[JobId] = []

    def handle(job_id: JobId) -> None:
        started.append(job_id)
        (first if job_id == "a" else last).wait(20)

    for name in "ab":
        ending.put(JobId(name))
    with running(ending, handle, at_once=2) as stop:
        wait_until(lambda: len(started) == 2)
        stop.set()
        ending.put(JobId("c"))
        first.set()
        seen: list[JobId] = []
        time.sleep(1.0)
        with running(other, seen.append):
            wait_until(lambda: seen == ["c"], seconds=LEASE_SECONDS)
        last.set()
    assert sorted(started) == ["a", "b"]


def test_all_that_a_killed_worker_had_in_work_comes_again(queue: JobQueue, settings: Any, start_child: Child) -> None:
    for name in "abc":
        queue.put(JobId(name))
    child = start_child("hang", settings, at_once=3)
    assert sorted(child.stdout.readline() for _ in range(3)) == ["a\n", "b\n", "c\n"]
    time.sleep(LEASE_SECONDS * 1.5)
    child.kill()
    child.wait()
    assert sorted(delivered(queue)) == ["a", "b", "c"]


def test_a_killed_worker_is_missed_after_its_lease(queue: JobQueue, settings: Any, start_child: Child) -> None:
    queue.put(JobId("a"))
    child = start_child("hang", settings)
    child.stdout.readline()
    child.kill()
    child.wait()
    wait_until(lambda: not queue.has_worker(), seconds=LEASE_SECONDS + 1.0)


def test_workers_of_several_processes_share_the_messages_and_double_none(
    queue: JobQueue, settings: Any, start_child: Child
) -> None:
    putting = [start_child("put_jobs", settings, prefix=prefix, number=30) for prefix in ("a", "b")]
    working = [start_child("work", settings, number=60) for _ in range(2)]
    for child in putting:
        wait_for(child)
    delivered = [line for child in working for line in wait_for(child).split()]
    assert sorted(delivered) == sorted(f"{prefix}{number}" for prefix in ("a", "b") for number in range(30))
    assert queue.count() == 0


def test_a_clock_set_back_keeps_no_message_waiting(queue: JobQueue, monkeypatch: pytest.MonkeyPatch) -> None:
    queue.put(JobId("now"))
    queue.put(JobId("later"), delay_seconds=1.0)
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() - 3600)
    seen: list[JobId] = []
    with running(queue, seen.append):
        wait_until(lambda: queue.count() == 0)
    assert sorted(seen) == ["later", "now"]


def test_a_clock_set_back_lets_no_dead_worker_seem_alive(
    queue: JobQueue, settings: Any, start_child: Child, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue.put(JobId("a"))
    child = start_child("hang", settings)
    assert child.stdout.readline() == "a\n"
    child.kill()
    child.wait()
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() - 3600)
    wait_until(lambda: not queue.has_worker(), seconds=LEASE_SECONDS + 1.0)
    seen: list[JobId] = []
    with running(queue, seen.append):
        wait_until(lambda: queue.count() == 0, seconds=LEASE_SECONDS)
    assert seen == ["a"]


def test_the_next_worker_of_a_killed_ones_name_gets_its_message_at_once(
    open_queue: Open, settings: Any, start_child: Child
) -> None:
    queue = open_queue()
    queue.put(JobId("a"))
    child = start_child("hang", settings)
    assert child.stdout.readline() == "a\n"
    other = open_queue()
    assert other.worker_name() != queue.worker_name()
    other.close()
    queue.close()
    child.kill()
    child.wait()
    killed = time.monotonic()
    successor = open_queue()
    seen: list[float] = []
    with running(successor, lambda _id: seen.append(time.monotonic() - killed)):
        wait_until(lambda: bool(seen))
    assert seen[0] < LEASE_SECONDS / 2


def test_a_queue_tells_which_jobs_it_carries(queue: JobQueue) -> None:
    assert queue.find() == set()
    queue.put(JobId("a"))
    queue.put(JobId("b"), delay_seconds=60)
    assert queue.find() == {"a", "b"}
