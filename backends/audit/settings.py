"""Settings of the audit log's stores; the union is the registry."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from backends.audit.postgres_sql import preparation
from backends.settings import BackendSettings
from backends.sql.settings import PostgresServerSettings


class SqliteAuditSettings(BackendSettings):
    """An append-only SQLite file of its own in the data folder."""

    kind: Literal["sqlite"] = "sqlite"
    adapter: ClassVar[str] = "backends.audit.sqlite:SqliteAuditStore"


class PostgresAuditSettings(PostgresServerSettings):
    """A table of a PostgreSQL server that its user can add to and not change: for many hosts; what is not given is as
    for the metadata there. `dafe audit sql` prints what an administrator of the server runs first."""

    kind: Literal["postgres"] = "postgres"
    adapter: ClassVar[str] = "backends.audit.postgres:PostgresAuditStore"
    extra: ClassVar[str | None] = "postgres"
    server: ClassVar[str | None] = "postgres"

    database: str = Field(default="dafe", description="An administrator has prepared the log in it.")
    connections: int = Field(default=4, ge=2, le=100, description="At most, for each process.")

    @property
    def preparation(self) -> str:
        """SQL for `psql`."""
        return preparation(self.user)


AuditSettings = Annotated[SqliteAuditSettings | PostgresAuditSettings, Field(discriminator="kind")]
