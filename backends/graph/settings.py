"""Settings of the graph stores; the union is the registry."""

from pathlib import Path
from typing import Annotated, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

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


class Neo4jGraphSettings(BackendSettings):
    """A Neo4j 5.26 server, Community or Enterprise, without plug-ins; names lie readable on its disk: encrypt that."""

    kind: Literal["neo4j"] = "neo4j"
    adapter: ClassVar[str] = "backends.graph.neo4j:Neo4jGraphStore"
    extra: ClassVar[str | None] = "neo4j"
    server: ClassVar[str | None] = "neo4j"

    url: str = Field(
        default="bolt://127.0.0.1:7687",
        description="Such as neo4j+s://graph.example:7687; bolt+s for one server alone, bolt on this machine only.",
    )
    user: str = "neo4j"
    password: SecretStr = SecretStr("")
    database: str = Field(default="neo4j", description="Another one can be made in the Enterprise edition only.")
    ca_bundle: Path | None = Field(default=None, description="Certificates to trust instead of the system's.")
    connect_seconds: float = Field(default=10.0, gt=0, description="How long a new connection may take.")
    timeout_seconds: float = Field(default=30.0, gt=0, description="How long one transaction may take.")
    retry_seconds: float = Field(
        default=150.0, ge=0, description="How long a write waits for a server that went away; reads wait 5 s at most."
    )

    @field_validator("url")
    @classmethod
    def _is_safe(cls, url: str) -> str:
        address = urlsplit(url)
        plain = address.scheme in {"bolt", "neo4j"}
        if not plain and address.scheme not in {"bolt+s", "neo4j+s"}:
            raise ValueError("give the address as bolt+s://host:port or neo4j+s://host:port")
        if not address.hostname or address.username or address.path.strip("/") or address.query:
            raise ValueError("give the address as bolt+s://host:port, without user, path or question mark")
        if address.port == 0:
            raise ValueError("the port is a number from 1 to 65535")
        if plain and address.hostname not in {"127.0.0.1", "::1", "localhost"}:
            raise ValueError("bolt without +s is for this machine only: use bolt+s for a server in the network")
        return url.rstrip("/")


GraphSettings = Annotated[SqlGraphSettings | MemoryGraphSettings | Neo4jGraphSettings, Field(discriminator="kind")]
