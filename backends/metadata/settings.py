"""Settings of the metadata stores; the union is the registry."""

from typing import ClassVar, Literal

from backends.settings import BackendSettings


class SqliteMetadataSettings(BackendSettings):
    """The encrypted database in the data folder."""

    kind: Literal["sqlite"] = "sqlite"
    adapter: ClassVar[str] = "backends.metadata.sql:SqlMetadataStore"


MetadataSettings = SqliteMetadataSettings
