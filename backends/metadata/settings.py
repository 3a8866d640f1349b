"""Settings of the metadata stores; the union is the registry."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from backends.settings import BackendSettings
from backends.sql.settings import PostgresServerSettings


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


MetadataSettings = Annotated[SqliteMetadataSettings | PostgresMetadataSettings, Field(discriminator="kind")]
