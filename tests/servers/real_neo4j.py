"""Starts a real Neo4j Community server: password and TLS required, loopback only, its files in a temporary folder."""

import hashlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from neo4j import Driver, GraphDatabase, TrustCustomCAs
from neo4j.exceptions import DriverError

from backends.graph.settings import Neo4jGraphSettings
from tests.servers.certificates import Authority
from tests.servers.requiring import require

VERSION = "5.26.30"
_START_SECONDS = 120.0
_HOW = "install Java 17 and Maven: the server's jars are then fetched once from Maven Central"
_POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
 <groupId>test.local</groupId><artifactId>neo4j-real</artifactId><version>1</version><packaging>pom</packaging>
 <dependencies><dependency>
  <groupId>org.neo4j</groupId><artifactId>neo4j</artifactId><version>{VERSION}</version>
 </dependency></dependencies>
</project>
"""
_CONFIGURATION = """server.default_listen_address=127.0.0.1
server.bolt.listen_address=127.0.0.1:{port}
server.bolt.advertised_address=localhost:{port}
server.http.enabled=false
server.https.enabled=false
dbms.usage_report.enabled=false
server.memory.pagecache.size=64m
db.tx_log.preallocate=false
internal.server.bolt.thread_pool_shutdown_wait_time=200ms
server.bolt.tls_level=REQUIRED
dbms.ssl.policy.bolt.enabled=true
dbms.ssl.policy.bolt.base_directory=certificates/bolt
dbms.ssl.policy.bolt.private_key=private.key
dbms.ssl.policy.bolt.public_certificate=public.crt
dbms.ssl.policy.bolt.client_auth=NONE
"""
_OPENED = [f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in ("java.nio", "java.io", "sun.nio.ch")]
_SHARED = pytest.StashKey["RealNeo4j"]()


class RealNeo4j:
    """One server and its home folder; it can be killed and started again on the same port."""

    def __init__(self, home: Path, jars: Path, *, heap_megabytes: int = 512) -> None:
        self.home = home
        self.password = secrets.token_urlsafe(16)
        self.port = _free_port()
        self.authority = Authority(home / "authority")
        self._place_certificate(home / "certificates" / "bolt")
        self.process: subprocess.Popen[bytes] | None = None
        self._command = [
            *("java", "-Xms256m", f"-Xmx{heap_megabytes}m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", *_OPENED),
            *("-cp", f"{jars}/*", "org.neo4j.server.CommunityEntryPoint", f"--home-dir={home}"),
            *(f"--config-dir={home / 'conf'}", "--console-mode"),
        ]
        (home / "conf").mkdir()
        (home / "conf" / "neo4j.conf").write_text(_CONFIGURATION.format(port=self.port))
        (home / "data" / "dbms").mkdir(parents=True)
        (home / "data" / "dbms" / "auth.ini").write_text(_credentials(self.password))

    @property
    def url(self) -> str:
        return f"bolt+s://localhost:{self.port}"

    def settings(self, **changed: object) -> Neo4jGraphSettings:
        values = {"url": self.url, "password": self.password, "ca_bundle": self.authority.bundle, **changed}
        return Neo4jGraphSettings.model_validate(values)

    def driver(self) -> Driver:
        """A client of the test's own, beside the store."""
        trusted = TrustCustomCAs(str(self.authority.bundle))
        return GraphDatabase.driver(
            f"bolt://localhost:{self.port}",
            auth=("neo4j", self.password),
            encrypted=True,
            trusted_certificates=trusted,
            telemetry_disabled=True,
        )

    def _place_certificate(self, folder: Path) -> None:
        issued = self.authority.issue("bolt")
        folder.mkdir(parents=True)
        shutil.copy(issued.certificate, folder / "public.crt")
        shutil.copy(issued.key, folder / "private.key")

    def empty(self) -> None:
        """Without what the stores' migrations made: constraints, indexes, the number of the schema."""
        with closing(self.driver()) as driver:
            driver.execute_query("MATCH (n) WHERE NOT n:GraphSchema DETACH DELETE n")

    def start(self) -> None:
        environment = {name: os.environ[name] for name in ("PATH", "JAVA_HOME") if name in os.environ}
        with (self.home / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                self._command, env={**environment, "HOME": str(self.home)}, stdout=log, stderr=log, cwd=self.home
            )
        until = time.monotonic() + _START_SECONDS
        while time.monotonic() < until and self.process.poll() is None:
            try:
                with closing(self.driver()) as driver:
                    driver.verify_connectivity()
                return
            except DriverError:
                time.sleep(0.2)
        raise RuntimeError(f"the Neo4j server did not start: see {self.home / 'server.log'}")

    def kill(self) -> None:
        """As a failure of power would."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.kill()


def shared_neo4j(config: pytest.Config) -> RealNeo4j:
    """The server of this run of pytest, started by the first test that asks."""
    if _SHARED not in config.stash:
        server = RealNeo4j(Path(tempfile.mkdtemp(prefix="dafe-neo4j-")), neo4j_jars())
        config.add_cleanup(lambda: shutil.rmtree(server.home, ignore_errors=True))
        config.add_cleanup(server.close)
        server.start()
        config.stash[_SHARED] = server
    return config.stash[_SHARED]


@contextmanager
def real_neo4j(home: Path, *, heap_megabytes: int = 512) -> Iterator[RealNeo4j]:
    """A server of one's own, in an empty folder."""
    server = RealNeo4j(home, neo4j_jars(), heap_megabytes=heap_megabytes)
    try:
        server.start()
        yield server
    finally:
        server.close()


def neo4j_jars() -> Path:
    """The folder with the server's jars; they are fetched on the first call of this machine."""
    if shutil.which("java") is None:
        require("neo4j", _HOW)
    cache = Path(os.environ.get("DAFE_TEST_CACHE") or Path.home() / ".cache" / "dafe-test") / "neo4j" / VERSION
    jars = cache / "lib"
    if jars.is_dir():
        return jars
    if shutil.which("mvn") is None:
        require("neo4j", _HOW)
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        (Path(folder) / "pom.xml").write_text(_POM)
        command = ["mvn", "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=lib", "-DincludeScope=runtime"]
        if subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, check=False).returncode:
            require("neo4j", "Maven could not fetch the server's jars")
        if not jars.is_dir():
            (Path(folder) / "lib").rename(jars)
    return jars


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _credentials(password: str) -> str:
    """The line of auth.ini that the server itself would write at the first change of its password."""
    salt = secrets.token_bytes(32)
    digest = hashlib.sha256(salt + password.encode()).digest()
    for _ in range(1023):
        digest = hashlib.sha256(digest).digest()
    return f"neo4j:SHA-256,{digest.hex()},{salt.hex()},1024:\n"
