"""The job queue: Dramatiq over a lease broker in the encrypted database."""

import time
from collections.abc import Callable
from threading import Event
from typing import Any

import dramatiq
import sqlalchemy as sa
from dramatiq.middleware import Retries
from ulid import ULID

from app.domain.ids import JobId
from backends.queue.base import JobQueue
from backends.queue.lease_broker import LeaseBroker
from backends.queue.settings import SqliteQueueSettings
from backends.sql.engine import Database
from backends.sql.tables_derived import queue, queue_workers

_QUEUE = "jobs"
_ACTOR = "run_job"
_FIRST_RETRY_MS = 2_000
_LONGEST_RETRY_MS = 300_000


class SqliteJobQueue(JobQueue):
    """A failing message comes again after 2 s, then later and later, up to five minutes, for a hundred times."""

    def __init__(self, settings: SqliteQueueSettings, *, database: Database, **_ignored: object) -> None:
        self._database = database
        self._settings = settings

    def put(self, job_id: JobId, *, delay_seconds: float = 0.0) -> None:
        message: dramatiq.Message[Any] = dramatiq.Message(
            queue_name=_QUEUE, actor_name=_ACTOR, args=(job_id,), kwargs={}, options={}, message_id=str(ULID())
        )
        self._broker([]).enqueue(message, delay=int(delay_seconds * 1000))

    def run(self, handle: Callable[[JobId], None], *, stop: Event) -> None:
        retries = Retries(max_retries=100, min_backoff=_FIRST_RETRY_MS, max_backoff=_LONGEST_RETRY_MS)
        broker = self._broker([retries])
        dramatiq.actor(actor_name=_ACTOR, queue_name=_QUEUE, broker=broker)(handle)
        poll_ms = int(self._settings.poll_seconds * 1000)
        worker = dramatiq.Worker(broker, queues={_QUEUE}, worker_threads=1, worker_timeout=poll_ms)
        worker.start()
        stop.wait()
        worker.stop(timeout=24 * 3600 * 1000)

    def count(self) -> int:
        with self._database.read() as connection:
            return connection.execute(sa.select(sa.func.count()).select_from(queue)).scalar_one()

    def has_worker(self) -> bool:
        alive = sa.select(sa.func.count()).where(queue_workers.c.alive_until > time.time())
        with self._database.read() as connection:
            return connection.execute(alive).scalar_one() > 0

    def close(self) -> None:
        """The database is closed by who opened it."""

    def _broker(self, middleware: list[dramatiq.Middleware]) -> LeaseBroker:
        return LeaseBroker(
            self._database, worker=str(ULID()), lease_seconds=self._settings.lease_seconds, middleware=middleware
        )
