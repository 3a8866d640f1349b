"""Settings of the vector stores; the union is the registry."""

from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field, SecretStr

from backends.addresses import SafeAddress
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


class ChromaVectorSettings(_VectorSettings):
    """A Chroma server: without a url our own child process on this machine, which ends with the last that uses it."""

    kind: Literal["chroma"] = "chroma"
    adapter: ClassVar[str] = "backends.vectors.chroma:ChromaVectorStore"
    extra: ClassVar[str | None] = "chroma"
    server: ClassVar[str | None] = "chroma"
    exact: ClassVar[bool] = False

    url: SafeAddress | None = Field(default=None, description="A remote server, such as https://chroma.example:8443.")
    token: SecretStr = Field(default=SecretStr(""), description="Sent as bearer token to the proxy before the server.")
    ca_bundle: Path | None = Field(default=None, description="Certificates to trust instead of the system's.")
    timeout_seconds: float = Field(default=30.0, gt=0)


class QdrantVectorSettings(_VectorSettings):
    """A Qdrant server, 1.10 or later: for many hosts and many chunks; so far run against a stand-in only."""

    kind: Literal["qdrant"] = "qdrant"
    adapter: ClassVar[str] = "backends.vectors.qdrant:QdrantVectorStore"
    extra: ClassVar[str | None] = "qdrant"
    server: ClassVar[str | None] = "qdrant"
    exact: ClassVar[bool] = False

    url: SafeAddress = Field(default="http://127.0.0.1:6333", description="Such as https://qdrant.example:6333.")
    api_key: SecretStr = Field(default=SecretStr(""), description="It has to be allowed to make collections.")
    ca_bundle: Path | None = Field(default=None, description="Certificates to trust instead of the system's.")
    timeout_seconds: float = Field(default=30.0, gt=0, description="Longest time for a whole answer.")
    compare_all: bool = Field(
        default=False, description="Compare with every permitted vector: slower, and right also where an index is not."
    )
    quantisation: Literal["none", "scalar", "binary"] = Field(
        default="none",
        description="Search in shortened vectors, a quarter or a 32nd in memory, then compare the best whole ones."
        " For collections made from now on.",
    )


VectorSettings = Annotated[
    SqlVectorSettings | MemoryVectorSettings | ChromaVectorSettings | QdrantVectorSettings, Field(discriminator="kind")
]
