"""Settings of the caches; the union is the registry."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from backends.redis.settings import RedisSettings
from backends.settings import BackendSettings


class SqlCacheSettings(BackendSettings):
    """A table of the encrypted database."""

    kind: Literal["sql"] = "sql"
    adapter: ClassVar[str] = "backends.cache.sql:SqlCacheStore"


class RedisCacheSettings(RedisSettings):
    """Values encrypted by us in Redis or Valkey. `RedisSettings` has the server's lines."""

    kind: Literal["redis"] = "redis"
    adapter: ClassVar[str] = "backends.cache.redis:RedisCacheStore"

    timeout_seconds: float = Field(default=2.0, gt=0, le=60, description="Longest time to connect, or for an answer.")
    longest_days: float = Field(
        default=30.0, gt=0, le=3650, description="What is put without a time goes after it; the server may drop all."
    )


CacheSettings = Annotated[SqlCacheSettings | RedisCacheSettings, Field(discriminator="kind")]
