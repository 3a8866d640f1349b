"""Tests of our own Chroma server's life, of a remote one, and of what is refused."""

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from app.container import OPERATOR, open_services
from app.domain.ids import ChunkId, VersionId, WorkspaceId
from app.errors import BackendUnavailableError, ConfigurationError
from app.settings import load_settings
from backends.vectors.base import VectorStore
from backends.vectors.chroma_server import ChromaServer
from backends.vectors.settings import ChromaVectorSettings
from tests.servers.requiring import require

pytestmark = pytest.mark.server
ROOT = Path(__file__).parents[2]
HERE, V1 = WorkspaceId("here"), VersionId("v1")
DIMENSION = 8


@pytest.fixture(autouse=True)
def _chroma_is_installed() -> None:
    if find_spec("chromadb") is None:
        require("chroma", "install the extra chroma")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "chroma"


@pytest.fixture
def open_server(folder: Path) -> Iterator[Callable[[], ChromaServer]]:
    opened: list[ChromaServer] = []

    def open_one() -> ChromaServer:
        opened.append(ChromaServer(folder))
        return opened[-1]

    yield open_one
    for server in opened:
        server.close()


@pytest.fixture
def open_store(tmp_path: Path) -> Iterator[Callable[..., VectorStore]]:
    from backends.vectors.chroma import ChromaVectorStore

    opened: list[VectorStore] = []

    def open_one(**values: Any) -> VectorStore:
        settings = ChromaVectorSettings(**values)
        opened.append(ChromaVectorStore(settings, data_dir=tmp_path, embedding_name="model-a", dimension=DIMENSION))
        return opened[-1]

    yield open_one
    for store in opened:
        store.close()


def test_more_versions_may_be_seen_than_one_filter_takes(open_store: Callable[..., VectorStore]) -> None:
    store = open_store()
    seen = [VersionId(f"v{number:05}") for number in range(45_000)]
    rows = np.eye(DIMENSION, dtype=np.float32)
    for place, version_id in enumerate([*seen[:: len(seen) // 5][:5], VersionId("kept from them")]):
        store.upsert([ChunkId(f"c{place}")], rows[place : place + 1], workspace_id=HERE, version_id=version_id)
    scope: dict[str, Any] = {"workspace_id": HERE, "permitted": frozenset(seen)}
    assert store.count(**scope) == 5
    found = store.search(rows[:6].sum(axis=0) / np.float32(6**0.5), limit=9, **scope)
    assert {match.chunk_id for match in found} == {f"c{place}" for place in range(5)}
    assert [match.chunk_id for match in store.search(rows[4], limit=1, **scope)] == ["c4"]
    ids, vectors = store.get([ChunkId("c4"), ChunkId("c5"), ChunkId("c0")], **scope)
    assert ids == ["c4", "c0"]
    assert vectors == pytest.approx(rows[[4, 0]])


def process_of(folder: Path) -> int:
    return int(json.loads((folder / "port.json").read_text())["process"])


def is_running(process: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False


def wait_until(condition: Callable[[], bool], *, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def write(store: VectorStore, *names: str) -> None:
    rows = np.tile(np.eye(DIMENSION, dtype=np.float32)[0], (len(names), 1))
    store.upsert([ChunkId(name) for name in names], rows, workspace_id=HERE, version_id=V1)


def found(store: VectorStore) -> list[str]:
    vector = np.eye(DIMENSION, dtype=np.float32)[0]
    matches = store.search(vector, workspace_id=HERE, permitted=frozenset({V1}), limit=50)
    return [one.chunk_id for one in matches]


def test_all_users_share_one_server_and_the_last_one_ends_it(
    open_server: Callable[[], ChromaServer], folder: Path
) -> None:
    first, second = open_server(), open_server()
    port = first.find_port()
    assert second.find_port() == port
    process = process_of(folder)
    first.close()
    first.close()
    time.sleep(0.5)
    assert second.find_port() == port
    assert process_of(folder) == process
    second.close()
    wait_until(lambda: not is_running(process))


def test_threads_that_ask_at_once_start_one_server(open_server: Callable[[], ChromaServer]) -> None:
    servers = [open_server() for _ in range(4)]
    ports: list[int] = []
    threads = [Thread(target=lambda one=one: ports.append(one.find_port())) for one in servers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ports) == 4
    assert len(set(ports)) == 1


def test_a_server_that_ended_starts_again_for_the_next_user(
    open_server: Callable[[], ChromaServer], folder: Path
) -> None:
    first = open_server()
    first.find_port()
    process = process_of(folder)
    first.close()
    wait_until(lambda: not is_running(process))
    open_server().find_port()
    assert process_of(folder) != process


def test_a_killed_user_counts_as_gone(folder: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from backends.vectors.chroma_server import ChromaServer\n"
        "server = ChromaServer(Path(sys.argv[1])); server.find_port()\n"
        "print('ready', flush=True); sys.stdin.read()\n"
    )
    user = subprocess.Popen(
        [sys.executable, "-c", code, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert user.stdout is not None
    assert user.stdout.readline() == "ready\n"
    process = process_of(folder)
    assert is_running(process)
    user.kill()
    user.communicate()
    wait_until(lambda: not is_running(process))


def test_ctrl_c_in_the_terminal_of_one_user_does_not_reach_the_server(
    open_server: Callable[[], ChromaServer], folder: Path
) -> None:
    open_server().find_port()
    assert os.getpgid(process_of(folder)) != os.getpgid(0)


def test_the_server_listens_on_loopback_only_and_calls_nobody(
    open_store: Callable[..., VectorStore], folder: Path
) -> None:
    store = open_store()
    write(store, "a")
    found(store)
    process = process_of(folder)
    sockets = set()
    for one in Path(f"/proc/{process}/fd").iterdir():
        target = str(one.readlink())
        if target.startswith("socket:"):
            sockets.add(target[8:-1])
    ends = []
    for table in ("tcp", "tcp6", "udp", "udp6"):
        for line in Path(f"/proc/{process}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[9] in sockets:
                ends += [fields[1].split(":")[0], fields[2].split(":")[0]]
    assert ends
    assert set(ends) <= {"0100007F", "00000000"}
    assert ends[0] == "0100007F"


def test_a_killed_server_is_started_again_by_the_next_call_and_nothing_is_lost(
    open_store: Callable[..., VectorStore], folder: Path
) -> None:
    store = open_store()
    names = [f"c{number:02}" for number in range(20)]
    for name in names:
        write(store, name)
    for call in (lambda: found(store), lambda: write(store, "c20")):
        process = process_of(folder)
        os.kill(process, signal.SIGKILL)
        wait_until(lambda process=process: not is_running(process))
        call()
    assert found(store) == [*names, "c20"]
    assert store.count(workspace_id=HERE, permitted=frozenset({V1})) == 21


def test_a_killed_server_that_is_not_quite_gone_is_not_waited_for(
    folder: Path, open_server: Callable[[], ChromaServer]
) -> None:
    folder.mkdir()
    (folder / "port.json").write_text(json.dumps({"port": 1, "process": 1}))
    with (folder / "alive.lock").open("w") as held, ThreadPoolExecutor(1) as threads:
        fcntl.flock(held, fcntl.LOCK_EX)
        found_port = threads.submit(open_server().find_port)
        time.sleep(0.5)
        assert not found_port.done()
        fcntl.flock(held, fcntl.LOCK_UN)
        assert found_port.result(timeout=60) > 1


def test_what_was_written_is_there_after_a_restart(open_store: Callable[..., VectorStore], folder: Path) -> None:
    first = open_store()
    write(first, "a", "b")
    process = process_of(folder)
    first.close()
    wait_until(lambda: not is_running(process))
    assert found(open_store()) == ["a", "b"]


def test_collections_carry_workspace_model_and_dimension_and_hold_no_text(
    open_store: Callable[..., VectorStore], open_server: Callable[[], ChromaServer]
) -> None:
    import chromadb

    write(open_store(), "a")
    client = chromadb.HttpClient(
        host="127.0.0.1", port=open_server().find_port(), settings=chromadb.Settings(anonymized_telemetry=False)
    )
    (collection,) = client.list_collections()
    assert collection.name.startswith("dafe-here-model-a-8-")
    stored = collection.get(include=["documents", "metadatas", "uris"])
    assert stored["documents"] in (None, [None])
    assert stored["metadatas"] == [{"version_id": "v1"}]
    servers = (client._server, client._admin_client._server)
    client.close()
    for server in servers:
        server._session.close()


def test_a_remote_server_is_used_at_its_address(
    open_store: Callable[..., VectorStore], open_server: Callable[[], ChromaServer]
) -> None:
    port = open_server().find_port()
    remote = open_store(url=f"http://127.0.0.1:{port}/", token="secret")
    write(remote, "a")
    assert found(open_store()) == ["a"]


def test_a_remote_server_that_is_away_is_said(open_store: Callable[..., VectorStore]) -> None:
    with pytest.raises(BackendUnavailableError, match="check that it runs"):
        found(open_store(url="http://127.0.0.1:9"))


def test_health_says_that_a_server_is_away(tmp_path: Path) -> None:
    away = {"kind": "chroma", "url": "http://127.0.0.1:9"}
    made = load_settings(data_dir=tmp_path, vectors=away, embeddings={"kind": "hashing"}, llm={"kind": "none"})
    services = open_services(made)
    (check,) = [one for one in services.health.checks(OPERATOR) if one.name == "Search by meaning"]
    services.close()
    assert not check.ok
    assert "check that it runs" in check.detail


def test_certificates_that_cannot_be_read_are_said(open_store: Callable[..., VectorStore], tmp_path: Path) -> None:
    for ca_bundle in (tmp_path / "missing.pem", tmp_path):
        with pytest.raises(ConfigurationError, match="ca_bundle"):
            found(open_store(url="https://127.0.0.1:9", ca_bundle=ca_bundle))


def test_a_remote_server_that_hangs_is_not_waited_for(open_store: Callable[..., VectorStore]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        store = open_store(url=f"http://127.0.0.1:{silent.getsockname()[1]}", timeout_seconds=0.3)
        start = time.monotonic()
        with pytest.raises(BackendUnavailableError):
            found(store)
        assert time.monotonic() - start < 5


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(BackendUnavailableError, match="check the data folder"):
        ChromaServer(tmp_path / "file" / "chroma").find_port()


def test_a_proxy_that_would_see_the_vectors_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:3128")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with pytest.raises(ConfigurationError, match="NO_PROXY"):
        ChromaServer(folder).find_port()


@pytest.mark.parametrize(
    "url", ["http://chroma.example:8000", "ftp://x", "chroma.example", "https://x/path", "https://"]
)
def test_an_unsafe_or_incomplete_address_is_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        ChromaVectorSettings(url=url)


def test_a_server_that_hangs_at_its_start_is_ended_and_started_anew(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backends.vectors.chroma_server._SECONDS_OF_A_TRY", 15.0)
    server = ChromaServer(folder / "chroma")
    launch = server._launch
    hanging: list[subprocess.Popen[bytes]] = []

    def hang_once(port: int) -> "subprocess.Popen[bytes]":
        if hanging:
            return launch(port)
        hanging.append(subprocess.Popen(["sleep", "600"]))
        return hanging[0]

    monkeypatch.setattr(server, "_launch", hang_once)
    try:
        assert server.find_port() > 0
        assert hanging[0].poll() is not None
    finally:
        server.close()
