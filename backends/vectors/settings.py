"""Settings of the vector stores; the union is the registry."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from backends.settings import BackendSettings


class _VectorSettings(BackendSettings):
    exact: ClassVar[bool] = True
    """Searches compare with every permitted vector, instead of walking an index."""


class SqlVectorSettings(_VectorSettings):
    """Vectors in the encrypted database, searched exactly; good to about 200,000 chunks."""

    kind: Literal["sql"] = "sql"
    adapter: ClassVar[str] = "backends.vectors.sql:SqlVectorStore"


class MemoryVectorSettings(_VectorSettings):
    """Vectors in this process, gone when it ends: for measuring and tests."""

    kind: Literal["memory"] = "memory"
    adapter: ClassVar[str] = "backends.vectors.memory:MemoryVectorStore"
    shared: ClassVar[bool] = False


VectorSettings = Annotated[SqlVectorSettings | MemoryVectorSettings, Field(discriminator="kind")]
