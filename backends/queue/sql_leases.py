"""Leases as rows of the encrypted database."""

import time
from collections.abc import Collection

import sqlalchemy as sa

from backends.queue.leases import LONGEST_DELAY_SECONDS, Lane, Leases
from backends.sql.engine import Database
from backends.sql.tables_derived import queue, queue_turns, queue_workers

_DEAD_SECONDS = 86_400
_AT_ONCE = 0.0
"""Ready whatever the clock says: what need not wait never waits because a clock was set back."""


class SqlLeases(Leases):
    """`ready_at` is the time from which a message may be taken; taking it moves that time by the lease."""

    def __init__(self, database: Database, *, lease_seconds: float) -> None:
        self._database = database
        self._lease_seconds = lease_seconds

    def put(self, message_id: str, body: bytes, *, lane: Lane, delay_seconds: float = 0.0) -> None:
        ready_at = time.time() + min(delay_seconds, LONGEST_DELAY_SECONDS) if delay_seconds else _AT_ONCE
        row = {"body": body, "ready_at": ready_at, "holder": None}
        row |= {"priority": int(lane.priority), "turn_of": lane.workspace_id}
        with self._database.write() as connection:
            connection.execute(queue.delete().where(queue.c.id == message_id))
            connection.execute(queue.insert().values(id=message_id, **row))

    def take(self, worker: str) -> tuple[str, bytes] | None:
        now = time.time()
        is_ready = self._is_ready(now)
        with self._database.read() as connection:
            if connection.execute(sa.select(queue.c.id).where(is_ready).limit(1)).first() is None:
                return None
        waiting = queue.outerjoin(queue_turns, queue_turns.c.id == queue.c.turn_of)
        turn = sa.func.coalesce(queue_turns.c.number, 0)
        first = sa.select(queue.c.id, queue.c.turn_of).select_from(waiting).where(is_ready)
        first = first.order_by(queue.c.priority, turn, queue.c.id).limit(1)
        with self._database.write() as connection:
            row = connection.execute(first).first()
            if row is None:
                return None
            leased = {"ready_at": now + self._lease_seconds, "holder": worker}
            mine = queue.c.id == row.id
            connection.execute(queue.update().where(mine).values(leased))
            _give_turn(connection, row.turn_of)
            body = connection.execute(sa.select(queue.c.body).where(mine)).scalar_one()
        return row.id, bytes(body)

    def _is_ready(self, now: float) -> sa.ColumnElement[bool]:
        leased = queue.c.holder.is_not(None)
        furthest = now + sa.case((leased, 2 * self._lease_seconds), else_=LONGEST_DELAY_SECONDS)
        return (queue.c.ready_at <= now) | (queue.c.ready_at > furthest)

    def renew(self, worker: str, *, held: Collection[str]) -> None:
        now = time.time()
        until = now + self._lease_seconds
        mine = queue_workers.c.id == worker
        with self._database.write() as connection:
            if connection.execute(queue_workers.update().where(mine).values(alive_until=until)).rowcount == 0:
                connection.execute(queue_workers.insert().values(id=worker, alive_until=until))
                connection.execute(queue_workers.delete().where(queue_workers.c.alive_until < now - _DEAD_SECONDS))
            connection.execute(queue.update().where(*_held(held, worker)).values(ready_at=until))

    def acknowledge(self, message_id: str, worker: str) -> None:
        with self._database.write() as connection:
            connection.execute(queue.delete().where(*_held([message_id], worker)))

    def release(self, message_id: str, worker: str) -> None:
        with self._database.write() as connection:
            held = queue.update().where(*_held([message_id], worker))
            connection.execute(held.values(ready_at=_AT_ONCE, holder=None))

    def leave(self, worker: str) -> None:
        with self._database.write() as connection:
            held = queue.update().where(queue.c.holder == worker)
            connection.execute(held.values(ready_at=_AT_ONCE, holder=None))
            connection.execute(queue_workers.delete().where(queue_workers.c.id == worker))

    def bodies(self) -> list[bytes]:
        with self._database.read() as connection:
            return [bytes(body) for body in connection.execute(sa.select(queue.c.body)).scalars()]

    def count(self) -> int:
        with self._database.read() as connection:
            return connection.execute(sa.select(sa.func.count()).select_from(queue)).scalar_one()

    def count_workers(self) -> int:
        now = time.time()
        current = queue_workers.c.alive_until.between(now, now + 2 * self._lease_seconds)
        alive = sa.select(sa.func.count()).where(current)
        with self._database.read() as connection:
            return connection.execute(alive).scalar_one()


def _give_turn(connection: sa.Connection, workspace_id: str) -> None:
    """Its turn is the newest."""
    newest = sa.select(sa.func.coalesce(sa.func.max(queue_turns.c.number), 0) + 1).scalar_subquery()
    mine = queue_turns.update().where(queue_turns.c.id == workspace_id)
    if connection.execute(mine.values(number=newest)).rowcount == 0:
        connection.execute(queue_turns.insert().values(id=workspace_id, number=newest))


def _held(message_ids: Collection[str], worker: str) -> tuple[sa.ColumnElement[bool], ...]:
    return queue.c.id.in_(message_ids), queue.c.holder == worker
