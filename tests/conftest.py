"""Real servers, one of each for all modules of a run."""

from collections.abc import Iterator

import pytest

from tests.servers.real_postgres import RealPostgres, real_postgres
from tests.servers.real_redis import RealRedis


@pytest.fixture(scope="session")
def postgres() -> Iterator[RealPostgres]:
    with real_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealRedis]:
    server = RealRedis(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.kill()
