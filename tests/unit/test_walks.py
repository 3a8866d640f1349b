"""Walks over names and chunks: against the dense sum, under masks, in one part and two, in memory and in files."""

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.ids import ChunkId, VersionId, WorkspaceId
from app.pipeline import pagerank
from app.pipeline.adjacency import Adjacency, codes_of
from app.pipeline.adjacency_building import Edges, assemble, edges_of, join
from app.pipeline.adjacency_files import AdjacencyFiles
from app.pipeline.pagerank import DAMPING, ITERATIONS, walk
from app.pipeline.permitted_edges import permit
from app.pipeline.retrieval_graph import RetrievalGraph

HERE = WorkspaceId("here")
KEY = b"key"
NAMES = 6
VERSIONS = 3
Drawn = dict[tuple[int, int], float]
drawn_edges = st.dictionaries(
    st.tuples(st.integers(0, 11), st.integers(0, NAMES - 1)), st.floats(0.25, 8), min_size=1, max_size=30
)
shares = st.dictionaries(st.integers(0, 11), st.floats(0.1, 1), max_size=4)


def version_of(chunk: int) -> int:
    return chunk % VERSIONS


def edges(drawn: Drawn, versions: list[int]) -> Edges:
    """Chunk c is of version c mod 3; its id is c3 and its names are n0 to n5."""
    chunks = sorted({chunk for chunk, _ in drawn if version_of(chunk) in versions})
    kept = [(chunks.index(chunk), name, weight) for (chunk, name), weight in drawn.items() if chunk in chunks]
    return Edges(
        versions=tuple(VersionId(f"v{one}") for one in versions),
        chunk_ids=np.array([f"c{chunk}".encode() for chunk in chunks], dtype="S3"),
        chunk_versions=np.array([versions.index(version_of(chunk)) for chunk in chunks], dtype=np.int32),
        chunks=np.array([chunk for chunk, _, _ in kept], dtype=np.int64),
        names=codes_of((f"n{name}" for _, name, _ in kept), key=KEY),
        weights=np.array([weight for *_, weight in kept], dtype=np.float32),
    )


def in_one_part(drawn: Drawn) -> Adjacency:
    return Adjacency((assemble(edges(drawn, [0, 1, 2])),))


def in_two_parts(drawn: Drawn) -> Adjacency:
    first = assemble(edges(drawn, [0, 1]))
    return Adjacency((first, assemble(edges(drawn, [2]), after=first)))


def walked(adjacency: Adjacency, permitted: set[int], names: dict[int, float], chunks: dict[int, float]) -> list[float]:
    """The mass of the chunks c0 to c11; seeds that are not there are left out."""
    chunk_numbers = adjacency.find_chunks([ChunkId(f"c{chunk}") for chunk in range(12)])
    name_numbers = adjacency.find_names([f"n{name}" for name in range(NAMES)], key=KEY)
    mass = walk(
        permit(adjacency, frozenset(VersionId(f"v{one}") for one in permitted)),
        names={int(name_numbers[name]): share for name, share in names.items() if name_numbers[name] >= 0},
        chunks={int(chunk_numbers[chunk]): share for chunk, share in chunks.items()},
    )
    return [float(mass[number]) if number >= 0 else 0.0 for number in chunk_numbers]


def summed(drawn: Drawn, permitted: set[int], names: dict[int, float], chunks: dict[int, float]) -> list[float]:
    """The same by a full matrix over the permitted chunks alone."""
    size = NAMES + 12
    weights = np.zeros((size, size))
    for (chunk, name), weight in drawn.items():
        if version_of(chunk) in permitted:
            weights[name, NAMES + chunk] = weights[NAMES + chunk, name] = weight
    strength = weights.sum(axis=0)
    transition = np.divide(weights, strength, out=np.zeros_like(weights), where=strength > 0)
    restart = np.zeros(size)
    for place, share in [*names.items(), *((NAMES + chunk, share) for chunk, share in chunks.items())]:
        restart[place] += share
    if not restart.sum():
        return [0.0] * 12
    restart /= restart.sum()
    mass = restart
    for _ in range(ITERATIONS):
        mass = (1 - DAMPING) * restart + DAMPING * transition @ mass
    return [float(one) for one in mass[NAMES:]]


def seeds(drawn: Drawn, permitted: set[int], drawn_shares: dict[int, float]) -> tuple[Any, Any]:
    """Names and chunks that the permitted chunks have."""
    there = {(chunk, name) for chunk, name in drawn if version_of(chunk) in permitted}
    names = {name: drawn_shares[name] for _, name in there if name in drawn_shares}
    chunks = {chunk: drawn_shares[chunk] for chunk, _ in there if chunk in drawn_shares}
    return names, chunks


@given(drawn_edges, shares, st.sets(st.integers(0, VERSIONS - 1)))
@settings(deadline=None)
def test_a_walk_is_the_sum_over_the_permitted_chunks_alone(
    drawn: Drawn, drawn_shares: dict[int, float], permitted: set[int]
) -> None:
    names, chunks = seeds(drawn, permitted, drawn_shares)
    exact = summed(drawn, permitted, names, chunks)
    for adjacency in (in_one_part(drawn), in_two_parts(drawn)):
        found = walked(adjacency, permitted, names, chunks)
        assert found == pytest.approx(exact, abs=3e-5)
        assert all(mass == 0 for chunk, mass in enumerate(found) if version_of(chunk) not in permitted)


def test_a_crowd_of_chunks_that_are_not_permitted_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is too little to go on is measured by what is permitted."""
    monkeypatch.setattr(pagerank, "_TOO_LITTLE", 1e-8)
    near: Drawn = {(0, 0): 1.0, (3, 0): 1.0, (3, 1): 1.0, (6, 1): 1.0}
    crowd = Edges(
        versions=(VersionId("hidden"),),
        chunk_ids=np.array([f"x{number}".encode() for number in range(30_000)]),
        chunk_versions=np.zeros(30_000, dtype=np.int32),
        chunks=np.repeat(np.arange(30_000), 2),
        names=np.tile(codes_of(["n0", "n1"], key=KEY), 30_000),
        weights=np.ones(600_000, dtype=np.float32),
    )
    alone = Adjacency((assemble(edges(near, [0])),))
    among = Adjacency((assemble(join(edges(near, [0]), crowd)),))
    start = {0: 0.001}
    assert walked(among, {0}, start, {3: 0.999}) == walked(alone, {0}, start, {3: 0.999})


@given(drawn_edges)
@settings(deadline=None)
def test_parts_are_taken_apart_and_joined_without_loss(drawn: Drawn) -> None:
    first, second = in_two_parts(drawn).parts
    codes = np.concatenate([first.name_codes, second.name_codes])
    again = join(edges_of(first), edges_of(second, names=codes))
    assert listed(again) == listed(edges(drawn, [0, 1, 2]))
    left = edges_of(assemble(again), but={VersionId("v1")})
    assert listed(left) == listed(edges(drawn, [0, 2]))
    assert left.versions == ("v0", "v2")


def listed(found: Edges) -> set[tuple[bytes, str, int, float]]:
    return {
        (
            bytes(found.chunk_ids[chunk]),
            found.versions[found.chunk_versions[chunk]],
            int(name),
            round(float(weight), 4),
        )
        for chunk, name, weight in zip(found.chunks, found.names, found.weights, strict=True)
    }


def test_of_equal_chunks_the_first_by_id_ranks_first() -> None:
    drawn = {(chunk, 0): 1.0 for chunk in range(12)}
    adjacency = in_one_part(drawn)
    graph = RetrievalGraph(permit(adjacency, frozenset({VersionId("v0"), VersionId("v1")})), KEY)
    name = int(adjacency.find_names(["n0"], key=KEY)[0])
    ranked = graph.rank(names={name: 1.0}, chunks={}, limit=3)
    assert [chunk_id for chunk_id, _ in ranked] == ["c0", "c1", "c10"]
    assert len(graph.rank(names={name: 1.0}, chunks={}, limit=50)) == 8
    assert graph.rank(names={}, chunks={}, limit=3) == []


def test_names_are_coded_with_the_key() -> None:
    assert codes_of(["warfarin"], key=b"a") != codes_of(["warfarin"], key=b"b")
    assert codes_of(["warfarin"], key=b"a") == codes_of(["warfarin"], key=b"a")


def test_files_give_back_what_was_written_and_hold_the_last_whole_generation(tmp_path: Path) -> None:
    files = AdjacencyFiles(tmp_path)
    assert files.current(HERE) == ""
    part = assemble(edges({(0, 0): 1.5, (1, 0): 2.5, (1, 3): 0.5}, [0, 1, 2]))
    generation = files.write(HERE, part)
    opened = files.open(HERE, files.current(HERE))
    assert opened is not None
    assert listed(edges_of(opened)) == listed(edges_of(part))
    assert opened.versions == part.versions
    assert isinstance(opened.by_name.columns, np.memmap)
    assert all(path.stat().st_mode & 0o077 == 0 for path in tmp_path.rglob("*"))
    after = files.write(HERE, assemble(edges({(0, 0): 1.0}, [0])))
    assert files.current(HERE) == after != generation
    assert files.open(HERE, generation) is None
    assert listed(edges_of(opened)) == listed(edges_of(part)), "who has it mapped keeps it"
    assert {path.name for path in (tmp_path / HERE).iterdir()} == {"current", after}
    files.delete(HERE)
    files.delete(HERE)
    assert files.current(HERE) == ""
    assert list(tmp_path.iterdir()) == []


def test_an_empty_workspace_has_files_too(tmp_path: Path) -> None:
    files = AdjacencyFiles(tmp_path)
    opened = files.open(HERE, files.write(HERE, assemble(edges({}, [0]))))
    assert opened is not None
    assert (opened.edges, opened.versions) == (0, ("v0",))


@pytest.mark.parametrize("damage", ["cut", "gone", "emptied", "nonsense"])
def test_damaged_files_are_none(tmp_path: Path, damage: str) -> None:
    files = AdjacencyFiles(tmp_path)
    generation = files.write(HERE, assemble(edges({(0, 0): 1.5, (1, 0): 2.5}, [0, 1, 2])))
    for path in sorted((tmp_path / HERE / generation).iterdir()):
        kept = path.read_bytes()
        if damage == "gone":
            path.unlink()
        else:
            path.write_bytes({"cut": kept[:-4], "emptied": b"", "nonsense": b"\x00" * len(kept)}[damage])
        assert files.open(HERE, generation) is None, path.name
        path.write_bytes(kept)
    assert files.open(HERE, generation) is not None


def test_a_full_disk_leaves_the_last_generation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = AdjacencyFiles(tmp_path)
    generation = files.write(HERE, assemble(edges({(0, 0): 1.5}, [0])))

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            files.write(HERE, assemble(edges({(0, 0): 1.5, (1, 1): 1.0}, [0, 1])))
    assert files.current(HERE) == generation
    assert files.open(HERE, generation) is not None
    assert sum(path.is_dir() for path in (tmp_path / HERE).iterdir()) == 1
    shutil.rmtree(tmp_path / HERE)
