"""Settings of the database servers that the SQL adapters use."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from backends.settings import BackendSettings


def _one_name(host: str) -> str:
    if not host.strip() or "/" in host or "," in host:
        raise ValueError("give the name of one host")
    return host.strip()


OneHost = Annotated[str, AfterValidator(_one_name)]


class PostgresServerSettings(BackendSettings):
    """Where the server is and who we are there; it is always reached through TLS 1.3 and SCRAM."""

    host: OneHost = Field(default="localhost", description="The name in the server's certificate.")
    port: int = Field(default=5432, ge=1, le=65535)
    database: str = Field(default="dafe", description="It belongs to the user, who makes the tables in it.")
    user: str = Field(default="dafe")
    password: SecretStr = Field(default=SecretStr(""), description="Without it that of the user's .pgpass file.")
    ca_bundle: Path | None = Field(default=None, description="Certificates to trust instead of the system's.")
    connections: int = Field(default=10, ge=1, le=100, description="At most, for each process.")
    timeout_seconds: float = Field(default=30.0, gt=0, le=3600, description="For one statement.")
