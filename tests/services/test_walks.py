"""The files that questions walk over, as the worker keeps them: what went is not in them, not even on a full disk."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from app.domain.ids import VersionId
from app.domain.jobs import JobKind
from app.domain.workspaces import Workspace
from app.pipeline import adjacencies
from app.pipeline.adjacencies import Adjacencies
from app.pipeline.adjacency import Part
from app.pipeline.adjacency_files import AdjacencyFiles
from app.services.walks import WalkUpkeep
from backends.graph.settings import SqlGraphSettings
from backends.graph.sql import SqlGraphStore
from backends.metadata.settings import SqliteMetadataSettings
from backends.metadata.sql import SqlMetadataStore
from backends.sql.engine import Database
from tests.conformance.graphs import contribution
from tests.conformance.records import HERE, NOW, job, version
from tests.unit.model_parts import open_database


class FullDisk(AdjacencyFiles):
    full = False

    def write(self, workspace_id: object, part: Part) -> str:
        if self.full:
            raise OSError(28, "No space left on device")
        return super().write(workspace_id, part)  # type: ignore[arg-type]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with open_database(tmp_path) as opened:
        yield opened


@pytest.fixture
def metadata(database: Database) -> SqlMetadataStore:
    store = SqlMetadataStore(SqliteMetadataSettings(), database=database)
    store.workspaces.add(Workspace(HERE, "Ward", "clinical", NOW, 0.25, 0.5))
    return store


@pytest.fixture
def files(tmp_path: Path) -> FullDisk:
    return FullDisk(tmp_path / "walks")


@pytest.fixture
def upkeep(
    database: Database, metadata: SqlMetadataStore, files: FullDisk, monkeypatch: pytest.MonkeyPatch
) -> WalkUpkeep:
    """Of two documents, written."""
    monkeypatch.setattr(adjacencies, "_LEAST_WORTH_WRITING", 1)
    graph = SqlGraphStore(SqlGraphSettings(), database=database)
    for name in ("v1", "v2"):
        metadata.documents.add_version(version(name), reader=None)
        metadata.documents.publish(VersionId(name), workspace_id=HERE)
        graph.add(contribution(version=name, chunk=f"c-{name}"), workspace_id=HERE)
    made = WalkUpkeep(metadata=metadata, adjacencies=Adjacencies(graph, key=b"key", files=files))
    made.refresh_all()
    assert set(written(files)) == {"v1", "v2"}
    return made


def written(files: AdjacencyFiles) -> tuple[VersionId, ...]:
    part = files.open(HERE, files.current(HERE)) if files.current(HERE) else None
    return part.versions if part else ()


def test_a_deleted_document_leaves_the_files(upkeep: WalkUpkeep, metadata: SqlMetadataStore, files: FullDisk) -> None:
    metadata.documents.delete(version("v1").document_id, workspace_id=HERE)
    upkeep.refresh(HERE)
    assert written(files) == ("v2",)


def test_on_a_full_disk_no_files_stay_rather_than_old_ones(
    upkeep: WalkUpkeep, metadata: SqlMetadataStore, files: FullDisk
) -> None:
    metadata.documents.delete(version("v1").document_id, workspace_id=HERE)
    files.full = True
    upkeep.refresh(HERE)
    assert files.current(HERE) == ""


def test_of_several_deletions_the_last_one_does_it(
    upkeep: WalkUpkeep, metadata: SqlMetadataStore, files: FullDisk
) -> None:
    metadata.documents.delete(version("v1").document_id, workspace_id=HERE)
    metadata.jobs.add(job("j1", kind=JobKind.DELETE))
    upkeep.refresh(HERE)
    assert set(written(files)) == {"v1", "v2"}
    metadata.jobs.stop(job("j1").id)
    upkeep.refresh(HERE)
    assert written(files) == ("v2",)


def test_no_job_fails_where_nothing_can_be_written_at_all(
    database: Database, metadata: SqlMetadataStore, files: FullDisk
) -> None:
    def read_only() -> AbstractContextManager[None]:
        raise OSError(30, "Read-only file system")

    graph = SqlGraphStore(SqlGraphSettings(), database=database)
    held = Adjacencies(graph, key=b"key", files=files, alone=read_only)
    WalkUpkeep(metadata=metadata, adjacencies=held).refresh(HERE)
