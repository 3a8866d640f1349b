"""Settings of the job queues; the union is the registry."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from backends.redis.settings import RedisSettings
from backends.settings import BackendSettings


class LeasedQueueSettings(BackendSettings):
    """What the workers of every queue keep to."""

    lease_seconds: float = Field(default=15.0, ge=1.0, description="A message of a dead worker comes again after it.")
    poll_seconds: float = Field(default=0.3, ge=0.05)


class SqliteQueueSettings(LeasedQueueSettings):
    """Dramatiq over a table of the encrypted database."""

    kind: Literal["sqlite"] = "sqlite"
    adapter: ClassVar[str] = "backends.queue.sqlite:SqliteJobQueue"


class RedisQueueSettings(RedisSettings, LeasedQueueSettings):
    """Dramatiq over leases in Redis or Valkey. `RedisSettings` has the server's lines."""

    kind: Literal["redis"] = "redis"
    adapter: ClassVar[str] = "backends.queue.redis:RedisJobQueue"

    lease_seconds: float = Field(
        default=15.0, ge=1.0, le=150.0, description="A message of a dead worker comes again after it."
    )


QueueSettings = Annotated[SqliteQueueSettings | RedisQueueSettings, Field(discriminator="kind")]
