"""Settings of the vector stores; the union is the registry."""

from pathlib import Path
from typing import Annotated, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

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

    url: str | None = Field(default=None, description="A remote server, such as https://chroma.example:8443.")
    token: SecretStr = Field(default=SecretStr(""), description="Sent as bearer token to the proxy before the server.")
    ca_bundle: Path | None = Field(default=None, description="Certificates to trust instead of the system's.")
    timeout_seconds: float = Field(default=30.0, gt=0)

    @field_validator("url")
    @classmethod
    def _is_safe(cls, url: str | None) -> str | None:
        if url is None:
            return None
        address = urlsplit(url)
        if address.scheme not in {"http", "https"} or not address.hostname or address.path.strip("/"):
            raise ValueError("give the address as https://host:port, without a path")
        if address.scheme == "http" and address.hostname not in {"127.0.0.1", "::1", "localhost"}:
            raise ValueError("http is for this machine only: use https for a server in the network")
        return url.rstrip("/")


VectorSettings = Annotated[SqlVectorSettings | MemoryVectorSettings | ChromaVectorSettings, Field(discriminator="kind")]
