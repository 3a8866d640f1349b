"""Resources of the conformance suites: a migrated encrypted database and child processes that use the same one."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from backends.cache.settings import RedisCacheSettings
from backends.graph.settings import Neo4jGraphSettings
from backends.loading import load
from backends.metadata.base import MetadataStore
from backends.metadata.settings import PostgresMetadataSettings
from backends.queue.settings import RedisQueueSettings
from backends.settings import BackendSettings
from backends.sql.engine import Database
from backends.sql.migrating import upgrade
from backends.vectors.settings import ChromaVectorSettings, QdrantVectorSettings
from tests.conformance.implementations import FILES_KEY, open_database, parts_for
from tests.servers.real_postgres import RealPostgres, metadata_settings
from tests.servers.real_redis import RealRedis
from tests.servers.requiring import require

ROOT = Path(__file__).parents[2]
Child = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder whose database has all tables; copied for each test."""
    folder = tmp_path_factory.mktemp("migrated")
    database = open_database(folder)
    upgrade(database)
    database.close()
    return folder


@pytest.fixture
def data_dir(tmp_path: Path, migrated: Path) -> Path:
    folder = tmp_path / "data"
    shutil.copytree(migrated, folder)
    return folder


@pytest.fixture
def database(data_dir: Path) -> Iterator[Database]:
    database = open_database(data_dir)
    yield database
    database.close()


@pytest.fixture
def parts(data_dir: Path, database: Database) -> dict[str, Any]:
    return parts_for(data_dir, database)


@pytest.fixture
def start_child(data_dir: Path) -> Iterator[Child]:
    """Starts `tests.conformance.child_main` with an action, on the same data folder and settings."""
    started: list[subprocess.Popen[str]] = []

    def start(action: str, settings: BackendSettings, *, folder: Path = data_dir, **arguments: Any) -> Any:
        task = {"adapter": settings.adapter, "settings": type(settings).__name__, "values": settings.model_dump()}
        task |= {"action": action, "data_dir": str(folder), "arguments": arguments}
        child = subprocess.Popen(
            [sys.executable, "-m", "tests.conformance.child_main", json.dumps(task, default=_plain)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        started.append(child)
        return child

    yield start
    for child in started:
        child.kill()
        child.communicate()


def _plain(value: object) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


def wait_for(child: "subprocess.Popen[str]", *, timeout: float = 60) -> str:
    """The output of a child that ended well."""
    output, errors = child.communicate(timeout=timeout)
    assert child.returncode == 0, errors
    return output


@pytest.fixture(scope="session")
def chroma_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A data folder with our own Chroma server, kept for the whole suite."""
    if find_spec("chromadb") is None:
        require("chroma", "install the extra chroma")
    from backends.vectors.chroma_server import ChromaServer

    folder = tmp_path_factory.mktemp("chroma")
    server = ChromaServer(folder / "chroma")
    server.find_port()
    yield folder
    server.close()


@pytest.fixture
def chroma_vectors(chroma_folder: Path) -> ChromaVectorSettings:
    return ChromaVectorSettings()


@pytest.fixture(scope="session")
def qdrant_vectors() -> Iterator[QdrantVectorSettings]:
    """The server of DAFE_TEST_QDRANT_URL, used for nothing else and left without our collections; or one in Qdrant's
    dialect, because the server itself is in no package registry."""
    if find_spec("qdrant_client") is None:
        require("qdrant", "install the extra qdrant")
    from tests.servers.real_qdrant import qdrant_server

    with qdrant_server() as settings:
        yield settings


@pytest.fixture(scope="session")
def qdrant_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nothing of its vectors lies in a data folder."""
    return tmp_path_factory.mktemp("qdrant")


@pytest.fixture
def neo4j_graph(neo4j_server: Any) -> Neo4jGraphSettings:
    settings: Neo4jGraphSettings = neo4j_server.settings()
    return settings


@pytest.fixture
def vectors_folder(request: pytest.FixtureRequest, data_dir: Path) -> Callable[[BackendSettings], Path]:
    """The data folder in which a vector store of these settings lies: that of its server, when it has one."""

    def folder(settings: BackendSettings) -> Path:
        if settings.server is None:
            return data_dir
        served: Path = request.getfixturevalue(f"{settings.server}_folder")
        if not (served / "dafe.db").exists():
            shutil.copy(data_dir / "dafe.db", served)
        return served

    return folder


@pytest.fixture(scope="session")
def postgres_template(postgres: RealPostgres) -> str:
    """The name of a database that has all tables; copied for each test."""
    name = postgres.new_database()
    load(MetadataStore, metadata_settings(postgres, name), key=FILES_KEY).close()
    return name


@pytest.fixture
def postgres_metadata(postgres: RealPostgres, postgres_template: str) -> Iterator[PostgresMetadataSettings]:
    name = postgres.new_database(template=postgres_template)
    yield metadata_settings(postgres, name)
    postgres.drop(name)


@pytest.fixture
def redis_queue(redis_server: RealRedis) -> RedisQueueSettings:
    return RedisQueueSettings(**redis_server.values())


@pytest.fixture
def redis_cache(redis_server: RealRedis) -> RedisCacheSettings:
    return RedisCacheSettings(**redis_server.values())


@pytest.fixture
def settings(request: pytest.FixtureRequest) -> Any:
    return settings_for(request)


def settings_for(request: pytest.FixtureRequest) -> Any:
    """Of the class that is the parameter; those of a server come from a fixture that bears its name and the kind."""
    kind = request.param.__module__.split(".")[1]
    return request.getfixturevalue(f"{request.param.server}_{kind}") if request.param.server else request.param()


@pytest.fixture
def store(settings: Any, parts: dict[str, Any]) -> Iterator[Any]:
    """A metadata store; other kinds have a fixture of their own."""
    opened = load(MetadataStore, settings, **parts)
    yield opened
    opened.close()
