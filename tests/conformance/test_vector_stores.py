"""What every vector store must do."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ulid import ULID

from app.domain.ids import ChunkId, VersionId, WorkspaceId
from app.errors import InvalidInputError
from backends.loading import load
from backends.vectors.base import VectorStore
from backends.vectors.settings import VectorSettings
from tests.conformance.conftest import Child, wait_for
from tests.conformance.implementations import DIMENSION, implementations

V1, V2, V3 = VersionId("v1"), VersionId("v2"), VersionId("v3")
BOTH = frozenset({V1, V2})
Open = Callable[..., VectorStore]


@pytest.fixture(params=implementations(VectorSettings))
def settings(request: pytest.FixtureRequest) -> Any:
    if request.param.server is not None:
        return request.getfixturevalue(f"{request.param.server}_vectors")
    return request.param()


@pytest.fixture
def open_store(settings: Any, parts: dict[str, Any], vectors_folder: Callable[[Any], Path]) -> Iterator[Open]:
    opened: list[VectorStore] = []
    parts = {**parts, "data_dir": vectors_folder(settings)}

    def open_one(**changed: Any) -> VectorStore:
        opened.append(load(VectorStore, settings, **{**parts, **changed}))
        return opened[-1]

    yield open_one
    for store in opened:
        store.close()


@pytest.fixture
def store(open_store: Open) -> VectorStore:
    return open_store()


@pytest.fixture
def here() -> WorkspaceId:
    return WorkspaceId(str(ULID()))


def unit(*values: float) -> Any:
    row = np.zeros(DIMENSION, dtype=np.float32)
    row[: len(values)] = values
    return row / np.linalg.norm(row)


def rows(*vectors: Any) -> Any:
    return np.stack(vectors).astype(np.float32)


def ids(*names: str) -> list[ChunkId]:
    return [ChunkId(name) for name in names]


def found(store: VectorStore, vector: Any, workspace: WorkspaceId, permitted: Any = BOTH, limit: int = 10) -> list[str]:
    return [one.chunk_id for one in store.search(vector, workspace_id=workspace, permitted=permitted, limit=limit)]


def test_the_nearest_chunks_come_first_with_their_cosine(store: VectorStore, here: WorkspaceId) -> None:
    store.upsert(ids("far", "near", "same"), rows(-unit(1), unit(1, 1), unit(1)), workspace_id=here, version_id=V1)
    matches = store.search(unit(1), workspace_id=here, permitted=BOTH, limit=3)
    assert [one.chunk_id for one in matches] == ["same", "near", "far"]
    assert [one.similarity for one in matches] == pytest.approx([1.0, 2**-0.5, -1.0], abs=1e-5)
    assert all(-1.0 <= one.similarity <= 1.0 for one in matches)


def test_chunks_equally_near_come_by_id(store: VectorStore, here: WorkspaceId, settings: Any) -> None:
    names = [f"c{number:02}" for number in range(20)]
    store.upsert(ids(*reversed(names)), rows(*[unit(1, 2, 3)] * 20), workspace_id=here, version_id=V1)
    assert found(store, unit(1, 2, 3), here, limit=20) == names
    few = found(store, unit(1, 2, 3), here, limit=5)
    assert few == (names[:5] if settings.exact else sorted(few))


def test_a_limit_larger_than_the_store_returns_all_and_zero_nothing(store: VectorStore, here: WorkspaceId) -> None:
    store.upsert(ids("a", "b"), rows(unit(1), unit(0, 1)), workspace_id=here, version_id=V1)
    assert found(store, unit(1), here, limit=100) == ["a", "b"]
    assert found(store, unit(1), here, limit=0) == []


def test_an_empty_store_an_unknown_workspace_and_no_permission_find_nothing(
    store: VectorStore, here: WorkspaceId
) -> None:
    assert found(store, unit(1), here) == []
    assert store.count(workspace_id=here, permitted=BOTH) == 0
    store.upsert(ids("a"), rows(unit(1)), workspace_id=here, version_id=V1)
    assert found(store, unit(1), here, frozenset()) == []
    assert found(store, unit(1), WorkspaceId("unknown")) == []
    assert store.count(workspace_id=here, permitted=frozenset()) == 0


def test_search_returns_the_true_nearest_whatever_is_permitted(
    store: VectorStore, here: WorkspaceId, settings: Any
) -> None:
    random = np.random.default_rng(7)
    matrix = random.normal(size=(1500, DIMENSION)).astype(np.float32)
    matrix /= np.linalg.norm(matrix, axis=1, keepdims=True)
    versions = [VersionId(f"v{number % 30}") for number in range(len(matrix))]
    for version in sorted(set(versions)):
        mine = [number for number, one in enumerate(versions) if one == version]
        store.upsert(ids(*(f"c{n:04}" for n in mine)), matrix[mine], workspace_id=here, version_id=version)
    for permitted in (frozenset(versions), frozenset({VersionId("v3")}), frozenset(versions[:7])):
        hits = 0
        for direction in random.normal(size=(20, DIMENSION)).astype(np.float32):
            question = direction / np.linalg.norm(direction)
            allowed = [number for number, one in enumerate(versions) if one in permitted]
            best = sorted(allowed, key=lambda number: -float(matrix[number] @ question))[:10]
            hits += len({f"c{n:04}" for n in best} & set(found(store, question, here, permitted)))
        assert hits >= 200 * (1.0 if settings.exact else 0.98)


def test_an_id_written_twice_is_there_once_with_its_last_vector(store: VectorStore, here: WorkspaceId) -> None:
    store.upsert(ids("a", "b"), rows(unit(1), unit(0, 1)), workspace_id=here, version_id=V1)
    store.upsert(ids("a", "b"), rows(unit(0, 0, 1), unit(0, 1)), workspace_id=here, version_id=V1)
    assert store.count(workspace_id=here, permitted=BOTH) == 2
    matches = store.search(unit(0, 0, 1), workspace_id=here, permitted=BOTH, limit=2)
    assert [(one.chunk_id, round(one.similarity, 4)) for one in matches] == [("a", 1.0), ("b", 0.0)]


def test_an_id_written_for_another_version_belongs_to_that_one(store: VectorStore, here: WorkspaceId) -> None:
    store.upsert(ids("a"), rows(unit(1)), workspace_id=here, version_id=V1)
    assert found(store, unit(1), here, frozenset({V1})) == ["a"]
    store.upsert(ids("a"), rows(unit(1)), workspace_id=here, version_id=V2)
    assert found(store, unit(1), here, frozenset({V1})) == []
    assert found(store, unit(1), here, frozenset({V2})) == ["a"]


@pytest.mark.parametrize("shape", [(1, DIMENSION), (3, DIMENSION), (2, DIMENSION - 1)])
def test_vectors_that_do_not_fit_are_refused_and_nothing_is_stored(
    store: VectorStore, here: WorkspaceId, shape: tuple[int, int]
) -> None:
    with pytest.raises(InvalidInputError, match="embeddings settings"):
        store.upsert(ids("a", "b"), np.ones(shape, dtype=np.float32), workspace_id=here, version_id=V1)
    assert store.count(workspace_id=here, permitted=BOTH) == 0


def test_writing_nothing_is_allowed(store: VectorStore, here: WorkspaceId) -> None:
    store.upsert([], np.zeros((0, DIMENSION), dtype=np.float32), workspace_id=here, version_id=V1)
    assert store.count(workspace_id=here, permitted=BOTH) == 0


def test_other_versions_and_other_workspaces_show_in_no_result_and_no_count(
    store: VectorStore, here: WorkspaceId
) -> None:
    other = WorkspaceId(str(ULID()))
    store.upsert(ids("mine"), rows(unit(1, 1)), workspace_id=here, version_id=V1)
    store.upsert(ids("hidden"), rows(unit(1)), workspace_id=here, version_id=V2)
    store.upsert(ids("mine", "theirs"), rows(unit(1), unit(1)), workspace_id=other, version_id=V1)
    assert found(store, unit(1), here, frozenset({V1})) == ["mine"]
    assert store.search(unit(1), workspace_id=here, permitted=frozenset({V1}), limit=1)[0].similarity < 0.9
    assert store.count(workspace_id=here, permitted=frozenset({V1})) == 1
    assert found(store, unit(1), other, frozenset({V1})) == ["mine", "theirs"]


def test_five_thousand_permitted_versions_are_no_obstacle(store: VectorStore, here: WorkspaceId) -> None:
    store.upsert(ids("a"), rows(unit(1)), workspace_id=here, version_id=V1)
    store.upsert(ids("b"), rows(unit(1)), workspace_id=here, version_id=VersionId("not permitted"))
    many = frozenset({V1, *(VersionId(f"x{number}") for number in range(5000))})
    assert found(store, unit(1), here, many) == ["a"]
    assert store.count(workspace_id=here, permitted=many) == 1


def test_deleted_versions_are_gone_and_others_stay(store: VectorStore, here: WorkspaceId) -> None:
    other = WorkspaceId(str(ULID()))
    for version, name in ((V1, "a"), (V2, "b"), (V3, "c")):
        store.upsert(ids(name), rows(unit(1)), workspace_id=here, version_id=version)
    store.upsert(ids("theirs"), rows(unit(1)), workspace_id=other, version_id=V1)
    everything = frozenset({V1, V2, V3})
    assert found(store, unit(1), here, everything) == ["a", "b", "c"]
    store.delete_versions([V1, V3, VersionId("unknown")], workspace_id=here)
    assert found(store, unit(1), here, everything) == ["b"]
    assert store.count(workspace_id=here, permitted=everything) == 1
    assert found(store, unit(1), other, everything) == ["theirs"]
    store.delete_versions([], workspace_id=here)
    store.delete_versions([V1], workspace_id=WorkspaceId("unknown"))
    assert store.count(workspace_id=here, permitted=everything) == 1


def test_a_deleted_version_can_be_written_again(store: VectorStore, here: WorkspaceId) -> None:
    for vector in (unit(1), unit(0, 1)):
        store.upsert(ids("a"), rows(vector), workspace_id=here, version_id=V1)
        assert found(store, vector, here) == ["a"]
        store.delete_versions([V1], workspace_id=here)
        assert found(store, vector, here) == []


def test_a_deleted_workspace_is_gone_and_others_stay(store: VectorStore, here: WorkspaceId) -> None:
    other = WorkspaceId(str(ULID()))
    store.upsert(ids("a"), rows(unit(1)), workspace_id=here, version_id=V1)
    store.upsert(ids("b"), rows(unit(1)), workspace_id=other, version_id=V1)
    store.delete_workspace(here)
    store.delete_workspace(WorkspaceId("unknown"))
    assert found(store, unit(1), here) == []
    assert found(store, unit(1), other) == ["b"]


def test_two_embedding_models_never_mix(open_store: Open, here: WorkspaceId) -> None:
    first, second = open_store(), open_store(embedding_name="model-b")
    wide = open_store(dimension=DIMENSION * 2)
    first.upsert(ids("a"), rows(unit(1)), workspace_id=here, version_id=V1)
    assert found(second, unit(1), here) == []
    assert second.count(workspace_id=here, permitted=BOTH) == 0
    second.upsert(ids("a"), rows(unit(0, 1)), workspace_id=here, version_id=V1)
    assert found(wide, np.ones(DIMENSION * 2, dtype=np.float32), here) == []
    assert first.search(unit(1), workspace_id=here, permitted=BOTH, limit=5)[0].similarity == pytest.approx(1.0)


def test_deleting_a_workspace_removes_the_vectors_of_every_model(
    open_store: Open, here: WorkspaceId, settings: Any
) -> None:
    if not settings.shared:
        pytest.skip("each object holds its own data")
    first, second = open_store(), open_store(embedding_name="model-b")
    for one in (first, second):
        one.upsert(ids("a"), rows(unit(1)), workspace_id=here, version_id=V1)
    second.delete_versions([V1], workspace_id=here)
    assert first.count(workspace_id=here, permitted=BOTH) == 0
    first.upsert(ids("a"), rows(unit(1)), workspace_id=here, version_id=V1)
    second.delete_workspace(here)
    assert found(first, unit(1), here) == []


def test_the_vectors_of_other_models_go_and_those_of_this_one_stay(
    open_store: Open, here: WorkspaceId, settings: Any
) -> None:
    first, second = open_store(), open_store(embedding_name="model-b")
    wide = open_store(dimension=DIMENSION * 2)
    other = WorkspaceId(str(ULID()))
    for one in (first, second):
        for workspace_id in (here, other):
            one.upsert(ids("a"), rows(unit(1)), workspace_id=workspace_id, version_id=V1)
    wide.upsert(ids("a"), np.eye(1, DIMENSION * 2, dtype=np.float32), workspace_id=here, version_id=V1)
    for _ in range(2):
        second.delete_other_spaces(workspace_id=here)
    second.delete_other_spaces(workspace_id=WorkspaceId("unknown"))
    assert found(second, unit(1), here) == ["a"]
    if not settings.shared:
        pytest.skip("each object holds its own data")
    assert found(first, unit(1), here) == []
    assert [one.count(workspace_id=here, permitted=BOTH) for one in (first, wide)] == [0, 0]
    assert found(first, unit(1), other) == ["a"]
    first.upsert(ids("b"), rows(unit(1)), workspace_id=here, version_id=V1)
    assert (found(first, unit(1), here), found(second, unit(1), here)) == (["b"], ["a"])


def test_a_second_object_sees_what_the_first_wrote_and_deleted(
    open_store: Open, here: WorkspaceId, settings: Any
) -> None:
    if not settings.shared:
        pytest.skip("each object holds its own data")
    first, second = open_store(), open_store()
    first.upsert(ids("a"), rows(unit(1)), workspace_id=here, version_id=V1)
    assert found(second, unit(1), here) == ["a"]
    first.upsert(ids("b"), rows(unit(1)), workspace_id=here, version_id=V2)
    assert found(second, unit(1), here) == ["a", "b"]
    first.delete_versions([V1], workspace_id=here)
    assert found(second, unit(1), here) == ["b"]
    first.close()
    first.close()
    assert found(second, unit(1), here) == ["b"]


def test_vectors_come_back_in_the_order_asked_as_they_were_stored(store: VectorStore, here: WorkspaceId) -> None:
    names = [f"c{number:04}" for number in range(1200)]
    stored = np.random.default_rng(3).normal(size=(len(names), DIMENSION)).astype(np.float32)
    stored /= np.linalg.norm(stored, axis=1, keepdims=True)
    store.upsert(ids(*names), stored, workspace_id=here, version_id=V1)
    asked = [*reversed(names), "unknown"]
    got, rows_got = store.get(ids(*asked), workspace_id=here, permitted=BOTH)
    assert got == asked[:-1]
    assert rows_got.dtype == np.float32
    assert np.allclose(rows_got, stored[::-1], rtol=0, atol=1e-6)


def test_vectors_of_other_workspaces_and_versions_are_left_out(store: VectorStore, here: WorkspaceId) -> None:
    store.upsert(ids("a"), rows(unit(1)), workspace_id=here, version_id=V1)
    store.upsert(ids("b"), rows(unit(1)), workspace_id=here, version_id=V2)
    store.upsert(ids("a"), rows(unit(0, 1)), workspace_id=WorkspaceId(f"{here}x"), version_id=V1)
    got, rows_got = store.get(ids("a", "b"), workspace_id=here, permitted=frozenset({V1}))
    assert got == ["a"]
    assert np.allclose(rows_got, rows(unit(1)))
    for asked in ({"workspace_id": WorkspaceId("unknown")}, {"permitted": frozenset()}, {"permitted": frozenset({V3})}):
        given = {"workspace_id": here, "permitted": BOTH} | asked
        got, rows_got = store.get(ids("a", "b"), **given)
        assert (got, rows_got.shape) == ([], (0, DIMENSION))
    assert store.get([], workspace_id=here, permitted=BOTH)[0] == []


def test_threads_may_write_and_search_at_once(store: VectorStore, here: WorkspaceId) -> None:
    def write(number: int) -> None:
        store.upsert(ids(f"c{number:02}"), rows(unit(1)), workspace_id=here, version_id=V1)
        assert f"c{number:02}" in found(store, unit(1), here, limit=100)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(40)))
    assert store.count(workspace_id=here, permitted=BOTH) == 40
    assert len(found(store, unit(1), here, limit=100)) == 40


def test_processes_that_write_at_once_lose_nothing(
    store: VectorStore, here: WorkspaceId, settings: Any, start_child: Child, vectors_folder: Any
) -> None:
    if not settings.shared:
        pytest.skip("each object holds its own data")
    folder = vectors_folder(settings)
    children = [
        start_child("write_vectors", settings, folder=folder, workspace=here, prefix=prefix, number=20)
        for prefix in ("v1", "v2")
    ]
    for number in range(20):
        store.upsert(ids(f"here{number}"), rows(unit(0, 1)), workspace_id=here, version_id=V3)
        found(store, unit(1), here, limit=100)
    for child in children:
        wait_for(child)
    everything = frozenset({V1, V2, V3})
    assert store.count(workspace_id=here, permitted=everything) == 60
    assert len(set(found(store, unit(1), here, everything, limit=200))) == 60
