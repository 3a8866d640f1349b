"""A second process of the conformance suites: opens the same store and writes to it until it is done or killed."""

import json
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np

from app.domain.ids import ChunkId, FileId, JobId, VersionId, WorkspaceId
from app.security.audit_log import AuditLog
from tests.conformance.graphs import contribution
from tests.conformance.implementations import DIMENSION, open_database, parts_for
from tests.unit.audit_parts import MAC_KEY, event


def write_vectors(store: Any, *, workspace: str, prefix: str, number: int) -> None:
    rows = np.eye(DIMENSION, dtype=np.float32)
    for place in range(number):
        store.upsert(
            [ChunkId(f"{prefix}{place:03}")],
            rows[[place % DIMENSION]],
            workspace_id=WorkspaceId(workspace),
            version_id=VersionId(prefix),
        )


def write_graph(store: Any, *, workspace: str, prefix: str, number: int) -> None:
    """Every contribution has the same two entities and triple, with evidence of its own chunk."""
    for place in range(number):
        store.add(contribution(chunk=f"{prefix}{place:03}", version=prefix), workspace_id=WorkspaceId(workspace))


def write_file(store: Any, *, name: str, letter: str, size: int) -> None:
    """Writes again and again until killed."""
    print("writing", flush=True)
    while True:
        store.put(FileId(name), letter.encode() * size)


def fill_cache(store: Any, *, scope: str, prefix: str, number: int) -> None:
    for place in range(number):
        store.put(f"{prefix}{place}", prefix.encode(), scope=scope)


def put_jobs(store: Any, *, prefix: str, number: int) -> None:
    for place in range(number):
        store.put(JobId(f"{prefix}{place}"))


def append_events(store: Any, *, name: str, number: int, device: str | None = None) -> None:
    """By four threads, so that some are written together."""
    log = AuditLog(store, mac_key=MAC_KEY, second_device=Path(device) if device else None)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda one: log.append(event(one, actor=name)), range(number)))
    log.close()


def hang(store: Any, *, at_once: int = 1) -> None:
    """Takes so many messages and never finishes them."""

    def handle(job_id: JobId) -> None:
        print(job_id, flush=True)
        time.sleep(600)

    store.run(handle, stop=Event(), at_once=at_once)


def work(store: Any, *, number: int) -> None:
    """Prints each message and ends after there was none for a second."""
    stop = Event()
    last = time.monotonic()

    def handle(job_id: JobId) -> None:
        nonlocal last
        last = time.monotonic()
        print(job_id, flush=True)

    def watch() -> None:
        while store.count() or time.monotonic() - last < 1.0:
            time.sleep(0.1)
        stop.set()

    from threading import Thread

    Thread(target=watch, daemon=True).start()
    store.run(handle, stop=stop)


def claim_jobs(store: Any, *, worker: str, ids: list[str]) -> None:
    for job_id in ids:
        job = store.jobs.claim(JobId(job_id), worker=worker, lease_seconds=60)
        if job is not None:
            print(job.id, flush=True)


ACTIONS: dict[str, Callable[..., None]] = {
    function.__name__: function
    for function in (
        write_vectors,
        write_graph,
        write_file,
        fill_cache,
        put_jobs,
        append_events,
        hang,
        work,
        claim_jobs,
    )
}


def main() -> None:
    task = json.loads(sys.argv[1])
    module_name, _, class_name = task["adapter"].partition(":")
    settings_module = import_module(f"{module_name.rpartition('.')[0]}.settings")
    settings = getattr(settings_module, task["settings"])(**task["values"])
    data_dir = Path(task["data_dir"])
    parts = parts_for(data_dir, open_database(data_dir))
    store = getattr(import_module(module_name), class_name)(settings, **parts)
    ACTIONS[task["action"]](store, **task["arguments"])
    store.close()


if __name__ == "__main__":
    main()
