"""Two workspaces in one Qdrant server: no read or write crosses, and an adapter that forgets a filter is found out."""

from collections.abc import Iterator
from typing import Any

import pytest

from app.domain.ids import WorkspaceId
from backends.vectors.settings import QdrantVectorSettings
from tests.conformance.implementations import DIMENSION
from tests.security.store_isolation import IsolatedVectors, LeakFoundError, check_isolation

pytest.importorskip("qdrant_client", reason="install the extra qdrant")

from backends.vectors import qdrant
from tests.servers.qdrant_dialect import QdrantDialect, qdrant_dialect

pytestmark = pytest.mark.server


@pytest.fixture
def server() -> Iterator[QdrantDialect]:
    with qdrant_dialect() as running:
        yield running


@pytest.fixture
def store(server: QdrantDialect) -> Iterator[qdrant.QdrantVectorStore]:
    opened = qdrant.QdrantVectorStore(
        QdrantVectorSettings(url=server.url), embedding_name="model-a", dimension=DIMENSION
    )
    yield opened
    opened.close()


def test_workspaces_and_hidden_versions_are_kept_apart(store: qdrant.QdrantVectorStore) -> None:
    check_isolation(IsolatedVectors(), lambda: store, examples=6)


@pytest.mark.parametrize("forgetful", ["/points/query", "/points/count"])
def test_a_read_that_forgets_the_permitted_versions_is_found_out(
    store: qdrant.QdrantVectorStore, server: QdrantDialect, forgetful: str
) -> None:
    def forget(asked: str, body: Any) -> Any:
        return {**body, "filter": None} if asked.endswith(forgetful) else body

    server.rewrite = forget
    with pytest.raises(LeakFoundError, match="nearest" if forgetful == "/points/query" else "count"):
        check_isolation(IsolatedVectors(), lambda: store)


def test_workspaces_that_share_a_collection_are_found_out(
    store: qdrant.QdrantVectorStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(qdrant, "name_prefix", lambda _workspace_id: "dafe-all-")
    with pytest.raises(LeakFoundError):
        check_isolation(IsolatedVectors(), lambda: store)


def test_a_deletion_that_takes_every_collection_is_found_out(
    store: qdrant.QdrantVectorStore, server: QdrantDialect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "_collections_of", lambda _workspace_id: server.names())
    with pytest.raises(LeakFoundError, match="write seen"):
        check_isolation(IsolatedVectors(), lambda: store)


def test_no_name_of_a_workspace_begins_like_that_of_another() -> None:
    """A workspace's collections are found by how their names begin."""
    names = [WorkspaceId(name) for name in ("w", "w1", "w-1", "w/1", "", "W")]
    prefixes = {qdrant.name_prefix(name) for name in names}
    assert len(prefixes) == len(names)
    assert len({len(prefix) for prefix in prefixes}) == 1
