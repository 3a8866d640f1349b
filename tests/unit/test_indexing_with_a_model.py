"""Tests of indexing while a language model reads: stopping, waiting for it, and not asking twice."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from app.domain.documents import ChunkState, DocumentVersion, Heading, LoadedDocument, Page, Span
from app.domain.ids import DocumentId, FileId, UserId, VersionId, WorkspaceId
from app.domain.jobs import Stage
from app.domain.models import ModelInfo
from app.errors import BackendUnavailableError, CancelledError
from app.pipeline.embedding_spaces import EmbeddingSpaces
from app.pipeline.extraction import ChosenExtractor, TripleExtractor
from app.pipeline.indexing import Indexer, layout_id
from app.pipeline.model_extraction import ModelExtractor
from app.pipeline.model_reading import ModelReader
from app.pipeline.parsing import SentenceParser
from backends.cache.settings import SqlCacheSettings
from backends.cache.sql import SqlCacheStore
from backends.embeddings.hashing import HashingEmbedder
from backends.embeddings.settings import HashingEmbedderSettings
from backends.files.folder import FolderFileStore
from backends.files.settings import FolderFileSettings
from backends.graph.memory import MemoryGraphStore
from backends.graph.settings import MemoryGraphSettings
from backends.llm.scripted import ScriptedLanguageModel
from backends.llm.settings import ScriptedAnswer, ScriptedSettings
from backends.loaders.base import DocumentLoader
from backends.loaders.settings import LocalLoaderSettings
from backends.loading import load
from backends.metadata.settings import SqliteMetadataSettings
from backends.metadata.sql import SqlMetadataStore
from backends.sql.engine import Database
from backends.vectors.memory import MemoryVectorStore
from backends.vectors.settings import MemoryVectorSettings
from tests.unit.model_parts import fact, facts, open_database

PARSER = SentenceParser()
EMBEDDER = HashingEmbedder(HashingEmbedderSettings())
OFFICE = "Nadia Brenner runs Corvane Bank."
SALE = "Corvane Bank sold Merrow Group."
RUNS = ScriptedAnswer(text=facts(fact(1, "Nadia Brenner", "runs", "Corvane Bank")), when=OFFICE)
SOLD = ScriptedAnswer(text=facts(fact(1, "Corvane Bank", "sold", "Merrow Group")), when=SALE)
W1 = WorkspaceId("w1")
TESTED = ModelInfo("scripted", "scripted", "sha256:tested", 8192)
VERSION = DocumentVersion(
    id=VersionId("v1"),
    document_id=DocumentId("d1"),
    workspace_id=W1,
    number=1,
    name="report.txt",
    media_type="text/plain",
    sha256="0" * 64,
    size_bytes=1,
    file_id=FileId("f1"),
    uploaded_by=UserId("u1"),
    uploaded_at=datetime(2024, 1, 1, tzinfo=UTC),
)


def two_sections() -> LoadedDocument:
    text = f"First\n\n{OFFICE}\n\nSecond\n\n{SALE}"
    headings = tuple(Heading(Span(text.index(word), text.index(word) + len(word)), 2) for word in ("First", "Second"))
    return LoadedDocument(text, (Page(1, Span(0, len(text))),), headings, title="Report")


@dataclass
class Workplace:
    """The stores of one installation, and indexers over them."""

    database: Database
    folder: Path

    def __post_init__(self) -> None:
        self.metadata = SqlMetadataStore(SqliteMetadataSettings(), database=self.database)
        self.cache = SqlCacheStore(SqlCacheSettings(), database=self.database)
        self.files = FolderFileStore(FolderFileSettings(), data_dir=self.folder, key=b"k" * 32)
        self.vectors = MemoryVectorStore(MemoryVectorSettings(), dimension=EMBEDDER.dimension)
        self.graph = MemoryGraphStore(MemoryGraphSettings())
        self.metadata.documents.add_version(VERSION, reader=None)
        self.files.put(layout_id(VERSION.id), TypeAdapter(LoadedDocument).dump_json(two_sections()))

    def indexer(self, model: ScriptedLanguageModel, *, stands_in: bool = False, calls_at_once: int = 1) -> Indexer:
        extractor: TripleExtractor = ModelExtractor(ModelReader(model, info=TESTED, cache=self.cache), parser=PARSER)
        return Indexer(
            metadata=self.metadata,
            files=self.files,
            graph=self.graph,
            cache=self.cache,
            loader=load(DocumentLoader, LocalLoaderSettings()),
            spaces=EmbeddingSpaces(EMBEDDER, self.vectors, metadata=self.metadata, cache=self.cache),
            choose_extractor=lambda: ChosenExtractor(extractor, stands_in=stands_in),
            parser=PARSER,
            count_tokens=lambda text: len(text.split()),
            ids_key=b"key",
            calls_at_once=calls_at_once,
        )

    def version(self, version_id: VersionId = VERSION.id) -> DocumentVersion:
        known = self.metadata.documents.find_versions(VERSION.document_id, workspace_id=W1)
        return next(one for one in known if one.id == version_id)

    def relations(self) -> set[str]:
        found = self.graph.find_triples(workspace_id=W1, permitted=frozenset({VERSION.id}), limit=10)
        return {triple.relation for triple in found.triples}

    def states(self) -> list[ChunkState]:
        return [chunk.state for chunk in self.metadata.chunks.find(VERSION.id, workspace_id=W1)]


class SameModel(ScriptedLanguageModel):
    """Keeps its digest whatever its script is."""

    def describe(self) -> ModelInfo:
        return TESTED


def model_of(*answers: ScriptedAnswer) -> ScriptedLanguageModel:
    return SameModel(ScriptedSettings(answers=answers))


def going_on(stage: Stage, done: int, total: int) -> bool:
    return True


@pytest.fixture
def workplace(tmp_path: Path) -> Iterator[Workplace]:
    with open_database(tmp_path) as database:
        yield Workplace(database, tmp_path)


def test_stopping_the_job_ends_the_models_answer(workplace: Workplace) -> None:
    model = SameModel(ScriptedSettings(answers=(RUNS, SOLD), seconds_per_piece=0.3))
    streams: list[int] = []

    def stop_in_the_answer(stage: Stage, done: int, total: int) -> bool:
        streams.append(model.open_streams)
        return model.open_streams == 0

    with pytest.raises(CancelledError):
        workplace.indexer(model).index_document(VERSION, progress=stop_in_the_answer)
    assert streams[-1] == 1
    assert model.open_streams == 0
    assert workplace.relations() == set()


@pytest.mark.parametrize("calls_at_once", [1, 4])
def test_chunks_read_at_once_give_the_same_graph(workplace: Workplace, calls_at_once: int) -> None:
    model = SameModel(ScriptedSettings(answers=(RUNS, SOLD), seconds_per_piece=0.4))
    streams: list[int] = []

    def count_streams(stage: Stage, done: int, total: int) -> bool:
        streams.append(model.open_streams)
        return True

    indexer = workplace.indexer(model, calls_at_once=calls_at_once)
    coverage = indexer.index_document(VERSION, progress=count_streams)
    assert (coverage.chunks, coverage.extracted, coverage.triples) == (2, 2, 2)
    assert workplace.relations() == {"runs", "sold"}
    assert max(streams) == min(calls_at_once, 2)


def test_an_interrupted_job_goes_on_without_asking_again(workplace: Workplace) -> None:
    with pytest.raises(BackendUnavailableError):
        workplace.indexer(model_of(RUNS, ScriptedAnswer(when=SALE, fails="unavailable"))).index_document(
            VERSION, progress=going_on
        )
    coverage = workplace.indexer(model_of(ScriptedAnswer(when=OFFICE, fails="unavailable"), SOLD)).index_document(
        VERSION, progress=going_on
    )
    assert (coverage.chunks, coverage.extracted, coverage.triples) == (2, 2, 2)
    assert workplace.relations() == {"runs", "sold"}


def test_a_chunk_set_aside_is_counted_and_read_when_the_job_runs_again(workplace: Workplace) -> None:
    broken = ScriptedAnswer(when=SALE, fails="output")
    coverage = workplace.indexer(model_of(RUNS, broken)).index_document(VERSION, progress=going_on)
    assert (coverage.chunks, coverage.extracted, coverage.quarantined, coverage.triples) == (2, 1, 1, 1)
    assert workplace.states() == [ChunkState.EXTRACTED, ChunkState.QUARANTINED]
    again = workplace.indexer(model_of(SOLD)).index_document(VERSION, progress=going_on)
    assert (again.extracted, again.quarantined) == (2, 0)
    assert workplace.relations() == {"runs", "sold"}
    assert workplace.states() == [ChunkState.EXTRACTED, ChunkState.EXTRACTED]


@pytest.mark.parametrize(("first", "then", "marked"), [(True, False, True), (False, False, False), (False, True, True)])
def test_what_a_stand_in_read_a_part_of_stays_marked(
    workplace: Workplace, first: bool, then: bool, marked: bool
) -> None:
    broken = model_of(RUNS, ScriptedAnswer(when=SALE, fails="unavailable"))
    with pytest.raises(BackendUnavailableError):
        workplace.indexer(broken, stands_in=first).index_document(VERSION, progress=going_on)
    assert workplace.version().to_redo is first
    workplace.indexer(model_of(SOLD), stands_in=then).index_document(workplace.version(), progress=going_on)
    assert workplace.relations() == {"runs", "sold"}
    assert workplace.version().to_redo is marked


def test_a_stand_in_reads_nothing_again(workplace: Workplace) -> None:
    """Only what is read for the first time, or holds something else than before."""
    model = model_of(RUNS, SOLD)
    workplace.indexer(model).index_document(VERSION, progress=going_on)
    workplace.metadata.documents.publish(VERSION.id, workspace_id=W1)
    again = replace(VERSION, id=VersionId("v2"), number=2)
    other = replace(again, id=VersionId("v3"), number=3, sha256="1" * 64)
    for one in (again, other):
        workplace.metadata.documents.add_version(one, reader=None, rereads=True)
        workplace.files.put(layout_id(one.id), workplace.files.get(layout_id(VERSION.id)))
    with pytest.raises(BackendUnavailableError, match="read again"):
        workplace.indexer(model, stands_in=True).index_document(again, progress=going_on)
    assert not workplace.version(again.id).to_redo
    workplace.indexer(model, stands_in=True).index_document(other, progress=going_on)
    assert workplace.version(other.id).to_redo
    workplace.indexer(model).index_document(again, progress=going_on)
