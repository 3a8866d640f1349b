"""The edges of a workspace in a process: read once, masked by rights, seen by other processes, true after deletions."""

from pathlib import Path

import numpy as np
import pytest

from app.domain.graph import Contribution, Mention
from app.domain.ids import ChunkId, VersionId, WorkspaceId
from app.pipeline import adjacencies
from app.pipeline.adjacencies import Adjacencies
from app.pipeline.adjacency import Adjacency, Part, codes_of
from app.pipeline.adjacency_building import read_edges
from app.pipeline.adjacency_files import AdjacencyFiles
from app.pipeline.permitted_edges import PermittedEdges, permit
from app.pipeline.retrieval_graph import RetrievalGraph
from backends.graph.memory import MemoryGraphStore
from backends.graph.settings import MemoryGraphSettings
from tests.conformance.graphs import entity

HERE, OTHER = WorkspaceId("here"), WorkspaceId("other")
KEY = b"key"


class WatchedGraph(MemoryGraphStore):
    """Notes which versions' mentions were read."""

    def __init__(self) -> None:
        super().__init__(MemoryGraphSettings())
        self.read: list[frozenset[VersionId]] = []

    def find_mentions(self, *, workspace_id: WorkspaceId, permitted: frozenset[VersionId]) -> list[Mention]:
        self.read.append(permitted)
        return super().find_mentions(workspace_id=workspace_id, permitted=permitted)


def versions(*names: str) -> frozenset[VersionId]:
    return frozenset(map(VersionId, names))


def fill(graph: MemoryGraphStore, version: str, *names: str, workspace_id: WorkspaceId = HERE, count: int = 1) -> None:
    """One chunk of the version that has these names."""
    entities = tuple(entity(name) for name in names)
    mentions = tuple(Mention(one.id, ChunkId(f"c-{version}"), VersionId(version), count) for one in entities)
    graph.add(Contribution(entities, mentions, ()), workspace_id=workspace_id)


def chunks_of(adjacency: Adjacency, name: str, permitted: frozenset[VersionId]) -> set[str]:
    graph = RetrievalGraph(permit(adjacency, permitted), KEY)
    number = graph.number_of(entity(name))
    return {one for one, _ in graph.rank(names={number: 1.0}, chunks={}, limit=9)} if number >= 0 else set()


@pytest.fixture
def graph() -> WatchedGraph:
    graph = WatchedGraph()
    fill(graph, "v1", "Warfarin", "Aspirin")
    fill(graph, "v2", "Aspirin", "Heparin")
    return graph


def test_versions_are_read_once_whoever_asks(graph: WatchedGraph) -> None:
    held = Adjacencies(graph, key=KEY)
    for permitted in (versions("v1"), versions("v1", "v2"), versions("v2"), versions("v1")):
        adjacency = held.get(workspace_id=HERE, permitted=permitted)
        assert chunks_of(adjacency, "Aspirin", permitted) == {f"c-{one}" for one in permitted}
    assert graph.read == [versions("v1"), versions("v2")]
    assert held.get(workspace_id=OTHER, permitted=versions("v1")).chunks == 0


def test_other_processes_map_what_the_worker_wrote_and_read_only_what_came_since(
    graph: WatchedGraph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adjacencies, "_LEAST_WORTH_WRITING", 2)
    files = AdjacencyFiles(tmp_path)
    Adjacencies(graph, key=KEY, files=files).refresh(HERE, find_versions=lambda: versions("v1", "v2"))
    assert files.current(HERE)
    graph.read.clear()
    fill(graph, "v3", "Aspirin", "Digoxin")
    reader = Adjacencies(graph, key=KEY, files=files)
    every = versions("v1", "v2", "v3")
    adjacency = reader.get(workspace_id=HERE, permitted=every)
    assert graph.read == [versions("v3")]
    assert isinstance(adjacency.parts[0].by_chunk.columns, np.memmap)
    assert chunks_of(adjacency, "Aspirin", every) == {"c-v1", "c-v2", "c-v3"}
    assert chunks_of(adjacency, "Digoxin", every) == {"c-v1", "c-v2", "c-v3"}
    assert chunks_of(adjacency, "Digoxin", versions("v3")) == {"c-v3"}


def test_a_deleted_workspace_leaves_no_files(
    graph: WatchedGraph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adjacencies, "_LEAST_WORTH_WRITING", 2)
    held = Adjacencies(graph, key=KEY, files=AdjacencyFiles(tmp_path))
    held.refresh(HERE, find_versions=lambda: versions("v1", "v2"))
    held.forget(HERE)
    assert list(tmp_path.iterdir()) == [tmp_path / HERE]
    held.delete(HERE)
    assert list(tmp_path.iterdir()) == []


def test_few_new_edges_are_not_worth_writing(graph: WatchedGraph, tmp_path: Path) -> None:
    files = AdjacencyFiles(tmp_path)
    Adjacencies(graph, key=KEY, files=files).refresh(HERE, find_versions=lambda: versions("v1", "v2"))
    assert files.current(HERE) == ""


def test_a_version_that_went_leaves_the_files_at_once(
    graph: WatchedGraph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adjacencies, "_LEAST_WORTH_WRITING", 2)
    files = AdjacencyFiles(tmp_path)
    worker, reader = (Adjacencies(graph, key=KEY, files=files) for _ in range(2))
    worker.refresh(HERE, find_versions=lambda: versions("v1", "v2"))
    reader.get(workspace_id=HERE, permitted=versions("v1", "v2"))
    graph.delete_versions([VersionId("v1")], workspace_id=HERE)
    worker.refresh(HERE, find_versions=lambda: versions("v2"))
    adjacency = reader.get(workspace_id=HERE, permitted=versions("v2"))
    assert adjacency.versions == versions("v2")
    assert adjacency.chunks == 1
    assert chunks_of(adjacency, "Warfarin", versions("v2")) == set()
    assert b"c-v1" not in b"".join(path.read_bytes() for path in tmp_path.rglob("*.npy"))


class ReplacedFiles(AdjacencyFiles):
    """Another process writes a new generation just before the one that was named is opened."""

    def open(self, workspace_id: WorkspaceId, generation: str) -> Part | None:
        if not self.replaced:
            self.replaced = True
            part = super().open(workspace_id, generation)
            assert part is not None
            self.write(workspace_id, part)
        return super().open(workspace_id, generation)

    replaced = False


def test_files_that_are_replaced_while_they_are_opened_are_looked_for_again(
    graph: WatchedGraph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adjacencies, "_LEAST_WORTH_WRITING", 2)
    every = versions("v1", "v2")
    Adjacencies(graph, key=KEY, files=AdjacencyFiles(tmp_path)).refresh(HERE, find_versions=lambda: every)
    graph.read.clear()
    held = Adjacencies(graph, key=KEY, files=ReplacedFiles(tmp_path)).get(workspace_id=HERE, permitted=every)
    assert graph.read == []
    assert held.versions == every


def test_a_workspace_without_documents_has_no_files(
    graph: WatchedGraph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adjacencies, "_LEAST_WORTH_WRITING", 2)
    worker = Adjacencies(graph, key=KEY, files=AdjacencyFiles(tmp_path))
    worker.refresh(HERE, find_versions=lambda: versions("v1", "v2"))
    worker.refresh(HERE, find_versions=frozenset)
    assert list(tmp_path.iterdir()) == []


def test_damaged_files_are_made_anew_from_the_store(
    graph: WatchedGraph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adjacencies, "_LEAST_WORTH_WRITING", 2)
    files = AdjacencyFiles(tmp_path)
    every = versions("v1", "v2")
    Adjacencies(graph, key=KEY, files=files).refresh(HERE, find_versions=lambda: every)
    damaged = files.current(HERE)
    (tmp_path / HERE / damaged / "chunk_ids.npy").write_bytes(b"")
    again = Adjacencies(graph, key=KEY, files=files)
    assert chunks_of(again.get(workspace_id=HERE, permitted=every), "Aspirin", every) == {"c-v1", "c-v2"}
    again.refresh(HERE, find_versions=lambda: every)
    assert files.current(HERE) != damaged
    assert files.open(HERE, files.current(HERE)) is not None


def test_what_was_extracted_again_is_read_again(graph: WatchedGraph, tmp_path: Path) -> None:
    held = Adjacencies(graph, key=KEY, files=AdjacencyFiles(tmp_path))
    held.get(workspace_id=HERE, permitted=versions("v1"))
    graph.delete_versions([VersionId("v1")], workspace_id=HERE)
    fill(graph, "v1", "Digoxin")
    held.forget(HERE)
    adjacency = held.get(workspace_id=HERE, permitted=versions("v1"))
    assert chunks_of(adjacency, "Digoxin", versions("v1")) == {"c-v1"}
    assert chunks_of(adjacency, "Warfarin", versions("v1")) == set()


def test_topics_weigh_more_and_what_has_no_name_less_beside_them() -> None:
    graph = MemoryGraphStore(MemoryGraphSettings())
    named, topic, thing, person = (
        entity(name, type_=type_, id_=f"{name}-{type_}")
        for name, type_ in (("Warfarin", "Drug"), ("INR", "Topic"), ("dose", "Concept"), ("INR", "Person"))
    )
    for chunk, entities in (("c1", (named, topic, thing, person)), ("c2", (named, thing))):
        mentions = tuple(
            Mention(one.id, ChunkId(chunk), VersionId("v1"), 2 if one is named else 1, one is topic) for one in entities
        )
        graph.add(Contribution(entities, mentions, ()), workspace_id=HERE)
    edges = read_edges(graph, workspace_id=HERE, versions=versions("v1"), key=KEY)
    names = dict(
        zip(map(int, codes_of(["warfarin", "inr", "dose"], key=KEY)), ("warfarin", "inr", "dose"), strict=True)
    )
    weights = {
        (edges.chunk_ids[chunk].decode(), names[int(name)]): round(float(weight), 3)
        for chunk, name, weight in zip(edges.chunks, edges.names, edges.weights, strict=True)
    }
    assert weights == {
        ("c1", "warfarin"): 1.693,
        ("c1", "inr"): 3.0,
        ("c1", "dose"): 0.2,
        ("c2", "warfarin"): 1.693,
        ("c2", "dose"): 1.0,
    }


@pytest.mark.parametrize("mask", [True, False])
def test_no_mass_comes_over_chunks_that_are_not_permitted(graph: WatchedGraph, mask: bool) -> None:
    """With the mutant that leaves the mask out, what somebody may not see decides what they find."""
    held = Adjacencies(graph, key=KEY)
    adjacency = held.get(workspace_id=HERE, permitted=versions("v1", "v2"))
    graph_seen = RetrievalGraph(permit(adjacency, versions("v1") if mask else versions("v1", "v2")), KEY)
    alone = RetrievalGraph(_alone(graph), KEY)
    seen = [one.rank(names={one.number_of(entity("Aspirin")): 1.0}, chunks={}, limit=9) for one in (graph_seen, alone)]
    assert (seen[0] == seen[1]) is mask


def _alone(graph: WatchedGraph) -> PermittedEdges:
    adjacency = Adjacencies(graph, key=KEY).get(workspace_id=HERE, permitted=versions("v1"))
    return permit(adjacency, versions("v1"))
