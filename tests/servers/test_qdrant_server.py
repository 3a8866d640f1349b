"""Tests of what the Qdrant adapter sends, and of servers that refuse, fail, hang or are not trusted.

Each server here speaks Qdrant's dialect; the real one is in no package registry.
"""

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import SecretStr, ValidationError

from app.container import OPERATOR, open_services
from app.domain.ids import ChunkId, VersionId, WorkspaceId
from app.errors import BackendUnavailableError, ConfigurationError, ConflictError, DafeError
from app.settings import load_settings
from backends.vectors.base import VectorStore
from backends.vectors.settings import QdrantVectorSettings
from tests.servers.certificates import Authority

pytest.importorskip("qdrant_client", reason="install the extra qdrant")

from backends.vectors.qdrant import QdrantVectorStore, collection_name
from tests.servers.qdrant_dialect import Fault, QdrantDialect, qdrant_dialect

pytestmark = pytest.mark.server
ROOT = Path(__file__).parents[2]
HERE, V1, V2 = WorkspaceId("here"), VersionId("v1"), VersionId("v2")
BOTH = frozenset({V1, V2})
DIMENSION = 8
KEY = "sk-not-to-be-shown"
NAME = collection_name(HERE, f"model-a/{DIMENSION}")


@pytest.fixture
def server() -> Iterator[QdrantDialect]:
    with qdrant_dialect(key=KEY, read_only_key=f"{KEY}-reading") as running:
        yield running


@pytest.fixture
def open_store() -> Iterator[Callable[..., VectorStore]]:
    opened: list[VectorStore] = []

    def open_one(server: QdrantDialect, **values: Any) -> VectorStore:
        settings = QdrantVectorSettings(**{"url": server.url, "api_key": KEY, "timeout_seconds": 20.0, **values})
        opened.append(QdrantVectorStore(settings, embedding_name="model-a", dimension=DIMENSION))
        return opened[-1]

    yield open_one
    for store in opened:
        store.close()


@pytest.fixture
def store(open_store: Callable[..., VectorStore], server: QdrantDialect) -> VectorStore:
    return open_store(server)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def write(store: VectorStore, *names: str, version: VersionId = V1) -> None:
    rows = np.tile(np.eye(DIMENSION, dtype=np.float32)[0], (len(names), 1))
    store.upsert([ChunkId(name) for name in names], rows, workspace_id=HERE, version_id=version)


def found(store: VectorStore) -> list[str]:
    vector = np.eye(DIMENSION, dtype=np.float32)[0]
    return [one.chunk_id for one in store.search(vector, workspace_id=HERE, permitted=BOTH, limit=50)]


def count(store: VectorStore) -> int:
    return store.count(workspace_id=HERE, permitted=BOTH)


CALLS: dict[str, Callable[[VectorStore], object]] = {
    "upsert": lambda store: write(store, "b"),
    "search": found,
    "count": count,
    "delete_versions": lambda store: store.delete_versions([V1], workspace_id=HERE),
    "delete_workspace": lambda store: store.delete_workspace(HERE),
}


def said_by(call: Callable[[VectorStore], object], store: VectorStore, error: type[DafeError]) -> str:
    """The sentence of the one error that may come, without the key, in it or in what would be logged of its cause."""
    with pytest.raises(error) as raised:
        call(store)
    shown = raised.value.message
    cause: BaseException | None = raised.value
    while cause is not None:
        assert KEY not in f"{cause!s} {cause!r}"
        cause = cause.__cause__ or cause.__context__
    assert shown[0].isupper()
    assert shown.endswith(".")
    return shown


def test_a_collection_holds_ids_and_vectors_of_one_workspace_and_model_and_no_text(
    store: VectorStore, server: QdrantDialect
) -> None:
    write(store, "a")
    (name,) = server.names()
    assert name == NAME
    assert "model-a-8" in name
    (point,) = server.points(name)
    assert point.payload == {"chunk_id": "a", "version_id": "v1"}
    assert (name, "version_id") in server.indexes
    assert {one["api-key"] for one in server.headers} == {KEY}


def test_a_point_has_the_same_id_in_every_process(store: VectorStore, server: QdrantDialect) -> None:
    write(store, "01JA0000000000000000000000")
    (point,) = server.points(NAME)
    assert point.id == "e3f99d46-c055-5592-8284-1f999cb26efa"


def test_every_question_and_count_names_the_permitted_versions(store: VectorStore, server: QdrantDialect) -> None:
    write(store, "a")
    found(store)
    count(store)
    asked = [body for path, body in server.requests if path.endswith(("/points/query", "/points/count"))]
    assert len(asked) == 2
    for body in asked:
        assert body["filter"]["must"] == [{"key": "version_id", "match": {"any": ["v1", "v2"]}}]


def test_settings_of_collections_and_searches_reach_the_server(
    open_store: Callable[..., VectorStore], server: QdrantDialect
) -> None:
    for quantisation, sent in (("scalar", {"scalar": {"type": "int8"}}), ("binary", {"binary": {}})):
        store = open_store(server, quantisation=quantisation, compare_all=True)
        write(store, "a")
        found(store)
        (made,) = [body for path, body in server.requests if path == f"PUT /collections/{NAME}"]
        assert made["vectors"] == {"size": DIMENSION, "distance": "Cosine"}
        assert made["quantization_config"] == sent
        (asked,) = [body for path, body in server.requests if path.endswith("/points/query")]
        assert asked["params"]["exact"] is True
        assert asked["params"]["quantization"]["rescore"] is True
        store.delete_workspace(HERE)
        server.requests.clear()


def test_many_wide_vectors_stay_below_the_largest_request_of_a_server(
    open_store: Callable[..., VectorStore], server: QdrantDialect
) -> None:
    settings = QdrantVectorSettings(url=server.url, api_key=SecretStr(KEY))
    store = QdrantVectorStore(settings, embedding_name="wide", dimension=4096)
    rows = np.random.default_rng(1).standard_normal((600, 4096), dtype=np.float32)
    store.upsert([ChunkId(f"c{n}") for n in range(600)], rows, workspace_id=HERE, version_id=V1)
    assert count(store) == 600
    store.close()


def test_a_deleted_version_leaves_no_point(store: VectorStore, server: QdrantDialect) -> None:
    write(store, "a", "b")
    write(store, "c", version=V2)
    store.delete_versions([V1], workspace_id=HERE)
    assert count(store) == 1
    assert [point.payload["chunk_id"] for point in server.points(NAME)] == ["c"]


def test_a_deleted_workspace_leaves_no_collection_and_can_be_written_again(
    store: VectorStore, open_store: Callable[..., VectorStore], server: QdrantDialect
) -> None:
    write(store, "a")
    open_store(server).delete_workspace(HERE)
    assert server.names() == []
    write(store, "b")
    assert found(store) == ["b"]
    assert (NAME, "version_id") in server.indexes


def test_an_index_that_is_missing_is_made_by_the_next_writer(
    store: VectorStore, open_store: Callable[..., VectorStore], server: QdrantDialect
) -> None:
    """Whoever made the collection was stopped before its index was there."""
    write(store, "a")
    server.indexes.clear()
    write(open_store(server), "b")
    assert (NAME, "version_id") in server.indexes


def test_two_processes_that_make_a_collection_at_once_both_write(tmp_path: Path) -> None:
    code = (
        "import sys; sys.argv.pop(0); import numpy as np\n"
        "from backends.vectors.qdrant import QdrantVectorStore\n"
        "from backends.vectors.settings import QdrantVectorSettings\n"
        "store = QdrantVectorStore(QdrantVectorSettings(url=sys.argv[0]), embedding_name='model-a', dimension=8)\n"
        "rows = np.eye(8, dtype=np.float32)[:1]\n"
        "store.upsert([sys.argv[1]], rows, workspace_id='here', version_id='v1'); store.close()\n"
    )
    with qdrant_dialect(creating_together=2) as server:
        children = [
            subprocess.Popen(
                [sys.executable, "-c", code, server.url, name], cwd=ROOT, stderr=subprocess.PIPE, text=True
            )
            for name in ("a", "b")
        ]
        for child in children:
            _, errors = child.communicate(timeout=60)
            assert child.returncode == 0, errors
        assert server.conflicts == 1
        assert sorted(point.payload["chunk_id"] for point in server.points(NAME)) == ["a", "b"]


def test_a_collection_that_another_process_just_made_is_waited_for(store: VectorStore, server: QdrantDialect) -> None:
    server.fault = Fault(status=500, at="/index", times=3)
    write(store, "a")
    assert found(store) == ["a"]


def test_eight_threads_share_one_client(store: VectorStore) -> None:
    def work(number: int) -> None:
        write(store, *(f"c{number}-{n}" for n in range(5)))
        assert f"c{number}-0" in found(store)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert count(store) == 40


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    ("status", "body", "error", "sentence"),
    [
        (401, b"Invalid API key or JWT", ConfigurationError, "refused the api_key"),
        (403, {"status": {"error": "Forbidden: Global access is required"}}, ConfigurationError, "refused the api_key"),
        (404, b"<html>nginx</html>", ConfigurationError, "no Qdrant server at the configured address"),
        (400, {"status": {"error": "Bad request"}}, ConfigurationError, "refused a request"),
        (409, {"status": {"error": "Wrong input"}}, ConflictError, "try again"),
        (429, {"status": {"error": "Rate limiting exceeded"}}, BackendUnavailableError, "try again in a minute"),
        (500, {"status": {"error": "Service internal error"}}, BackendUnavailableError, "did not answer as it should"),
        (503, b"", BackendUnavailableError, "did not answer as it should"),
        (200, b"<html>a page</html>", BackendUnavailableError, "did not answer as it should"),
        (200, {"answer": 42}, BackendUnavailableError, "did not answer as it should"),
        (200, {"result": {"points": [{"id": 1}]}}, BackendUnavailableError, "did not answer as it should"),
    ],
)
def test_what_a_server_answers_is_said_in_a_sentence(
    store: VectorStore, server: QdrantDialect, call: str, status: int, body: object, error: Any, sentence: str
) -> None:
    write(store, "a")
    server.fault = Fault(status=status, body=body, at=NAME if call in {"upsert", "search", "count"} else "/collections")
    assert sentence in said_by(CALLS[call], store, error)
    server.fault = None
    CALLS[call](store)


def test_a_collection_that_is_deleted_again_and_again_is_said(store: VectorStore, server: QdrantDialect) -> None:
    gone = {"status": {"error": f"Not found: Collection `{NAME}` doesn't exist!"}}
    server.fault = Fault(status=404, body=gone, at=f"PUT /collections/{NAME}/points")
    assert "deleted meanwhile" in said_by(CALLS["upsert"], store, BackendUnavailableError)


@pytest.mark.parametrize("key", ["", "another", f"{KEY}x"])
@pytest.mark.parametrize("call", CALLS)
def test_a_wrong_or_missing_key_is_said(
    open_store: Callable[..., VectorStore], server: QdrantDialect, key: str, call: str
) -> None:
    assert "refused the api_key" in said_by(CALLS[call], open_store(server, api_key=key), ConfigurationError)
    assert server.names() == []


def test_a_key_that_may_only_read_is_said(
    open_store: Callable[..., VectorStore], store: VectorStore, server: QdrantDialect
) -> None:
    write(store, "a")
    reading = open_store(server, api_key=f"{KEY}-reading")
    assert found(reading) == ["a"]
    assert "refused the api_key" in said_by(CALLS["upsert"], reading, ConfigurationError)


@pytest.mark.parametrize("key", [f"{KEY}\nX-Other: 1", f"{KEY}ü"])
def test_a_key_that_cannot_be_one_is_said(
    open_store: Callable[..., VectorStore], server: QdrantDialect, key: str
) -> None:
    assert "copy it again" in said_by(found, open_store(server, api_key=key), ConfigurationError)


def test_a_line_end_behind_the_key_does_no_harm(open_store: Callable[..., VectorStore], server: QdrantDialect) -> None:
    assert found(open_store(server, api_key=f"{KEY}\n")) == []


def test_a_short_pause_that_the_server_asks_for_is_made(store: VectorStore, server: QdrantDialect) -> None:
    write(store, "a")
    server.fault = Fault(status=429, headers={"Retry-After": "1"}, times=1)
    start = time.monotonic()
    assert found(store) == ["a"]
    assert time.monotonic() - start >= 1


@pytest.mark.parametrize("wait", ["60", "soon"])
def test_a_long_pause_is_left_to_the_caller(store: VectorStore, server: QdrantDialect, wait: str) -> None:
    write(store, "a")
    server.fault = Fault(status=429, headers={"Retry-After": wait})
    start = time.monotonic()
    assert "try again in a minute" in said_by(found, store, BackendUnavailableError)
    assert time.monotonic() - start < 20


@pytest.mark.parametrize("call", CALLS)
def test_a_connection_that_breaks_once_is_not_noticed_and_twice_is_said(
    store: VectorStore, server: QdrantDialect, call: str
) -> None:
    write(store, "a")
    server.fault = Fault("hang up", times=2)
    said_by(CALLS[call], store, BackendUnavailableError)
    server.fault = Fault("hang up", times=1)
    CALLS[call](store)


@pytest.mark.parametrize("call", ["upsert", "search", "delete_versions"])
@pytest.mark.parametrize("way", ["silence", "one byte a second"])
def test_a_server_that_hangs_or_drips_is_not_waited_for(
    open_store: Callable[..., VectorStore], server: QdrantDialect, way: Any, call: str
) -> None:
    """A byte now and then starts no new time-out; the connection is not used again."""
    store = open_store(server, timeout_seconds=2.0)
    write(store, "a")
    server.fault = Fault(way)
    start = time.monotonic()
    assert "in time" in said_by(CALLS[call], store, BackendUnavailableError)
    assert time.monotonic() - start < 10
    server.fault = None
    CALLS[call](store)


def test_a_server_that_accepts_and_says_nothing_is_not_waited_for(open_store: Callable[..., VectorStore]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        server = QdrantDialect(url=f"http://127.0.0.1:{silent.getsockname()[1]}")
        start = time.monotonic()
        assert "in time" in said_by(found, open_store(server, timeout_seconds=0.4), BackendUnavailableError)
        assert time.monotonic() - start < 10


def test_a_server_that_is_away_is_said(open_store: Callable[..., VectorStore], tmp_path: Path) -> None:
    away = "http://127.0.0.1:9"
    assert "check that it runs" in said_by(found, open_store(QdrantDialect(url=away)), BackendUnavailableError)
    made = load_settings(
        data_dir=tmp_path,
        vectors={"kind": "qdrant", "url": away},
        embeddings={"kind": "hashing"},
        llm={"kind": "none"},
    )
    services = open_services(made)
    (check,) = [one for one in services.health.checks(OPERATOR) if one.name == "Search by meaning"]
    services.close()
    assert not check.ok
    assert "check that it runs" in check.detail


@pytest.mark.parametrize(
    ("host", "expired", "known", "sentence"),
    [
        ("127.0.0.1", False, True, ""),
        ("127.0.0.1", True, True, "has expired"),
        ("qdrant.example", False, True, "for another host"),
        ("127.0.0.2", False, True, "for another host"),
        ("127.0.0.1", False, False, "is not trusted"),
    ],
)
def test_only_the_certificate_of_this_host_from_a_known_signer_is_trusted(
    open_store: Callable[..., VectorStore], authority: Authority, host: str, expired: bool, known: bool, sentence: str
) -> None:
    with qdrant_dialect(tls=authority.server_context(host, expired=expired), key=KEY) as server:
        store = open_store(server, ca_bundle=authority.bundle if known else None)
        if sentence:
            assert sentence in said_by(found, store, ConfigurationError)
            assert server.headers == [], "the key went to a server that is not trusted"
        else:
            write(store, "a")
            assert found(store) == ["a"]


def test_certificates_that_cannot_be_read_are_said(open_store: Callable[..., VectorStore], tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("no certificate")
    for name in ("missing.pem", "", "empty.pem"):
        store = open_store(QdrantDialect(url="https://127.0.0.1:9"), ca_bundle=tmp_path / name)
        assert "ca_bundle" in said_by(found, store, ConfigurationError)


def test_a_proxy_of_the_environment_sees_nothing(
    store: VectorStore, server: QdrantDialect, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert found(store) == []


@pytest.mark.parametrize(
    "url",
    [
        "http://qdrant.example:6333",
        "grpc://x",
        "qdrant.example",
        "https://x/path",
        "https://",
        "https://key@qdrant.example",
        "https://qdrant.example?api-key=x",
    ],
)
def test_an_unsafe_or_incomplete_address_is_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        QdrantVectorSettings(url=url)
