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

from backends.graph.settings import Neo4jGraphSettings
from backends.loading import load
from backends.metadata.base import MetadataStore
from backends.settings import BackendSettings
from backends.sql.engine import Database
from backends.sql.migrating import upgrade
from backends.vectors.settings import ChromaVectorSettings
from tests.conformance.implementations import open_database, parts_for
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


def _plain(value: Any) -> str:
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


@pytest.fixture
def neo4j_graph(request: pytest.FixtureRequest) -> Neo4jGraphSettings:
    """A real Neo4j server whose graph is empty."""
    if find_spec("neo4j") is None:
        require("neo4j", "install the extra neo4j")
    from tests.servers.real_neo4j import shared_neo4j

    server = shared_neo4j(request.config)
    server.empty()
    return server.settings()


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


@pytest.fixture
def settings(request: pytest.FixtureRequest) -> Any:
    return request.param()


@pytest.fixture
def store(settings: Any, parts: dict[str, Any]) -> Iterator[Any]:
    """A metadata store; other kinds have a fixture of their own."""
    opened = load(MetadataStore, settings, **parts)
    yield opened
    opened.close()
