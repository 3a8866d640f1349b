"""An installation that was made days ago, and the workers that verify its audit log."""

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from app.container import OPERATOR, Services, open_services
from app.domain.audit import LastVerification
from app.domain.jobs import Job
from app.security import audit_log
from app.settings import load_settings
from backends.queue.base import NO_WORKSPACE
from tests.working import OPEN_STATES

ROOT = Path(__file__).parents[2]
AGO = timedelta(days=6)
_SLOW_WORKER = """
import sys, time
from app.services import audit_checks
def wait(*_given, **_options):
    print("reading", flush=True)
    time.sleep(600)
audit_checks.AuditChecks.verify_part = wait
from app.worker import main
sys.exit(main())
"""


class DaysAgo(datetime):
    """The clock of the log while the installation was made."""

    @classmethod
    def now(cls, tz: Any = None) -> "DaysAgo":
        return super().now(tz) - AGO


def opened(folder: Path, **chosen: Any) -> Services:
    return open_services(load_settings(data_dir=folder, embeddings={"kind": "hashing"}, llm={"kind": "none"}, **chosen))


def made_days_ago(folder: Path, **chosen: Any) -> Services:
    """With some workspaces, and its log sealed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(audit_log, "datetime", DaysAgo)
        with closing(opened(folder, **chosen)) as made:
            for name in ("One", "Two", "Three"):
                made.workspaces.add(OPERATOR, name=name)
    found = opened(folder, **chosen)
    found.audit.seal()
    return found


@contextmanager
def working(services: Services) -> Iterator[None]:
    """A worker in a thread, which looks at once for what is due."""
    stop = Event()
    thread = Thread(target=services.make_indexing().serve, kwargs={"stop": stop})
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def jobs(services: Services) -> list[Job]:
    """Newest first."""
    return services.jobs.list(OPERATOR, workspace_id=NO_WORKSPACE)


def wait_until(condition: Callable[[], object], *, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def work(services: Services, *, count: int) -> Job:
    """A worker until there are so many jobs and none is open: the newest."""
    with working(services):
        wait_until(lambda: len(jobs(services)) == count and jobs(services)[0].state not in OPEN_STATES)
    return jobs(services)[0]


def last(services: Services) -> LastVerification:
    found = services.audit.status(OPERATOR).last_verification
    assert found is not None
    return found


def change(services: Services, seq: int, old: str = '"cli"', new: str = '"web"') -> None:
    """One event in the file of the log, behind the program's back."""
    with closing(sqlite3.connect(services.settings.data_dir / "audit.db")) as connection:
        connection.execute("DROP TRIGGER IF EXISTS audit_keeps")
        changed = connection.execute("UPDATE audit SET body = replace(body, ?, ?) WHERE seq = ?", (old, new, seq))
        assert changed.rowcount == 1
        connection.commit()


def verify_by_itself(services: Services) -> None:
    """All of the log, as the job does."""
    checks = services.audit._checks
    checks.keep(checks.verify_part(None, events=10_000).result, complete=True, by_itself=True, since=datetime.now(UTC))


@contextmanager
def slow_workers(folder: Path, variables: Mapping[str, str]) -> Iterator[None]:
    """Two worker processes that never get on with reading the log; killed at the end. `variables` are settings, without
    their prefix."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DAFE_")}
    given = {"DATA_DIR": str(folder), "EMBEDDINGS__KIND": "hashing", "LLM__KIND": "none", **variables}
    environment |= {f"DAFE_{name}": value for name, value in given.items()}
    workers = [subprocess.Popen([sys.executable, "-c", _SLOW_WORKER], env=environment, cwd=ROOT) for _ in range(2)]
    try:
        yield
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()
