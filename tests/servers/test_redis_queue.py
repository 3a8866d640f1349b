"""Workers on several machines share a real Redis server, which is killed, refuses or is left alone meanwhile."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread, Timer
from typing import Any

import pytest

from app.domain.ids import JobId, WorkspaceId
from app.domain.jobs import Priority
from app.errors import BackendUnavailableError
from backends.queue.redis import RedisJobQueue
from backends.queue.settings import RedisQueueSettings
from tests.servers.drip import proxy_to
from tests.servers.real_redis import RealRedis

pytestmark = pytest.mark.server
ROOT = Path(__file__).parents[2]
LEASE_SECONDS = 2.0
Open = Callable[[str], RedisJobQueue]
_WORKER = """
import json, signal, sys, time
from pathlib import Path
from threading import Event
from backends.queue.redis import RedisJobQueue
from backends.queue.settings import RedisQueueSettings
given = json.loads(sys.argv[1])
queue = RedisJobQueue(RedisQueueSettings(**given["settings"]), data_dir=Path(given["folder"]))
stop = Event()
signal.signal(signal.SIGTERM, lambda *_: stop.set())
def handle(job_id):
    print(queue.worker_name(), job_id, flush=True)
    time.sleep(given["seconds"])
    print("done", job_id, flush=True)
queue.run(handle, stop=stop)
queue.close()
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RealRedis]:
    server = RealRedis(tmp_path / "redis")
    server.start()
    yield server
    server.kill()


@pytest.fixture
def values(server: RealRedis) -> dict[str, Any]:
    return server.values() | {"lease_seconds": LEASE_SECONDS, "poll_seconds": 0.1, "timeout_seconds": 1.0}


@pytest.fixture
def open_queue(values: dict[str, Any], tmp_path: Path) -> Iterator[Open]:
    """Opens the queue on a machine of this name: it has its own data folder."""
    opened: list[RedisJobQueue] = []

    def open_one(machine: str) -> RedisJobQueue:
        (tmp_path / machine).mkdir(exist_ok=True)
        opened.append(RedisJobQueue(RedisQueueSettings(**values), data_dir=tmp_path / machine))
        return opened[-1]

    yield open_one
    for queue in opened:
        queue.close()


@pytest.fixture
def start_worker(values: dict[str, Any], tmp_path: Path) -> Iterator[Callable[..., "subprocess.Popen[str]"]]:
    """A worker process on a machine; it prints its name and each job, then that it is done."""
    started: list[subprocess.Popen[str]] = []

    def start(machine: str, *, seconds: float) -> "subprocess.Popen[str]":
        (tmp_path / machine).mkdir(exist_ok=True)
        given = {"settings": values, "folder": str(tmp_path / machine), "seconds": seconds}
        command = [sys.executable, "-c", _WORKER, json.dumps(given, default=str)]
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT))
        return started[-1]

    yield start
    for worker in started:
        worker.kill()
        worker.communicate()


def next_line(worker: "subprocess.Popen[str]") -> list[str]:
    assert worker.stdout is not None
    return worker.stdout.readline().split()


def wait_until(condition: Callable[[], bool], *, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


@contextmanager
def running(queue: RedisJobQueue, handle: Callable[[JobId], None], *, seconds: float = 30) -> Iterator[Event]:
    stop = Event()
    thread = Thread(target=lambda: queue.run(handle, stop=stop), daemon=True)
    thread.start()
    try:
        yield stop
    finally:
        stop.set()
        thread.join(timeout=seconds)
        assert not thread.is_alive()


def test_workers_of_several_machines_have_names_of_their_own(open_queue: Open) -> None:
    names = [open_queue(machine).worker_name() for machine in ("a", "a", "b", "b")]
    assert len(set(names)) == 4
    assert [name.partition("-")[2] for name in names] == ["worker-1", "worker-2"] * 2
    assert names[0][:12] == names[1][:12] != names[2][:12]


def test_what_a_killed_worker_held_is_run_once_by_a_worker_of_another_machine(
    open_queue: Open, start_worker: Callable[..., "subprocess.Popen[str]"]
) -> None:
    queue = open_queue("here")
    queue.put(JobId("a"))
    first = start_worker("one", seconds=600)
    name, job = next_line(first)
    assert job == "a"
    second = start_worker("two", seconds=LEASE_SECONDS * 2)
    time.sleep(1.0)
    assert queue.count() == 1
    first.kill()
    killed = time.monotonic()
    other, job = next_line(second)
    waited = time.monotonic() - killed
    print(f"came again {waited:.1f} s after the kill")
    assert (job, other != name) == ("a", True)
    assert waited < LEASE_SECONDS + 1.0
    assert next_line(second) == ["done", "a"]
    wait_until(lambda: queue.count() == 0)
    third: list[JobId] = []
    with running(queue, third.append):
        time.sleep(LEASE_SECONDS * 1.5)
    assert third == []


def test_a_server_killed_again_and_again_loses_no_message(server: RealRedis, open_queue: Open) -> None:
    queue, other, putting = open_queue("one"), open_queue("two"), open_queue("three")
    names = [f"job{number:03}" for number in range(60)]
    seen: list[JobId] = []

    def handle(job_id: JobId) -> None:
        time.sleep(0.05)
        seen.append(job_id)

    def put_all() -> None:
        for number, name in enumerate(names):
            while True:
                try:
                    putting.put(JobId(name), delay_seconds=2.0 if number % 3 == 0 else 0.0)
                    break
                except BackendUnavailableError:
                    time.sleep(0.1)
            time.sleep(0.05)

    source = Thread(target=put_all)
    with running(queue, handle), running(other, handle):
        source.start()
        for _ in range(3):
            time.sleep(1.0)
            server.kill()
            time.sleep(0.5)
            server.start()
        source.join()
        wait_until(lambda: putting.count() == 0)
    assert set(seen) == set(names)
    assert len(seen) - len(names) <= 3 * 3, "only what was under way at a kill may come twice"


def test_a_server_away_for_longer_than_the_lease_is_waited_for(server: RealRedis, open_queue: Open) -> None:
    queue = open_queue("here")
    queue.put(JobId("delayed"), delay_seconds=1.5)
    seen: list[JobId] = []
    with running(queue, seen.append):
        wait_until(queue.has_worker)
        server.kill()
        with pytest.raises(BackendUnavailableError, match="does not answer"):
            queue.put(JobId("refused"))
        time.sleep(LEASE_SECONDS + 1.0)
        server.start()
        queue.put(JobId("after"))
        wait_until(lambda: queue.count() == 0)
        wait_until(queue.has_worker)
    assert sorted(seen) == ["after", "delayed"]


def test_a_worker_that_starts_before_its_server_waits_for_it(server: RealRedis, open_queue: Open) -> None:
    queue = open_queue("here")
    queue.put(JobId("a"))
    server.kill()
    seen: list[JobId] = []
    with running(queue, seen.append):
        time.sleep(1.0)
        server.start()
        wait_until(lambda: bool(seen))
    assert seen == ["a"]


def test_a_message_that_fails_while_the_server_is_silent_comes_again(
    server: RealRedis, tmp_path: Path, values: dict[str, Any]
) -> None:
    """Storing it for later is cut off, and acknowledging it would work again."""
    with proxy_to(server.port) as proxy:
        away = values | {"url": f"rediss://127.0.0.1:{proxy.port}"}
        queue = RedisJobQueue(RedisQueueSettings(**away), data_dir=tmp_path)
        queue.put(JobId("a"))
        tries: list[JobId] = []

        def handle(job_id: JobId) -> None:
            tries.append(job_id)
            if len(tries) == 1:
                proxy.is_silent = True
                Timer(0.5, lambda: setattr(proxy, "is_silent", False)).start()
                raise ValueError("once")

        with running(queue, handle):
            wait_until(lambda: len(tries) == 2)
            wait_until(lambda: queue.count() == 0)
        queue.close()
    assert len(tries) == 2


def test_a_worker_told_to_end_while_its_server_is_away_ends_and_its_message_comes_again(
    server: RealRedis, open_queue: Open, start_worker: Callable[..., "subprocess.Popen[str]"]
) -> None:
    queue = open_queue("here")
    queue.put(JobId("a"))
    worker = start_worker("one", seconds=1.0)
    assert next_line(worker)[1] == "a"
    server.kill()
    worker.send_signal(signal.SIGTERM)
    start = time.monotonic()
    worker.wait(timeout=20)
    print(f"ended {time.monotonic() - start:.1f} s after SIGTERM")
    server.start()
    seen: list[JobId] = []
    with running(queue, seen.append):
        wait_until(lambda: queue.count() == 0)
    assert seen == ["a"]


def test_a_worker_told_to_end_completes_its_message_and_leaves_the_others_to_be_taken_at_once(
    open_queue: Open, start_worker: Callable[..., "subprocess.Popen[str]"]
) -> None:
    queue = open_queue("here")
    for name in ("a", "b"):
        queue.put(JobId(name))
        time.sleep(0.01)
    worker = start_worker("one", seconds=1.0)
    assert next_line(worker)[1] == "a"
    worker.send_signal(signal.SIGTERM)
    assert next_line(worker) == ["done", "a"]
    assert worker.wait(timeout=20) == 0
    assert queue.find() == {"b"}
    assert queue.has_worker() is False


def test_workers_of_two_machines_told_to_end_complete_what_they_hold_and_lose_nothing(
    open_queue: Open, start_worker: Callable[..., "subprocess.Popen[str]"]
) -> None:
    queue = open_queue("here")
    names = [f"job{number}" for number in range(5)]
    for number, name in enumerate(names):
        queue.put(JobId(name), workspace_id=WorkspaceId(f"w{number % 2}"), priority=Priority(number % 3))
    workers = [start_worker(machine, seconds=1.5) for machine in ("one", "two")]
    held = [next_line(worker)[1] for worker in workers]
    for worker in workers:
        worker.send_signal(signal.SIGTERM)
    assert [next_line(worker) for worker in workers] == [["done", name] for name in held]
    assert [worker.wait(timeout=20) for worker in workers] == [0, 0]
    assert queue.find() == set(names) - set(held)
    assert queue.has_worker() is False
    seen: list[JobId] = []
    with running(queue, seen.append):
        wait_until(lambda: queue.count() == 0)
    assert sorted([*seen, *held]) == names


def test_five_thousand_messages_of_one_workspace_hold_up_no_other(open_queue: Open) -> None:
    queue, other = open_queue("one"), open_queue("two")
    for number in range(5_000):
        queue.put(JobId(f"large{number}"), workspace_id=WorkspaceId("large"), priority=Priority.BULK)
    queue.put(JobId("small"), workspace_id=WorkspaceId("small"), priority=Priority.BULK)
    queue.put(JobId("person"), workspace_id=WorkspaceId("large"))
    seen: list[JobId] = []
    start = time.monotonic()
    with running(other, seen.append):
        wait_until(lambda: len(seen) > 100)
    print(f"{(time.monotonic() - start) / len(seen) * 1000:.1f} ms a message")
    assert seen[0] == "person"
    assert seen.index(JobId("small")) <= 2


def test_nothing_of_an_error_is_stored(server: RealRedis, open_queue: Open, values: dict[str, Any]) -> None:
    queue = open_queue("here")
    queue.put(JobId("a"))
    tries: list[JobId] = []

    def handle(job_id: JobId) -> None:
        tries.append(job_id)
        raise ValueError("a document's words")

    with running(queue, handle):
        wait_until(lambda: bool(tries))
        time.sleep(0.3)
    stored = server.dump(values["prefix"])
    assert b"run_job" in stored
    assert b"words" not in stored
    assert b"ValueError" not in stored
