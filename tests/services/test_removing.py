"""What the removal of a document or of its earlier versions takes out of each store, and what it leaves there."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from app.domain.answers import Answer, AskedQuestion, Citation, Mode
from app.domain.documents import DocumentVersion, Span
from app.domain.ids import ChunkId, DocumentId, FileId, JobId, QuestionId, UserId, VersionId, WorkspaceId
from app.domain.jobs import JobKind, JobState
from app.pipeline.cache_keys import answers_scope
from app.pipeline.embedding_spaces import EmbeddingSpaces
from app.pipeline.extraction import ChosenExtractor
from app.pipeline.indexing import Indexer, layout_id
from app.pipeline.parsing import SentenceParser
from app.pipeline.rules import RulesExtractor
from app.services.export_files import Export, ExportFiles
from app.services.removing import Remover, gone
from backends.cache.settings import SqlCacheSettings
from backends.cache.sql import SqlCacheStore
from backends.embeddings.hashing import HashingEmbedder
from backends.embeddings.settings import HashingEmbedderSettings
from backends.files.folder import FolderFileStore
from backends.files.settings import FolderFileSettings
from backends.graph.settings import SqlGraphSettings
from backends.graph.sql import SqlGraphStore
from backends.loaders.local import LocalLoader
from backends.loaders.settings import LocalLoaderSettings
from backends.metadata.settings import SqliteMetadataSettings
from backends.metadata.sql import SqlMetadataStore
from backends.sql.engine import Database
from backends.vectors.settings import SqlVectorSettings
from backends.vectors.sql import SqlVectorStore
from tests.conformance.graphs import contribution
from tests.conformance.records import HERE, NOW, OTHER, chunk, job, version
from tests.unit.meaning_parts import MEANING
from tests.unit.model_parts import open_database

LETTER, OTHER_LETTER = DocumentId("letter"), DocumentId("other-letter")
EVERYTHING = {"record", "chunks", "vectors", "facts", "file", "layout"}


@dataclass(frozen=True)
class Stores:
    """Each store as it is installed, over one plain database."""

    database: Database
    embedder: HashingEmbedder
    metadata: SqlMetadataStore
    files: FolderFileStore
    graph: SqlGraphStore
    vectors: SqlVectorStore
    cache: SqlCacheStore
    remover: Remover

    def keep(self, id_: str, *, document_id: DocumentId = LETTER, number: int = 1) -> DocumentVersion:
        """A version with something of it in every store."""
        kept = version(id_, document_id=document_id, number=number, file_id=FileId(id_))
        self.metadata.documents.add_version(kept, reader=None)
        self.metadata.documents.publish(kept.id, workspace_id=HERE)
        self.metadata.documents.update_version(kept.id, workspace_id=HERE, title=f"Title of {id_}")
        self.derive(id_, document_id=document_id)
        return kept

    def derive(self, id_: str, *, document_id: DocumentId = LETTER) -> None:
        piece = chunk(f"c-{id_}", version_id=id_, document_id=document_id)
        self.metadata.chunks.upsert([piece])
        rows = self.embedder.embed_passages([piece.text])
        self.vectors.upsert([piece.id], rows, workspace_id=HERE, version_id=VersionId(id_))
        self.graph.add(contribution(chunk=f"c-{id_}", version=id_, subject=f"Drug {id_}"), workspace_id=HERE)
        self.files.put(FileId(id_), b"the file")
        self.files.put(layout_id(VersionId(id_)), b"the text")

    def left(self, id_: str, *, document_id: DocumentId = LETTER) -> set[str]:
        here: dict[str, Any] = {"workspace_id": HERE, "permitted": frozenset({VersionId(id_)})}
        stored = self.files.find()
        there = {
            "record": any(
                one.id == id_ for one in self.metadata.documents.find_versions(document_id, workspace_id=HERE)
            ),
            "chunks": self.metadata.chunks.count(**here),
            "vectors": self.vectors.count(**here),
            "facts": len(self.graph.find_triples(**here).triples),
            "file": id_ in stored,
            "layout": layout_id(VersionId(id_)) in stored,
        }
        return {name for name, value in there.items() if value}

    def titles(self, document_id: DocumentId = LETTER) -> dict[str, str | None]:
        found = self.metadata.documents.find_versions(document_id, workspace_id=HERE)
        return {one.id: one.title for one in found}

    def answer(self, id_: str, version_id: str, *, document_id: DocumentId = LETTER) -> None:
        place = (VersionId(version_id), "letter.pdf", ChunkId(f"c-{version_id}"), 1, Span(0, 9))
        answer = Answer(Mode.RAG, "chosen", citations=(Citation(1, document_id, *place, "The quote.", NOW),))
        self.metadata.history.add(AskedQuestion(QuestionId(id_), HERE, UserId("ann"), NOW, "What?", Mode.AUTO, answer))

    def answers(self) -> set[str]:
        return {
            one.id
            for one in self.metadata.history.find(workspace_id=HERE, asked_by=UserId("ann"), reader=None, limit=9)
        }

    def cached(self) -> set[str]:
        scopes = [scope for place in (HERE, OTHER) for scope in _scopes(place)]
        return {scope for scope in scopes if self.cache.get("key", scope=scope) is not None}

    def fill_cache(self) -> None:
        for place in (HERE, OTHER):
            for scope in _scopes(place):
                self.cache.put("key", b"value", scope=scope)

    def export(self) -> None:
        made = Export("csv", frozenset(), (), b"content")
        for place in (HERE, OTHER):
            ExportFiles(self.files).put(made, workspace_id=place, job_id=JobId("j1"))

    def exports(self) -> set[str]:
        return {place for place, _ in ExportFiles(self.files).find()}

    @property
    def wiped(self) -> bool:
        """Whether the database was written anew, which empties its log of changes but for the mark that it was done."""
        return self.database.path.with_name(f"{self.database.path.name}-wal").stat().st_size < 3 * 4_096


def _scopes(place: WorkspaceId) -> list[str]:
    return [f"{place}/{LETTER}", f"{place}/{OTHER_LETTER}", answers_scope(place)]


def _left_cached() -> set[str]:
    """After the letter of this workspace went, or changed."""
    return {f"{HERE}/{OTHER_LETTER}", *_scopes(OTHER)}


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[Stores]:
    with open_database(tmp_path) as database:
        embedder = HashingEmbedder(HashingEmbedderSettings())
        parser = SentenceParser()
        metadata = SqlMetadataStore(SqliteMetadataSettings(), database=database)
        files = FolderFileStore(FolderFileSettings(), data_dir=tmp_path, key=bytes(32))
        graph = SqlGraphStore(SqlGraphSettings(), database=database)
        cache = SqlCacheStore(SqlCacheSettings(), database=database)
        vectors = SqlVectorStore(
            SqlVectorSettings(), database=database, embedding_name=embedder.name, dimension=embedder.dimension
        )
        loader = LocalLoader(LocalLoaderSettings())
        indexer = Indexer(
            metadata=metadata,
            files=files,
            graph=graph,
            cache=cache,
            loader=loader,
            spaces=EmbeddingSpaces(embedder, vectors, metadata=metadata, cache=cache),
            choose_extractor=lambda: ChosenExtractor(RulesExtractor(parser, MEANING)),
            parser=parser,
            count_tokens=len,
            ids_key=bytes(32),
        )
        remover = Remover(indexer=indexer, metadata=metadata, files=files, cache=cache)
        yield Stores(database, embedder, metadata, files, graph, vectors, cache, remover)
        loader.close()


def test_a_deleted_document_goes_from_every_store_with_all_its_versions(stores: Stores) -> None:
    stores.keep("v1")
    stores.keep("v2", number=2)
    stores.keep("o1", document_id=OTHER_LETTER)
    stores.fill_cache()
    stores.export()
    stores.answer("of-letter", "v2")
    stores.answer("of-other", "o1", document_id=OTHER_LETTER)
    stores.remover.remove(replace(job("j1", document_id=LETTER), version_id=VersionId("v2")))
    assert stores.left("v1") == stores.left("v2") == set()
    assert stores.left("o1", document_id=OTHER_LETTER) == EVERYTHING
    assert stores.cached() == _left_cached()
    assert stores.exports() == {OTHER}
    assert stores.answers() == {"of-other"}
    assert stores.wiped


def test_what_a_deletion_left_when_it_was_cut_off_goes_though_its_record_is_gone(stores: Stores) -> None:
    stores.derive("v1")
    stores.remover.remove(job("j1", document_id=LETTER))
    assert stores.left("v1") == set()


def test_earlier_versions_go_and_only_their_records_stay(stores: Stores) -> None:
    for number in (1, 2):
        stores.keep(f"v{number}", number=number)
    new = stores.keep("v3", number=3)
    stores.keep("o1", document_id=OTHER_LETTER)
    stores.fill_cache()
    stores.export()
    stores.answer("of-new", "v3")
    stores.keep("v4", number=4)
    stores.remover.replace_versions(new)
    assert stores.left("v1") == stores.left("v2") == {"record"}
    assert stores.left("v3") == stores.left("v4") == EVERYTHING
    assert stores.left("o1", document_id=OTHER_LETTER) == EVERYTHING
    assert stores.titles() == {"v1": "", "v2": "", "v3": "Title of v3", "v4": "Title of v4"}
    assert stores.cached() == _left_cached()
    assert stores.exports() == {OTHER}
    assert stores.answers() == {"of-new"}
    assert stores.wiped


def test_answers_that_cite_what_was_replaced_go(stores: Stores) -> None:
    stores.keep("v1")
    stores.answer("of-old", "v1")
    new = stores.keep("v2", number=2)
    stores.keep("o1", document_id=OTHER_LETTER)
    stores.answer("of-new", "v2")
    stores.answer("of-other", "o1", document_id=OTHER_LETTER)
    assert stores.answers() == {"of-old", "of-new", "of-other"}
    stores.remover.replace_versions(new)
    assert stores.answers() == {"of-new", "of-other"}


def test_replacing_once_more_changes_nothing(stores: Stores) -> None:
    stores.keep("v1")
    new = stores.keep("v2", number=2)
    stores.remover.replace_versions(new)
    stores.fill_cache()
    before = stores.cached()
    stores.remover.replace_versions(new)
    assert stores.cached() == before
    assert not stores.wiped


def test_a_first_version_replaces_nothing(stores: Stores) -> None:
    new = stores.keep("v1")
    stores.fill_cache()
    stores.remover.replace_versions(new)
    assert stores.left("v1") == EVERYTHING
    assert len(stores.cached()) == 6


def test_a_version_whose_file_is_gone_is_done_with(stores: Stores) -> None:
    """The file goes last: nothing else can be left of such a version."""
    stores.keep("v1")
    stores.keep("v2", number=2)
    new = stores.keep("v3", number=3)
    stores.files.delete(FileId("v1"))
    stores.remover.replace_versions(new)
    assert stores.titles()["v1"] == "Title of v1"
    assert stores.left("v2") == {"record"}


@pytest.mark.parametrize(
    ("kind", "state", "wiped"),
    [
        (JobKind.DELETE, JobState.WAITING, False),
        (JobKind.DELETE, JobState.RUNNING, True),
        (JobKind.INDEX, JobState.WAITING, True),
    ],
)
def test_the_last_of_several_deletions_wipes_for_all(
    stores: Stores, kind: JobKind, state: JobState, wiped: bool
) -> None:
    stores.keep("v1")
    stores.metadata.jobs.add(job("indexing", kind=JobKind.INDEX, document_id=OTHER_LETTER))
    stores.metadata.jobs.add(job("another", kind=kind, document_id=OTHER_LETTER, workspace_id=WorkspaceId("third")))
    if state is JobState.RUNNING:
        stores.metadata.jobs.claim(job("another").id, worker="w", lease_seconds=60)
    stores.remover.remove(job("j1", document_id=LETTER))
    assert stores.wiped is wiped
    assert stores.left("v1") == set()


@pytest.mark.parametrize(
    ("kind", "document_id", "running", "wiped"),
    [
        (JobKind.INDEX, OTHER_LETTER, False, False),
        (JobKind.INDEX, OTHER_LETTER, True, False),
        (JobKind.INDEX, LETTER, True, True),
        (JobKind.DELETE, OTHER_LETTER, False, False),
        (JobKind.DELETE, LETTER, False, False),
    ],
)
def test_while_there_are_jobs_for_others_a_replacement_only_owes_the_wipe(
    stores: Stores, kind: JobKind, document_id: DocumentId, running: bool, wiped: bool
) -> None:
    stores.keep("v1")
    new = stores.keep("v2", number=2)
    stores.keep("o1", document_id=OTHER_LETTER)
    stores.metadata.jobs.add(job("another", kind=kind, document_id=document_id))
    if running:
        stores.metadata.jobs.claim(job("another").id, worker="w", lease_seconds=60)
    stores.remover.replace_versions(new)
    assert stores.left("v1") == {"record"}
    assert stores.wiped is wiped
    if kind is JobKind.INDEX:
        assert stores.database.is_wipe_owed is not wiped
        stores.metadata.complete_wiping()
        assert stores.wiped


def test_jobs_that_ended_keep_no_wipe_waiting(stores: Stores) -> None:
    stores.keep("v1")
    new = stores.keep("v2", number=2)
    stores.metadata.jobs.add(job("another", kind=JobKind.INDEX, document_id=OTHER_LETTER))
    stores.metadata.jobs.claim(job("another").id, worker="w", lease_seconds=60)
    stores.metadata.jobs.finish(job("another").id, worker="w", state=JobState.DONE)
    stores.remover.replace_versions(new)
    assert stores.wiped


def test_of_a_deleted_version_its_ids_are_known() -> None:
    asked = job("j1", document_id=LETTER)
    assert gone(asked) == DocumentVersion(
        id=VersionId("v1"),
        document_id=LETTER,
        workspace_id=HERE,
        number=0,
        name="",
        media_type="",
        sha256="",
        size_bytes=0,
        file_id=FileId("v1"),
        uploaded_by=UserId("ann"),
        uploaded_at=NOW,
    )
