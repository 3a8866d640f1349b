"""Settings of the caches; the union is the registry."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from backends.redis.settings import RedisSettings
from backends.settings import BackendSettings

ANSWER_SECONDS = Field(
    default=3600.0,
    ge=0,
    le=30 * 86_400,
    description="So long an answer, and what was found for it, may be given again; 0: every question is computed.",
)


class SqlCacheSettings(BackendSettings):
    """A table of the encrypted database."""

    kind: Literal["sql"] = "sql"
    adapter: ClassVar[str] = "backends.cache.sql:SqlCacheStore"

    answer_seconds: float = ANSWER_SECONDS
    layer_mb: int = Field(
        default=512,
        ge=1,
        le=1_000_000,
        description="About so much is kept of vectors, facts, found passages and answers each; the least used goes.",
    )


class RedisCacheSettings(RedisSettings):
    """Values encrypted by us in Redis or Valkey. `RedisSettings` has the server's lines."""

    kind: Literal["redis"] = "redis"
    adapter: ClassVar[str] = "backends.cache.redis:RedisCacheStore"

    answer_seconds: float = ANSWER_SECONDS
    timeout_seconds: float = Field(default=2.0, gt=0, le=60, description="Longest time to connect, or for an answer.")
    longest_days: float = Field(
        default=30.0, gt=0, le=3650, description="What is put without a time goes after it; the server may drop all."
    )


CacheSettings = Annotated[SqlCacheSettings | RedisCacheSettings, Field(discriminator="kind")]
