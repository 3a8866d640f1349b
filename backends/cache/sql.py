"""The cache as a table of the encrypted database."""

import time
from collections.abc import Collection, Mapping
from threading import Lock
from typing import Any

import sqlalchemy as sa

from backends.cache.base import CacheStore, Layer
from backends.cache.settings import SqlCacheSettings
from backends.sql.engine import Database
from backends.sql.expressions import among
from backends.sql.tables_derived import cache

_MEGABYTE = 1_000_000
_USES_KEPT = 1_000
_MEASURED_EVERY = 1 / 16
"""Of a layer's room: when so much was put, it is seen to that all layers keep to theirs."""
_FILLED_AGAIN = 0.9
_ROW: sa.ColumnElement[int] = sa.literal_column("cache.rowid")
_SIZE = sa.func.length(cache.c.value) + sa.func.length(cache.c.key) + sa.func.length(cache.c.scope)
_USED_NOW = sa.text("UPDATE cache SET rowid = (SELECT max(rowid) + 1 FROM cache) WHERE scope = :scope AND key = :key")


class SqlCacheStore(CacheStore):
    """Rows stand in the order in which they were used last. What has expired, and of each layer what is over its room,
    is removed when something is put."""

    def __init__(self, settings: SqlCacheSettings, *, database: Database, **_ignored: object) -> None:
        self._database = database
        self._room = settings.layer_mb * _MEGABYTE
        self._lock = Lock()
        self._used: dict[tuple[str, str], None] = {}
        self._unmeasured = 0

    def get_all(self, keys: Collection[str], *, scope: str) -> dict[str, bytes]:
        query = sa.select(cache.c.key, cache.c.value).where(cache.c.scope == scope, among(cache.c.key, keys))
        fresh = cache.c.expires_at.is_(None) | (cache.c.expires_at > time.time())
        with self._database.read() as connection:
            found = {row.key: row.value for row in connection.execute(query.where(fresh))}
        with self._lock:
            for key in found:
                if len(self._used) < _USES_KEPT:
                    self._used[scope, key] = None
        return found

    def put_all(self, values: Mapping[str, bytes], *, scope: str, ttl_seconds: float | None = None) -> None:
        if not values:
            return
        now = time.time()
        over = None if ttl_seconds is None else now + ttl_seconds
        rows = [{"scope": scope, "key": key, "value": value, "expires_at": over} for key, value in values.items()]
        used, is_due = self._taken(sum(map(len, values.values())))
        with self._database.write() as connection:
            connection.execute(cache.delete().where(cache.c.expires_at <= now))
            connection.execute(cache.delete().where(cache.c.scope == scope, among(cache.c.key, values)))
            connection.execute(cache.insert(), rows)
            if used:
                connection.execute(_USED_NOW, used)
        if is_due:
            self._make_room()

    def delete_scope(self, scope: str) -> None:
        # A range of the index, "0" being next to "/". Not LIKE: SQLite's takes "w" and "W" for the same.
        below = (cache.c.scope > f"{scope}/") & (cache.c.scope < f"{scope}0")
        with self._database.write() as connection:
            connection.execute(cache.delete().where((cache.c.scope == scope) | below))

    def close(self) -> None:
        """The database is closed by who opened it."""

    def _taken(self, size: int) -> tuple[list[dict[str, Any]], bool]:
        """What was used since the last time, and whether the layers are to be measured."""
        with self._lock:
            used = [{"scope": scope, "key": key} for scope, key in self._used]
            self._used.clear()
            self._unmeasured += size
            is_due = self._unmeasured >= self._room * _MEASURED_EVERY
            if is_due:
                self._unmeasured = 0
        return used, is_due

    def _make_room(self) -> None:
        """All rows are gone through without keeping others from writing, and only a layer that is over is cut."""
        layer = sa.func.substr(cache.c.key, 1, sa.func.instr(cache.c.key, "/"))
        with self._database.read() as connection:
            sizes = {row[0]: row[1] for row in connection.execute(sa.select(layer, sa.func.sum(_SIZE)).group_by(layer))}
        for name in (f"{one}/" for one in Layer if sizes.get(f"{one}/", 0) > self._room):
            kept = sa.func.sum(_SIZE).over(order_by=_ROW.desc())
            sized = sa.select(_ROW.label("row"), kept.label("kept")).where(layer == name).select_from(cache).subquery()
            over = sa.select(sized.c.row).where(sized.c.kept > self._room * _FILLED_AGAIN)
            with self._database.write() as connection:
                connection.execute(cache.delete().where(_ROW.in_(over)))
