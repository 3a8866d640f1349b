"""Real servers, one of each for all modules of a run."""

from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import pytest

from backends.audit.settings import PostgresAuditSettings
from tests.servers.real_postgres import RealPostgres, prepare_audit, real_postgres
from tests.servers.real_redis import RealRedis
from tests.servers.requiring import require


@pytest.fixture(scope="session")
def postgres() -> Iterator[RealPostgres]:
    with real_postgres() as server:
        yield server


@pytest.fixture
def postgres_audit(postgres: RealPostgres) -> Iterator[PostgresAuditSettings]:
    """Of a log without events, in a database of its own."""
    name = postgres.new_database()
    yield prepare_audit(postgres, name)
    postgres.drop(name)


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealRedis]:
    server = RealRedis(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
def neo4j_server(request: pytest.FixtureRequest) -> Iterator[Any]:
    """The session's `RealNeo4j`, whose graph is empty; it runs again when the test has killed it."""
    if find_spec("neo4j") is None:
        require("neo4j", "install the extra neo4j")
    from tests.servers.real_neo4j import shared_neo4j

    server = shared_neo4j(request.config)
    server.empty()
    yield server
    if server.process is not None and server.process.poll() is not None:
        server.start()
