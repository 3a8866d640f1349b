"""Settings of the caches; the union is the registry."""

from typing import ClassVar, Literal

from backends.settings import BackendSettings


class SqlCacheSettings(BackendSettings):
    """A table of the encrypted database."""

    kind: Literal["sql"] = "sql"
    adapter: ClassVar[str] = "backends.cache.sql:SqlCacheStore"


CacheSettings = SqlCacheSettings
