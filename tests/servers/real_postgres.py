"""Starts a real PostgreSQL on loopback that takes nothing but TLS and SCRAM."""

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from backends.audit.settings import PostgresAuditSettings
from backends.metadata.settings import PostgresMetadataSettings
from tests.servers.certificates import Authority
from tests.servers.requiring import require

OWNER = "dafe"
"""Owns the databases of tests and may do nothing else."""
_START_SECONDS = 60.0
_HOW = "install Debian's package postgresql, or name the folder of its programs in DAFE_TEST_POSTGRES"
_CONFIGURATION = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
ssl = on
ssl_min_protocol_version = 'TLSv1.3'
password_encryption = 'scram-sha-256'
max_connections = 60
shared_buffers = 32MB
fsync = off
full_page_writes = off
lc_messages = 'C'
"""
"""Without fsync: a killed process loses nothing by it, only a machine that loses power would."""


class RealPostgres:
    """One server; it may be killed and started again on the same port and files."""

    def __init__(self, folder: Path, programs: Path) -> None:
        self.authority = Authority(folder / "trusted")
        self.password, self.admin_password = secrets.token_hex(16), secrets.token_hex(16)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self._folder, self.programs = folder, programs
        self._process: subprocess.Popen[bytes] | None = None
        self._user = pwd.getpwnam("postgres") if os.geteuid() == 0 else None
        self._make()

    def start(self) -> None:
        """Once more after a kill, until the last process of the server that was killed has gone too."""
        until = time.monotonic() + _START_SECONDS
        while time.monotonic() < until:
            if self._process is None or self._process.poll() is not None:
                self._process = self._spawn("postgres", "-D", str(self._folder / "data"))
            if self._answers():
                return
            time.sleep(0.05)
        raise RuntimeError("PostgreSQL did not start: " + (self._folder / "server.log").read_text()[-2000:])

    def kill(self) -> None:
        """As a crash does; what it was doing for its clients ends a moment later."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def clients(self) -> list[int]:
        """Ids of the processes that serve the connections of OWNER."""
        assert self._process is not None
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        try:
            return [int(child) for child in children.read_text().split() if _serves_owner(child)]
        except OSError:
            return []

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(_START_SECONDS)

    def use_certificate(self, *, expired: bool = False) -> None:
        """New connections are answered with a new certificate."""
        self._renew_certificate(expired=expired)
        assert self._process is not None
        self._process.send_signal(signal.SIGHUP)

    def allow(self, line: str) -> None:
        """One more line of pg_hba.conf, for new connections."""
        with (self._folder / "data" / "pg_hba.conf").open("a") as file:
            file.write(line)
        self.execute("SELECT pg_reload_conf()")

    def new_database(self, *, template: str = "template0") -> str:
        name = f"test_{secrets.token_hex(8)}"
        self.execute(f"CREATE DATABASE {name} OWNER {OWNER} TEMPLATE {template}")
        return name

    def content(self) -> bytes:
        """What lies in all its files, the write-ahead log included."""
        return b"".join(path.read_bytes() for path in (self._folder / "data").rglob("*") if path.is_file())

    def drop(self, database: str) -> None:
        self.execute(f"DROP DATABASE {database} WITH (FORCE)")

    def execute(self, statement: str, *, database: str = "postgres") -> list[Any]:
        """As the superuser, outside any transaction; the rows that it gives."""
        with self.connect(database) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    @contextmanager
    def connect(self, database: str = "postgres", *, user: str = "postgres") -> Iterator[Any]:
        import psycopg

        with psycopg.connect(
            host="localhost",
            port=self.port,
            user=user,
            password=self.admin_password if user == "postgres" else self.password,
            dbname=database,
            sslmode="verify-ca",
            sslrootcert=str(self.authority.bundle),
            connect_timeout=5,
            autocommit=True,
        ) as connection:
            yield connection

    def _make(self) -> None:
        data, password = self._folder / "data", self._folder / "password"
        password.write_text(self.admin_password)
        for path in (self._folder, password):
            self._give(path)
        locale = ("--locale-provider=icu", "--icu-locale=en-US")
        who = ("-U", "postgres", "-A", "scram-sha-256", f"--pwfile={password}")
        making = self._spawn("initdb", "-D", str(data), "-E", "UTF8", "--no-sync", *locale, *who)
        if making.wait(_START_SECONDS) != 0:
            raise RuntimeError("initdb failed: " + (self._folder / "server.log").read_text()[-2000:])
        with (data / "postgresql.conf").open("a") as file:
            file.write(f"{_CONFIGURATION}port = {self.port}\n")
        (data / "pg_hba.conf").write_text("hostssl all all 127.0.0.1/32 scram-sha-256\n")
        self._renew_certificate()
        self.start()
        self.execute(f"CREATE ROLE {OWNER} LOGIN PASSWORD '{self.password}'")

    def _renew_certificate(self, *, expired: bool = False) -> None:
        issued = self.authority.issue("postgres", hosts=("localhost",), expired=expired)
        for source, name in ((issued.certificate, "server.crt"), (issued.key, "server.key")):
            target = self._folder / "data" / name
            target.touch(mode=0o600)
            target.write_bytes(source.read_bytes())
            self._give(target)

    def _spawn(self, program: str, *arguments: str) -> "subprocess.Popen[bytes]":
        """PostgreSQL refuses to run as root."""
        other = {"user": self._user.pw_uid, "group": self._user.pw_gid, "extra_groups": []} if self._user else {}
        with (self._folder / "server.log").open("ab") as log:
            return subprocess.Popen(
                [self.programs / program, *arguments],
                stdout=log,
                stderr=log,
                cwd=self._folder,
                env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
                **other,  # type: ignore[call-overload]
            )

    def _give(self, path: Path) -> None:
        if self._user:
            os.chown(path, self._user.pw_uid, self._user.pw_gid)

    def _answers(self) -> bool:
        import psycopg

        try:
            self.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True


def _serves_owner(process: str) -> bool:
    return Path(f"/proc/{process}/cmdline").read_bytes().startswith(f"postgres: {OWNER} ".encode())


def postgres_programs() -> Path:
    """Named in DAFE_TEST_POSTGRES, or the newest that Debian installed, or on the path."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
    on_path = shutil.which("initdb")
    places = [os.environ.get("DAFE_TEST_POSTGRES"), *reversed(debian), Path(on_path).parent if on_path else None]
    found = next((Path(place) for place in places if place and (Path(place) / "initdb").exists()), None)
    return found or require("postgres", _HOW)


@contextmanager
def real_postgres() -> Iterator[RealPostgres]:
    """Its files lie where another user than root can read them, and go with it."""
    if find_spec("psycopg") is None:
        require("postgres", "install the extra postgres")
    programs = postgres_programs()
    with tempfile.TemporaryDirectory(prefix="dafe-postgres-") as folder:
        server = RealPostgres(Path(folder), programs)
        try:
            yield server
        finally:
            server.stop()


def metadata_settings(server: RealPostgres, name: str, /, **changed: Any) -> PostgresMetadataSettings:
    return PostgresMetadataSettings(**{**_address(server, name), **changed})


def audit_settings(server: RealPostgres, name: str, /, **changed: Any) -> PostgresAuditSettings:
    return PostgresAuditSettings(**{**_address(server, name), **changed})


def prepare_audit(server: RealPostgres, name: str) -> PostgresAuditSettings:
    """As an administrator does once; the settings of the log that is there then, which is empty."""
    settings = audit_settings(server, name)
    server.execute(settings.preparation, database=name)
    return settings


def _address(server: RealPostgres, name: str) -> dict[str, Any]:
    fitting = {"port": server.port, "database": name, "user": OWNER, "password": server.password}
    return {**fitting, "ca_bundle": server.authority.bundle}
