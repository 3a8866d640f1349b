"""Settings of the graph stores; the union is the registry."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from backends.settings import BackendSettings


class SqlGraphSettings(BackendSettings):
    """Tables in the encrypted database."""

    kind: Literal["sql"] = "sql"
    adapter: ClassVar[str] = "backends.graph.sql:SqlGraphStore"


class MemoryGraphSettings(BackendSettings):
    """The graph in this process, gone when it ends: for measuring and tests."""

    kind: Literal["memory"] = "memory"
    adapter: ClassVar[str] = "backends.graph.memory:MemoryGraphStore"
    shared: ClassVar[bool] = False


GraphSettings = Annotated[SqlGraphSettings | MemoryGraphSettings, Field(discriminator="kind")]
