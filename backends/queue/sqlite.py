"""The job queue: Dramatiq over a lease broker in the encrypted database."""

import time
from collections.abc import Callable
from threading import Event, Lock
from typing import Any

import dramatiq
import sqlalchemy as sa
from dramatiq.middleware import Retries
from ulid import ULID

from app.domain.ids import JobId
from app.errors import BackendUnavailableError
from app.logs import get_logger
from backends.queue.base import JobQueue
from backends.queue.lease_broker import LONGEST_DELAY_SECONDS, LeaseBroker
from backends.queue.settings import SqliteQueueSettings
from backends.queue.worker_names import WorkerName
from backends.sql.engine import Database
from backends.sql.tables_derived import queue, queue_workers

_log = get_logger("queue")
_QUEUE = "jobs"
_ACTOR = "run_job"
_FIRST_RETRY_MS = 2_000
_LONGEST_RETRY_MS = int(LONGEST_DELAY_SECONDS * 1000)


class SqliteJobQueue(JobQueue):
    """A failing message comes again after 2 s, then later and later, up to five minutes, for a hundred times."""

    def __init__(self, settings: SqliteQueueSettings, *, database: Database, **_ignored: object) -> None:
        self._database = database
        self._settings = settings
        self._lock = Lock()
        self._name: WorkerName | None = None

    def put(self, job_id: JobId, *, delay_seconds: float = 0.0) -> None:
        message: dramatiq.Message[Any] = dramatiq.Message(
            queue_name=_QUEUE, actor_name=_ACTOR, args=(job_id,), kwargs={}, options={}, message_id=str(ULID())
        )
        self._broker(str(ULID()), []).enqueue(message, delay=int(delay_seconds * 1000))

    def worker_name(self) -> str:
        with self._lock:
            if self._name is None:
                self._name = WorkerName(self._database.path.parent / "workers")
            return self._name.text

    def run(self, handle: Callable[[JobId], None], *, stop: Event) -> None:
        retries = Retries(max_retries=100, min_backoff=_FIRST_RETRY_MS, max_backoff=_LONGEST_RETRY_MS)
        broker = self._broker(self.worker_name(), [retries])
        said = False
        while not stop.is_set():
            try:
                broker.take_back()
                break
            except BackendUnavailableError as error:  # Waited for, as by the consumer later.
                if not said:
                    _log.failed("take back jobs", error)
                    said = True
                stop.wait(self._settings.poll_seconds)
        dramatiq.actor(actor_name=_ACTOR, queue_name=_QUEUE, broker=broker)(handle)
        poll_ms = int(self._settings.poll_seconds * 1000)
        worker = dramatiq.Worker(broker, queues={_QUEUE}, worker_threads=1, worker_timeout=poll_ms)
        worker.start()
        stop.wait()
        worker.stop(timeout=24 * 3600 * 1000)

    def find(self) -> set[JobId]:
        with self._database.read() as connection:
            bodies = connection.execute(sa.select(queue.c.body)).scalars().all()
        return {JobId(dramatiq.Message.decode(bytes(body)).args[0]) for body in bodies}

    def count(self) -> int:
        with self._database.read() as connection:
            return connection.execute(sa.select(sa.func.count()).select_from(queue)).scalar_one()

    def has_worker(self) -> bool:
        now = time.time()
        # Much further ahead than a lease was written before the clock was set back.
        current = queue_workers.c.alive_until.between(now, now + 2 * self._settings.lease_seconds)
        alive = sa.select(sa.func.count()).where(current)
        with self._database.read() as connection:
            return connection.execute(alive).scalar_one() > 0

    def close(self) -> None:
        with self._lock:
            if self._name is not None:
                self._name.give_back()
                self._name = None

    def _broker(self, worker: str, middleware: list[dramatiq.Middleware]) -> LeaseBroker:
        return LeaseBroker(
            self._database, worker=worker, lease_seconds=self._settings.lease_seconds, middleware=middleware
        )
