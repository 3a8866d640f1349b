"""What a set of stores holds is copied to another one and compared, whatever was in it before."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.domain.documents import Chunk, ChunkState
from app.domain.graph import Contribution
from app.domain.ids import ChunkId, VersionId
from app.domain.workspaces import Workspace
from app.errors import ConfigurationError, ConflictError, IntegrityError
from app.installation import Stores
from app.migrating.copying import Copy
from app.pipeline.embedding import embedded_text
from app.pipeline.words import content_stems
from app.settings import load_settings
from backends.cache.settings import SqlCacheSettings
from backends.cache.sql import SqlCacheStore
from backends.graph.memory import MemoryGraphStore
from backends.graph.settings import MemoryGraphSettings, SqlGraphSettings
from backends.graph.sql import SqlGraphStore
from backends.metadata.settings import SqliteMetadataSettings
from backends.metadata.sql import SqlMetadataStore
from backends.queue.settings import SqliteQueueSettings
from backends.queue.sqlite import SqliteJobQueue
from backends.sql.migrating import upgrade
from backends.vectors.memory import MemoryVectorStore
from backends.vectors.settings import MemoryVectorSettings, SqlVectorSettings
from backends.vectors.sql import SqlVectorStore
from tests.conformance.graphs import contribution, entity, mention
from tests.conformance.implementations import DIMENSION, FILES_KEY, open_database
from tests.conformance.records import HERE, NOW, OTHER, chunk, version

V1, V2 = VersionId("v1"), VersionId("v2")


def open_side(folder: Path, closing: ExitStack, *, identity: str) -> Stores:
    """Of an embedded installation; one with an identity keeps vectors and facts elsewhere than in its database."""
    folder.mkdir()
    database = open_database(folder)
    closing.callback(database.close)
    upgrade(database)
    parts: dict[str, Any] = {"database": database, "data_dir": folder, "key": FILES_KEY}
    space: dict[str, Any] = {"embedding_name": "model-a", "dimension": DIMENSION}
    elsewhere: dict[str, Any] = {"vectors": {"kind": "memory"}, "graph": {"kind": "memory"}} if identity else {}
    metadata = SqlMetadataStore(SqliteMetadataSettings(), **parts)
    metadata.identity = identity
    return Stores(
        settings=load_settings(data_dir=folder, **elsewhere),
        metadata=metadata,
        vectors=MemoryVectorStore(MemoryVectorSettings(), **space)
        if identity
        else SqlVectorStore(SqlVectorSettings(), database=database, **space),
        graph=MemoryGraphStore(MemoryGraphSettings())
        if identity
        else SqlGraphStore(SqlGraphSettings(), database=database),
        cache=SqlCacheStore(SqlCacheSettings(), **parts),
        queue=SqliteJobQueue(SqliteQueueSettings(), **parts),
    )


@dataclass(frozen=True, slots=True)
class Sides:
    copy: Copy

    @property
    def source(self) -> Stores:
        return self.copy.source

    @property
    def target(self) -> Stores:
        return self.copy.target

    def make(self) -> None:
        self.copy.make(silent)

    def check(self) -> Any:
        return self.copy.check(silent)


@pytest.fixture
def sides(tmp_path: Path) -> Iterator[Sides]:
    with ExitStack() as closing:
        source, target = (
            open_side(tmp_path / (identity or "embedded"), closing, identity=identity) for identity in ("", "served")
        )
        for workspace_id in (HERE, OTHER):
            source.metadata.workspaces.add(Workspace(workspace_id, workspace_id, "clinical", NOW))
        index(source, "v1", "A stroke, a bleeding.", "The dose was lowered.")
        index(source, "v2", "Warfarin, warfarin and amiodarone.", workspace_id=OTHER)
        yield Sides(Copy(source, target))


def silent(_stage: str, _done: int, _total: int) -> None:
    """Nobody looks."""


def read(id_: str, version_id: str, text: str, **fields: Any) -> Chunk:
    one = chunk(id_, version_id=version_id, text=text, sentences=(), state=ChunkState.EXTRACTED, **fields)
    return replace(one, stems=tuple(content_stems(embedded_text(one))))


def index(stores: Stores, version_id: str, *texts: str, workspace_id: Any = HERE) -> None:
    """A document of one visible version."""
    stores.metadata.documents.add_version(version(version_id, workspace_id=workspace_id), reader=None)
    chunks = [
        read(f"{version_id}-c{place}", version_id, text, ordinal=place, workspace_id=workspace_id)
        for place, text in enumerate(texts)
    ]
    stores.metadata.chunks.upsert(chunks)
    rows = np.eye(DIMENSION, dtype=np.float32)[: len(chunks)]
    here: dict[str, Any] = {"workspace_id": workspace_id}
    stores.vectors.upsert([one.id for one in chunks], rows, version_id=VersionId(version_id), **here)
    for one in chunks:
        named: dict[str, Any] = {
            "subject": f"Apixaban {workspace_id}",
            "object_": f"Factor {workspace_id}",
            "aliases": ("Eliquis",),
        }
        stores.graph.add(contribution(chunk=one.id, version=version_id, **named), **here)
    stores.metadata.documents.publish(VersionId(version_id), **here)


def test_a_copy_holds_what_the_original_holds_and_making_it_again_changes_nothing(sides: Sides) -> None:
    with pytest.raises(IntegrityError, match="nothing was switched"):
        sides.check()
    for _ in range(2):
        sides.make()
        counts = sides.check()
    assert counts[None] == {"users": 0, "workspaces": 2, "models_used": 0}
    found = {"documents": 1, "passages": 2, "vectors": 2, "entities": 2, "mentions": 4, "triples": 1, "evidence": 2}
    assert counts[HERE].items() >= found.items()
    scope: dict[str, Any] = {"workspace_id": OTHER, "permitted": frozenset({V2})}
    frequencies = [one.metadata.chunks.find_postings(["warfarin"], **scope) for one in (sides.source, sides.target)]
    assert frequencies[0] == frequencies[1]
    assert frequencies[1].frequencies == {"warfarin": {ChunkId("v2-c0"): 2}}


def test_what_the_original_does_not_hold_any_more_goes_from_the_copy(sides: Sides) -> None:
    sides.make()
    sides.source.graph.delete_versions([V1], workspace_id=HERE)
    sides.source.vectors.delete_versions([V1], workspace_id=HERE)
    sides.source.metadata.documents.delete(version("v1").document_id, workspace_id=HERE)
    sides.source.metadata.workspaces.delete(OTHER)
    index(sides.source, "v3", "A new one.")
    sides.make()
    sides.check()
    for workspace_id, permitted in ((HERE, {V1}), (OTHER, {V2})):
        scope: dict[str, Any] = {"workspace_id": workspace_id, "permitted": frozenset(permitted)}
        assert sides.target.vectors.count(**scope) == 0
        assert sides.target.graph.find_mentions(**scope) == []
        assert sides.target.metadata.chunks.count(**scope) == 0
    assert [one.id for one in sides.target.metadata.workspaces.find()] == [HERE]


def test_a_version_that_was_indexed_again_meanwhile_is_written_anew(sides: Sides) -> None:
    sides.make()
    for stores in (sides.source.graph, sides.source.vectors):
        stores.delete_versions([V1], workspace_id=HERE)
    only = read("v1-c0", "v1", "Another text.")
    sides.source.metadata.chunks.delete_version(V1, workspace_id=HERE)
    sides.source.metadata.chunks.upsert([only])
    sides.source.vectors.upsert([only.id], np.eye(DIMENSION, dtype=np.float32)[-1:], workspace_id=HERE, version_id=V1)
    sides.make()
    assert sides.check()[HERE].items() >= {"passages": 1, "vectors": 1, "entities": 0, "triples": 0}.items()


def test_every_name_that_a_version_uses_by_itself_stays_one(sides: Sides) -> None:
    """The name that is shown is the most frequent of these over all versions."""
    for place, (name, aliases) in enumerate((("ASPIRIN", ("ASA",)), ("Aspirin", ()), ("Aspirin forte", ("ASA",)))):
        one = entity(name, aliases=aliases, id_="e1")
        added = Contribution((one,), (mention(one, chunk=f"v1-c{place}", version="v1"),), ())
        sides.source.graph.add(added, workspace_id=HERE)
    sides.make()
    sides.check()
    scope: dict[str, Any] = {"workspace_id": HERE, "permitted": frozenset({V1}), "ids": ["e1"]}
    (before,), (after,) = (one.graph.find_entities(**scope) for one in (sides.source, sides.target))
    assert after == before
    assert after.own_names == before.own_names == ("ASPIRIN", "Aspirin", "Aspirin forte")


def test_words_that_do_not_fit_their_text_are_not_copied(sides: Sides) -> None:
    """An older program may have read other words: where they are kept as keyed hashes nobody can tell which."""
    one = chunk("v1-c0", version_id="v1", text="A stroke, a bleeding.", sentences=(), stems=("stroke", "older"))
    sides.source.metadata.chunks.upsert([one])
    with pytest.raises(IntegrityError, match="index its document again"):
        sides.make()


def test_vectors_of_another_embedding_model_are_told(sides: Sides) -> None:
    sides.source.vectors.delete_versions([V1], workspace_id=HERE)
    with pytest.raises(ConfigurationError, match="no vectors of the embedding model"):
        sides.make()


def test_old_stores_are_kept_while_the_new_ones_lack_something(sides: Sides) -> None:
    with pytest.raises(ConflictError, match="lack workspaces"):
        sides.copy.require_complete()
    sides.make()
    sides.copy.require_complete()
    sides.target.metadata.documents.delete(version("v1").document_id, workspace_id=HERE)  # It went its own way since.
    sides.copy.require_complete()
    sides.target.graph.delete_workspace(OTHER)
    with pytest.raises(ConflictError, match="lack facts"):
        sides.copy.require_complete()
    sides.target.vectors.delete_versions([V2], workspace_id=OTHER)
    with pytest.raises(ConflictError, match="lack vectors"):
        sides.copy.require_complete()


def test_stores_that_share_their_records_are_kept_while_the_new_ones_lack_anything(sides: Sides) -> None:
    copy = Copy(sides.source, replace(sides.target, metadata=sides.source.metadata))
    with pytest.raises(ConflictError, match="lack vectors"):
        copy.require_complete()
    copy.make(silent)
    copy.require_complete()
    copy.target.graph.delete_versions([V1], workspace_id=HERE)
    with pytest.raises(ConflictError, match="lack facts"):
        copy.require_complete()


def test_stores_that_share_their_records_begin_with_nothing(sides: Sides) -> None:
    """Nobody knows what a store holds from earlier; here of a version that is no more."""
    source, target = sides.source, replace(sides.target, metadata=sides.source.metadata)
    target.vectors.upsert(
        [ChunkId("old")], np.eye(DIMENSION, dtype=np.float32)[:1], workspace_id=HERE, version_id=VersionId("old")
    )
    copy = Copy(source, target)
    assert not copy.moves_records
    assert [one.name for one in copy.contents] == ["vectors", "facts"]
    copy.make(silent)
    assert copy.check(silent)[HERE] == {
        "vectors": 2,
        "entities": 2,
        "mentions": 4,
        "triples": 1,
        "evidence": 2,
    }
    assert target.vectors.count(workspace_id=HERE, permitted=frozenset({VersionId("old")})) == 0


def test_stores_in_use_are_not_overwritten_from_those_that_were_left(sides: Sides) -> None:
    """The same command once more, after the old stores were emptied: what they lack must not go from the new ones."""
    copy = Copy(sides.source, replace(sides.target, metadata=sides.source.metadata))
    copy.make(silent)
    copy.source.vectors.delete_workspace(HERE)
    with pytest.raises(ConflictError, match="hold more vectors than those to move from"):
        copy.make(silent)
    assert copy.target.vectors.count(workspace_id=HERE, permitted=frozenset({V1})) == 2
    copy.source.metadata.documents.delete(version("v1").document_id, workspace_id=HERE)
    copy.make(silent)
