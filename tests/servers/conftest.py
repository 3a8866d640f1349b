"""The servers of a cluster together."""

from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import pytest

from tests.servers.clusters import Chosen, plain
from tests.servers.real_postgres import RealPostgres, metadata_settings, prepare_audit
from tests.servers.real_redis import RealRedis
from tests.servers.requiring import require


@pytest.fixture
def cluster(postgres: RealPostgres, redis_server: RealRedis, neo4j_server: Any) -> Iterator[Chosen]:
    """Settings of the cluster profile on servers that hold nothing yet."""
    if find_spec("qdrant_client") is None:
        require("qdrant", "install the extra qdrant")
    from tests.servers.real_qdrant import qdrant_server

    database = postgres.new_database()
    prepare_audit(postgres, database)
    with qdrant_server() as vectors:
        yield {
            "metadata": plain(metadata_settings(postgres, database)),
            "graph": plain(neo4j_server.settings()),
            "vectors": plain(vectors),
            "queue": {"kind": "redis", **redis_server.values()},
            "cache": {"kind": "redis", **redis_server.values()},
        }
    postgres.drop(database)
