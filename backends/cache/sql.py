"""The cache as a table of the encrypted database."""

import time

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from backends.cache.base import CacheStore
from backends.cache.settings import SqlCacheSettings
from backends.sql.engine import Database
from backends.sql.tables_derived import cache


class SqlCacheStore(CacheStore):
    """What has expired is removed when something is put."""

    def __init__(self, settings: SqlCacheSettings, *, database: Database, **_ignored: object) -> None:
        self._database = database

    def get(self, key: str, *, scope: str) -> bytes | None:
        query = sa.select(cache.c.value).where(cache.c.scope == scope, cache.c.key == key)
        fresh = cache.c.expires_at.is_(None) | (cache.c.expires_at > time.time())
        with self._database.read() as connection:
            return connection.execute(query.where(fresh)).scalar()

    def put(self, key: str, value: bytes, *, scope: str, ttl_seconds: float | None = None) -> None:
        now = time.time()
        row = {"value": value, "expires_at": None if ttl_seconds is None else now + ttl_seconds}
        put = insert(cache).values(scope=scope, key=key, **row)
        with self._database.write() as connection:
            connection.execute(cache.delete().where(cache.c.expires_at <= now))
            connection.execute(put.on_conflict_do_update(index_elements=["scope", "key"], set_=row))

    def delete_scope(self, scope: str) -> None:
        # Not LIKE: SQLite's takes "w" and "W" for the same.
        below = sa.func.substr(cache.c.scope, 1, len(scope) + 1) == f"{scope}/"
        with self._database.write() as connection:
            connection.execute(cache.delete().where((cache.c.scope == scope) | below))

    def close(self) -> None:
        """The database is closed by who opened it."""
