"""Vectors deleted from Chroma are in none of its files any more: queue, index, free pages."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.domain.ids import ChunkId, VersionId, WorkspaceId
from backends.vectors.base import Vectors, VectorStore
from backends.vectors.chroma_server import ChromaServer
from backends.vectors.settings import ChromaVectorSettings
from tests.security.raw_files import windows_in, windows_of
from tests.servers.requiring import require

pytestmark = pytest.mark.server
HERE, THERE = WorkspaceId("here"), WorkspaceId("there")
DIMENSION, A_VERSION = 32, 10
Open = Callable[..., VectorStore]


@pytest.fixture
def open_store(tmp_path: Path) -> Iterator[Open]:
    if find_spec("chromadb") is None:
        require("chroma", "install the extra chroma")
    from backends.vectors.chroma import ChromaVectorStore

    opened: list[VectorStore] = []

    def open_one() -> VectorStore:
        parts: dict[str, Any] = {"data_dir": tmp_path, "embedding_name": "model-a", "dimension": DIMENSION}
        opened.append(ChromaVectorStore(ChromaVectorSettings(), **parts))
        return opened[-1]

    yield open_one
    for store in opened:
        store.close()


def fill(store: VectorStore, workspace_id: WorkspaceId, *, versions: int, seed: int) -> dict[VersionId, Vectors]:
    random = np.random.default_rng(seed)
    written = {}
    for number in range(versions):
        rows = random.standard_normal((A_VERSION, DIMENSION), dtype=np.float32)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        version_id = VersionId(f"v{number}")
        ids = [ChunkId(f"{workspace_id}-{number}-{row}") for row in range(A_VERSION)]
        store.upsert(ids, rows, workspace_id=workspace_id, version_id=version_id)
        written[version_id] = rows
    return written


def bytes_of(written: dict[VersionId, Vectors], versions: list[VersionId]) -> set[bytes]:
    return windows_of(row.astype("<f4").tobytes() for version_id in versions for row in written[version_id])


@pytest.mark.parametrize("versions", [12, 130])
def test_deleted_vectors_are_in_no_file_and_the_others_are_found(
    open_store: Open, tmp_path: Path, versions: int
) -> None:
    """In the queue alone, and past the thousand after which the index is written."""
    store = open_store()
    written = fill(store, HERE, versions=versions, seed=1)
    gone, kept = list(written)[::3], [one for one in written if one not in list(written)[::3]]
    searched, deleted = [tmp_path / "chroma"], bytes_of(written, gone)
    # Not all: the index makes some a last bit longer or shorter.
    assert len(set().union(*windows_in(searched, deleted).values())) > len(deleted) / 2
    store.delete_versions(gone, workspace_id=HERE)
    assert windows_in(searched, deleted) == {}
    for opened in (store, open_store()):
        assert opened.count(workspace_id=HERE, permitted=frozenset(written)) == len(kept) * A_VERSION
        for version_id in kept[:3]:
            (best,) = opened.search(written[version_id][4], workspace_id=HERE, permitted=frozenset(written), limit=1)
            assert best.chunk_id == f"here-{version_id[1:]}-4"
    store.delete_versions(gone, workspace_id=HERE)
    assert windows_in(searched, deleted) == {}


def without_live_indexes(data: Path) -> list[Path]:
    """Everything but the index folders in use: in the unused part of a new one Chroma writes what its memory held."""
    with closing(sqlite3.connect(data / "chroma.sqlite3")) as database:
        live = {row[0] for row in database.execute("SELECT id FROM segments")}
    return [path for path in data.iterdir() if path.name not in live]


def test_a_deleted_workspace_leaves_no_vector(open_store: Open, tmp_path: Path) -> None:
    store = open_store()
    ours, theirs = (fill(store, one, versions=6, seed=seed) for seed, one in enumerate((HERE, THERE)))
    store.delete_workspace(HERE)
    data = tmp_path / "chroma" / "data"
    assert windows_in(without_live_indexes(data), bytes_of(ours, list(ours))) == {}
    assert windows_in([data], bytes_of(theirs, list(theirs)))
    assert store.count(workspace_id=THERE, permitted=frozenset(theirs)) == 6 * A_VERSION


@pytest.mark.parametrize("forgotten", ["overwriting", "writing the index", "writing the database"])
def test_each_step_of_a_deletion_is_needed(
    open_store: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forgotten: str
) -> None:
    import backends.vectors.chroma

    store = open_store()
    written = fill(store, HERE, versions=110, seed=3)
    gone = list(written)[:5]
    steps: dict[str, tuple[Any, str, Callable[..., None]]] = {
        "overwriting": (backends.vectors.chroma, "overwrite", lambda collection, ids: collection.delete(ids=ids)),
        "writing the index": (backends.vectors.chroma, "sync", lambda _collection: None),
        "writing the database": (ChromaServer, "wipe", lambda _self: None),
    }
    monkeypatch.setattr(*steps[forgotten])
    store.delete_versions(gone, workspace_id=HERE)
    assert windows_in([tmp_path / "chroma"], bytes_of(written, gone))
