"""Settings of the metadata stores; the union is the registry."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from backends.settings import BackendSettings
from backends.sql.settings import OneHost, PostgresServerSettings


class SqliteMetadataSettings(BackendSettings):
    """The encrypted database in the data folder."""

    kind: Literal["sqlite"] = "sqlite"
    adapter: ClassVar[str] = "backends.metadata.sql:SqlMetadataStore"


class PostgresMetadataSettings(PostgresServerSettings):
    """A PostgreSQL server; names, texts, questions and answers are encrypted before they go there."""

    kind: Literal["postgres"] = "postgres"
    adapter: ClassVar[str] = "backends.metadata.postgres:PostgresMetadataStore"
    extra: ClassVar[str | None] = "postgres"
    server: ClassVar[str | None] = "postgres"
    replica_host: OneHost | Literal[""] = Field(
        default="",
        description="A streaming standby of the server, for reads of much; user, password and database are the same.",
    )
    replica_port: int = Field(default=5432, ge=1, le=65535)

    @property
    def replica(self) -> PostgresServerSettings | None:
        """Where the standby is and who we are there."""
        if not self.replica_host:
            return None
        return self.model_copy(update={"host": self.replica_host, "port": self.replica_port})


MetadataSettings = Annotated[SqliteMetadataSettings | PostgresMetadataSettings, Field(discriminator="kind")]
