"""Where a Redis or Valkey server is and who we are there; shared by the kinds that keep something in it."""

from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from backends.settings import BackendSettings

_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


class RedisSettings(BackendSettings):
    """One server, Redis from 7.0 or Valkey, or a primary behind Sentinel's or a balancer's one address.

    An administrator's redis.conf needs, beside addresses and certificates (`port 0`, `tls-port 6379`,
    `tls-cert-file`, `tls-key-file`, `tls-ca-cert-file`):

        tls-auth-clients no
        tls-protocols "TLSv1.3"
        appendonly yes
        appendfsync always
        maxmemory-policy volatile-lru
        user default off resetpass ~* &* +@all
        user dafe on >PASSWORD resetkeys ~dafe:* resetchannels -@all +info +script|load +evalsha +time +multi +exec \
+get +set +unlink +zadd +zrem +zrange +zrangebyscore +zremrangebyscore +zcount +hset +hget +hgetall +hscan +hdel +hlen

    The default user, whom nobody can be, keeps its rights because what was stored is loaded in its name: without them
    a server starts without what transactions and scripts stored (redis/redis#14541, valkey-io/valkey#3983).
    `appendfsync everysec` may lose the last second when the power fails; jobs lost so are queued again by a worker.
    Only what is cached has a time after which it goes, so volatile-lru never gives up a queued job; noeviction is right
    where the server keeps jobs alone. Policies of the allkeys kind would, and are refused.
    """

    extra: ClassVar[str | None] = "redis"
    server: ClassVar[str | None] = "redis"

    url: str = Field(
        default="rediss://127.0.0.1:6379",
        description="Such as rediss://redis.example:6379; redis:// without TLS is for this machine only.",
    )
    user: str = Field(default="dafe", min_length=1, description="The user of the server's ACL.")
    password: SecretStr = SecretStr("")
    ca_bundle: Path | None = Field(default=None, description="Certificates to trust instead of the system's.")
    prefix: str = Field(
        default="dafe:",
        pattern=r"^[A-Za-z0-9{][A-Za-z0-9{}:._-]*:$",
        description="Begins every key; installations that share a server need one each.",
    )
    timeout_seconds: float = Field(default=5.0, gt=0, le=60, description="Longest time to connect, or for an answer.")

    @property
    def place(self) -> tuple[str, int]:
        """Host and port."""
        address = urlsplit(self.url)
        return address.hostname or "", address.port or 6379

    @property
    def encrypted(self) -> bool:
        return self.url.startswith("rediss://")

    @field_validator("url")
    @classmethod
    def _is_safe(cls, url: str) -> str:
        address = urlsplit(url)
        rest = (address.path.strip("/"), address.query, address.fragment)
        if address.scheme not in {"redis", "rediss"} or not address.hostname or any(rest) or not _has_port(url):
            raise ValueError("give the address as rediss://host:port, without a path")
        if "@" in address.netloc:
            raise ValueError("give user and password in settings of their own, not in the address")
        if address.scheme == "redis" and address.hostname not in _LOOPBACK:
            raise ValueError("redis:// is for this machine only: use rediss:// for a server in the network")
        return url.rstrip("/")

    @model_validator(mode="after")
    def _has_password(self) -> "RedisSettings":
        if self.place[0] not in _LOOPBACK and not self.password.get_secret_value():
            raise ValueError("a server in the network needs a password")
        return self


def _has_port(url: str) -> bool:
    try:
        return urlsplit(url).port != 0
    except ValueError:
        return False
