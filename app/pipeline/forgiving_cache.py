"""A cache that costs a question nothing but time when it is away."""

from collections.abc import Collection, Mapping
from contextlib import suppress

from app.errors import BackendUnavailableError
from backends.cache.base import CacheStore


class ForgivingCacheStore(CacheStore):
    """Another store whose reads find nothing, and whose writes are lost, while it is away; removing still raises."""

    def __init__(self, store: CacheStore) -> None:
        self._store = store

    def get_all(self, keys: Collection[str], *, scope: str) -> dict[str, bytes]:
        try:
            return self._store.get_all(keys, scope=scope)
        except BackendUnavailableError:
            return {}

    def put_all(self, values: Mapping[str, bytes], *, scope: str, ttl_seconds: float | None = None) -> None:
        with suppress(BackendUnavailableError):
            self._store.put_all(values, scope=scope, ttl_seconds=ttl_seconds)

    def delete_scope(self, scope: str) -> None:
        self._store.delete_scope(scope)

    def close(self) -> None:
        self._store.close()
