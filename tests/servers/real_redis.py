"""Starts a real Redis server: TLS alone, one user with the documented ACL line, every change kept on disk."""

import inspect
import re
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ulid import ULID

from backends.redis.settings import RedisSettings
from tests.servers.certificates import Authority, Certificate
from tests.servers.requiring import require

if TYPE_CHECKING:
    import redis

USER, PASSWORD = "dafe", "a password of the tests"
_ADMIN, _ADMIN_PASSWORD = "admin", "another one"
_START_SECONDS = 20.0


class RealRedis:
    """Its data outlive `kill` and `start`."""

    def __init__(self, folder: Path) -> None:
        self._binary = shutil.which("redis-server") or require("redis", "install redis-server 7")
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.authority = Authority(folder / "certificates")
        self.certificate = self.authority.issue("redis", hosts=("127.0.0.1",))
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"rediss://127.0.0.1:{self.port}"

    def values(self) -> dict[str, Any]:
        """Settings with a prefix that nobody else uses."""
        return {
            "url": self.url,
            "user": USER,
            "password": PASSWORD,
            "ca_bundle": self.authority.bundle,
            "prefix": f"dafe:{ULID()}:",
        }

    def admin(self) -> "redis.Redis":
        """A client that may do everything; its user exists in tests only."""
        return self.client(_ADMIN, _ADMIN_PASSWORD)

    def client(self, user: str, password: str) -> "redis.Redis":
        import redis

        bundle = str(self.authority.bundle)
        return redis.Redis("127.0.0.1", self.port, username=user, password=password, ssl=True, ssl_ca_certs=bundle)

    def dump(self, prefix: str) -> bytes:
        """All keys with the prefix and all that they hold, and every file of the server."""
        with self.admin() as admin:
            keys = list(admin.scan_iter(f"{prefix}*"))
            values = [admin.get(key) if admin.type(key) == b"string" else self._members(admin, key) for key in keys]
        files = [path.read_bytes() for path in self.folder.rglob("*.aof")]
        return b"\n".join([*keys, *(repr(value).encode() for value in values), *files])

    def _members(self, admin: "redis.Redis", key: bytes) -> Any:
        return admin.hgetall(key) if admin.type(key) == b"hash" else admin.zrange(key, 0, -1)

    def start(self, certificate: Certificate | None = None) -> None:
        (self.folder / "redis.conf").write_text("\n".join(self._lines(certificate or self.certificate)))
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [self._binary, self.folder / "redis.conf"], stdout=log, stderr=log, cwd=self.folder
            )
        until = time.monotonic() + _START_SECONDS
        while not self._answers():
            if time.monotonic() > until or self.process.poll() is not None:
                raise RuntimeError("the Redis server did not start: see server.log in its folder")
            time.sleep(0.02)

    def kill(self) -> None:
        """As kill -9 does."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def _answers(self) -> bool:
        """Whether it listens and its data are loaded."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1.0):
                pass
        except OSError:
            return False
        log = (self.folder / "server.log").read_text(errors="replace")
        return log.rpartition("Redis is starting")[2].count("Ready to accept connections") > 0

    def _lines(self, certificate: Certificate) -> list[str]:
        return [
            "port 0",
            f"tls-port {self.port}",
            "bind 127.0.0.1",
            f"tls-cert-file {certificate.certificate}",
            f"tls-key-file {certificate.key}",
            f"tls-ca-cert-file {self.authority.bundle}",
            f"dir {self.folder}",
            'save ""',
            *(line.replace("PASSWORD", f'"{PASSWORD}"', 1).replace('>"', '">') for line in documented_lines()),
            f'user {_ADMIN} on "&*" "~*" +@all ">{_ADMIN_PASSWORD}"',
        ]


def documented_lines() -> list[str]:
    """The lines of redis.conf that the settings' documentation names."""
    text = inspect.getdoc(RedisSettings) or ""
    return re.findall(r"^ {4}(\S.*)$", text, re.MULTILINE)
