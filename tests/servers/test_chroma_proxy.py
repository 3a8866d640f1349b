"""Tests of a real Chroma server behind a proxy with TLS and token, as a remote one has to be."""

import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ulid import ULID

from app.domain.ids import ChunkId, VersionId, WorkspaceId
from app.errors import BackendUnavailableError, ConfigurationError, DafeError
from backends.vectors.base import VectorStore
from backends.vectors.chroma_server import ChromaServer
from backends.vectors.settings import ChromaVectorSettings
from tests.servers.certificates import Authority
from tests.servers.requiring import require
from tests.servers.token_proxy import TokenProxy, token_proxy

pytestmark = [
    pytest.mark.server,
    # Chroma's client takes the certificates as a path and hands it on so.
    pytest.mark.filterwarnings("ignore:`verify=<str>` is deprecated:DeprecationWarning"),
]
V1, V2 = VersionId("v1"), VersionId("v2")
DIMENSION = 8
TOKEN = "tk-not-to-be-shown"
Open = Callable[..., VectorStore]


@pytest.fixture(scope="module")
def chroma(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChromaServer]:
    if find_spec("chromadb") is None:
        require("chroma", "install the extra chroma")
    server = ChromaServer(tmp_path_factory.mktemp("behind") / "chroma")
    server.find_port()
    yield server
    server.close()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def proxy(chroma: ChromaServer, authority: Authority) -> Iterator[TokenProxy]:
    with token_proxy(chroma.find_port(), tls=authority.server_context(), token=TOKEN) as running:
        yield running


@pytest.fixture
def open_store(tmp_path: Path, authority: Authority) -> Iterator[Open]:
    from backends.vectors.chroma import ChromaVectorStore

    opened: list[VectorStore] = []

    def open_one(proxy: TokenProxy, **values: Any) -> VectorStore:
        given = {"url": proxy.url, "token": TOKEN, "ca_bundle": authority.bundle, "timeout_seconds": 20.0, **values}
        settings = ChromaVectorSettings(**given)
        opened.append(ChromaVectorStore(settings, data_dir=tmp_path, embedding_name="model-a", dimension=DIMENSION))
        return opened[-1]

    yield open_one
    for store in opened:
        store.close()


@pytest.fixture
def here() -> WorkspaceId:
    return WorkspaceId(str(ULID()))


def write(store: VectorStore, here: WorkspaceId, *names: str, version: VersionId = V1) -> None:
    rows = np.tile(np.eye(DIMENSION, dtype=np.float32)[0], (len(names), 1))
    store.upsert([ChunkId(name) for name in names], rows, workspace_id=here, version_id=version)


def found(store: VectorStore, here: WorkspaceId) -> list[str]:
    vector = np.eye(DIMENSION, dtype=np.float32)[0]
    matches = store.search(vector, workspace_id=here, permitted=frozenset({V1, V2}), limit=50)
    return [one.chunk_id for one in matches]


def said_by(call: Callable[[], object], error: type[DafeError]) -> str:
    """The sentence of the one error that may come, without the token, in it or in what would be logged of its cause."""
    with pytest.raises(error) as raised:
        call()
    cause: BaseException | None = raised.value
    while cause is not None:
        assert TOKEN not in f"{cause!s} {cause!r}"
        cause = cause.__cause__ or cause.__context__
    return raised.value.message


def test_everything_works_through_tls_and_token(open_store: Open, proxy: TokenProxy, here: WorkspaceId) -> None:
    store = open_store(proxy)
    write(store, here, "a", "b")
    write(store, here, "c", version=V2)
    assert found(store, here) == ["a", "b", "c"]
    assert store.count(workspace_id=here, permitted=frozenset({V1})) == 2
    store.delete_versions([V1], workspace_id=here)
    assert found(open_store(proxy), here) == ["c"]
    store.delete_workspace(here)
    assert found(open_store(proxy), here) == []
    assert len(proxy.seen) > 10


@pytest.mark.parametrize("token", ["", "another", f"{TOKEN}x"])
@pytest.mark.parametrize("without_token", ["/none", "/api/v2/heartbeat"])
def test_a_wrong_or_missing_token_is_said(
    open_store: Open, proxy: TokenProxy, here: WorkspaceId, token: str, without_token: str
) -> None:
    """Also where the proxy lets a health check through without one."""
    proxy.without_token = without_token
    store = open_store(proxy, token=token)
    for call in (lambda: found(store, here), lambda: write(store, here, "a")):
        assert "refused the token" in said_by(call, ConfigurationError)


@pytest.mark.parametrize("token", [f"{TOKEN}\nX-Other: 1", f"{TOKEN}ü"])
def test_a_token_that_cannot_be_one_is_said(open_store: Open, proxy: TokenProxy, here: WorkspaceId, token: str) -> None:
    store = open_store(proxy, token=token)
    assert "copy it again" in said_by(lambda: found(store, here), ConfigurationError)


def test_a_token_that_is_withdrawn_is_said_and_works_again_later(
    open_store: Open, proxy: TokenProxy, here: WorkspaceId
) -> None:
    store = open_store(proxy)
    write(store, here, "a")
    proxy.token = "another"
    for call in (
        lambda: found(store, here),
        lambda: write(store, here, "a"),
        lambda: store.delete_versions([V2], workspace_id=here),
    ):
        assert "refused the token" in said_by(call, ConfigurationError)
    proxy.token = TOKEN
    assert found(store, here) == ["a"]


@pytest.mark.parametrize("status", [404, 429, 500, 502, 503])
def test_a_page_of_the_proxy_instead_of_an_answer_is_said(
    open_store: Open, proxy: TokenProxy, here: WorkspaceId, status: int
) -> None:
    store = open_store(proxy)
    write(store, here, "a")
    proxy.status = status
    for call in (lambda: found(store, here), lambda: found(open_store(proxy), here)):
        assert "did not answer as it should" in said_by(call, BackendUnavailableError)
    proxy.status = 0
    assert found(store, here) == ["a"]


@pytest.mark.parametrize(
    ("host", "expired", "known", "sentence"),
    [
        ("127.0.0.1", True, True, "has expired"),
        ("chroma.example", False, True, "for another host"),
        ("127.0.0.2", False, True, "for another host"),
        ("127.0.0.1", False, False, "is not trusted"),
    ],
)
def test_only_the_certificate_of_this_host_from_a_known_signer_is_trusted(
    open_store: Open,
    chroma: ChromaServer,
    authority: Authority,
    here: WorkspaceId,
    host: str,
    expired: bool,
    known: bool,
    sentence: str,
) -> None:
    tls = authority.server_context(host, expired=expired)
    with token_proxy(chroma.find_port(), tls=tls, token=TOKEN) as proxy:
        store = open_store(proxy, ca_bundle=authority.bundle if known else None)
        assert sentence in said_by(lambda: found(store, here), ConfigurationError)
        assert proxy.seen == [], "the token went to a server that is not trusted"


def test_a_proxy_that_drips_is_not_waited_for(open_store: Open, proxy: TokenProxy, here: WorkspaceId) -> None:
    store = open_store(proxy, timeout_seconds=4.0)
    write(store, here, "a")
    proxy.drips = True
    for call in (lambda: found(store, here), lambda: found(open_store(proxy, timeout_seconds=4.0), here)):
        start = time.monotonic()
        said_by(call, BackendUnavailableError)
        assert time.monotonic() - start < 20
    proxy.drips = False
    assert found(store, here) == ["a"]
