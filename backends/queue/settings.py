"""Settings of the job queues; the union is the registry."""

from typing import ClassVar, Literal

from pydantic import Field

from backends.settings import BackendSettings


class SqliteQueueSettings(BackendSettings):
    """Dramatiq over a table of the encrypted database."""

    kind: Literal["sqlite"] = "sqlite"
    adapter: ClassVar[str] = "backends.queue.sqlite:SqliteJobQueue"

    lease_seconds: float = Field(default=15.0, ge=1.0, description="A message of a dead worker comes again after it.")
    poll_seconds: float = Field(default=0.3, ge=0.05)


QueueSettings = SqliteQueueSettings
