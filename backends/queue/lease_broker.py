"""A Dramatiq broker over one table: a message is leased to a worker that must stay alive."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread
from typing import Any

import dramatiq
import sqlalchemy as sa
from dramatiq.errors import BrokerConnectionError
from dramatiq.middleware import Middleware

from app.errors import BackendUnavailableError
from backends.sql.engine import Database
from backends.sql.tables_derived import queue, queue_workers

LONGEST_DELAY_SECONDS = 300.0
_DEAD_SECONDS = 86_400
_AT_ONCE = 0.0
"""Ready whatever the clock says: what need not wait never waits because a clock was set back."""


class LeaseBroker(dramatiq.Broker):
    """`ready_at` is the time from which a message may be taken; taking it moves that time by the lease."""

    def __init__(
        self, database: Database, *, worker: str, lease_seconds: float, middleware: list[Middleware] | None = None
    ) -> None:
        super().__init__(middleware=middleware or [])
        self.database = database
        self.worker = worker
        self.lease_seconds = lease_seconds

    def declare_queue(self, queue_name: str) -> None:
        if queue_name not in self.queues:
            self.emit_before("declare_queue", queue_name)
            self.queues[queue_name] = None
            self.emit_after("declare_queue", queue_name)

    def enqueue(self, message: dramatiq.Message[Any], *, delay: int | None = None) -> dramatiq.Message[Any]:
        self.emit_before("enqueue", message, delay)
        ready_at = time.time() + min(delay / 1000, LONGEST_DELAY_SECONDS) if delay else _AT_ONCE
        row = {"body": message.encode(), "ready_at": ready_at, "holder": None}
        with self.database.write() as connection:
            connection.execute(queue.delete().where(queue.c.id == message.message_id))
            connection.execute(queue.insert().values(id=message.message_id, **row))
        self.emit_after("enqueue", message, delay)
        return message

    def take_back(self) -> None:
        """What a dead worker of the same name held is ready at once."""
        with self.database.write() as connection:
            held = queue.update().where(queue.c.holder == self.worker)
            connection.execute(held.values(ready_at=_AT_ONCE, holder=None))

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 500) -> dramatiq.Consumer:
        return _LeaseConsumer(self, wait_seconds=timeout / 1000)


class _LeaseConsumer(dramatiq.Consumer):
    """Holds one message at a time: a second one is taken when the first is done.

    A database that is busy or away is waited for: neither the worker nor its heartbeat ends because of it.
    """

    def __init__(self, broker: LeaseBroker, *, wait_seconds: float) -> None:
        self._broker = broker
        self._wait_seconds = wait_seconds
        self._held: str | None = None
        self._free = Event()
        self._ended = Event()
        self._heart = Thread(target=self._beat, name="queue-lease", daemon=True)
        with suppress(BackendUnavailableError):
            self._renew()
        self._heart.start()

    def __next__(self) -> dramatiq.MessageProxy | None:
        body = None
        if self._held is None:
            with suppress(BackendUnavailableError):
                body = self._take()
        if body is None:
            self._free.wait(self._wait_seconds)
            self._free.clear()
            return None
        return dramatiq.MessageProxy(dramatiq.Message.decode(body))

    def _take(self) -> bytes | None:
        now = time.time()
        ready = sa.select(queue.c.id, queue.c.body).where(self._is_ready(now)).order_by(queue.c.id).limit(1)
        with self._broker.database.read() as connection:
            if connection.execute(ready).first() is None:
                return None
        with self._broker.database.write() as connection:
            row = connection.execute(ready).first()
            if row is None:
                return None
            leased = {"ready_at": now + self._broker.lease_seconds, "holder": self._broker.worker}
            connection.execute(queue.update().where(queue.c.id == row.id).values(leased))
        self._held = row.id
        return bytes(row.body)

    def _is_ready(self, now: float) -> sa.ColumnElement[bool]:
        """A time much further ahead than it can be put was written before the clock was set back."""
        leased = queue.c.holder.is_not(None)
        furthest = now + sa.case((leased, 2 * self._broker.lease_seconds), else_=LONGEST_DELAY_SECONDS)
        return (queue.c.ready_at <= now) | (queue.c.ready_at > furthest)

    def ack(self, message: dramatiq.MessageProxy) -> None:
        mine = (queue.c.id == message.message_id) & (queue.c.holder == self._broker.worker)
        with self._retried_by_worker(), self._broker.database.write() as connection:
            connection.execute(queue.delete().where(mine))
        self._release()

    nack = ack

    def requeue(self, messages: Iterable[dramatiq.MessageProxy]) -> None:
        ids = [message.message_id for message in messages]
        if not ids:
            return
        with self._retried_by_worker(), self._broker.database.write() as connection:
            mine = queue.c.id.in_(ids) & (queue.c.holder == self._broker.worker)
            connection.execute(queue.update().where(mine).values(ready_at=_AT_ONCE, holder=None))
        self._release()

    def _release(self) -> None:
        self._held = None
        self._free.set()

    def close(self) -> None:
        self._ended.set()
        self._heart.join()
        with self._retried_by_worker(), self._broker.database.write() as connection:
            connection.execute(queue_workers.delete().where(queue_workers.c.id == self._broker.worker))

    @contextmanager
    def _retried_by_worker(self) -> Iterator[None]:
        """Dramatiq repeats what ends with its own connection error; on any other it would forget the message."""
        try:
            yield
        except BackendUnavailableError as error:
            raise BrokerConnectionError(error.message) from error  # type: ignore[no-untyped-call]

    def _beat(self) -> None:
        while not self._ended.wait(self._broker.lease_seconds / 3):
            with suppress(BackendUnavailableError):
                self._renew()

    def _renew(self) -> None:
        now = time.time()
        until = now + self._broker.lease_seconds
        mine = queue_workers.c.id == self._broker.worker
        with self._broker.database.write() as connection:
            if connection.execute(queue_workers.update().where(mine).values(alive_until=until)).rowcount == 0:
                connection.execute(queue_workers.insert().values(id=self._broker.worker, alive_until=until))
                connection.execute(queue_workers.delete().where(queue_workers.c.alive_until < now - _DEAD_SECONDS))
            held = (queue.c.id == self._held) & (queue.c.holder == self._broker.worker)
            connection.execute(queue.update().where(held).values(ready_at=until))
