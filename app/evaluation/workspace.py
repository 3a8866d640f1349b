"""A workspace in memory that the product's own steps fill: what every measurement of questions runs against."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from app.domain.documents import Chunk, DocumentVersion, LoadedDocument, Page, Span
from app.domain.ids import DocumentId, FileId, UserId, VersionId, WorkspaceId
from app.domain.workspaces import Workspace
from app.evaluation.caching import CachedEmbedder, CachedParser
from app.evaluation.datasets import SourcePassage
from app.meaning import open_meaning
from app.pipeline.answering import Answerer, Scope
from app.pipeline.chunking import chunk_document
from app.pipeline.embedding import embedded_text
from app.pipeline.embedding_spaces import SearchSpace
from app.pipeline.extraction import TripleExtractor
from app.pipeline.parsing import SentenceParser
from app.pipeline.resolution import contribute
from app.pipeline.retrieval import Retriever
from app.pipeline.rules import RulesExtractor
from backends.cache.base import CacheStore
from backends.cache.settings import SqlCacheSettings
from backends.embeddings.base import Embedder
from backends.embeddings.settings import EmbedderSettings
from backends.embeddings.tokens import TokenCounter
from backends.graph.base import GraphStore
from backends.graph.settings import MemoryGraphSettings
from backends.loading import load
from backends.metadata.base import MetadataStore
from backends.metadata.settings import SqliteMetadataSettings
from backends.sql.engine import Database
from backends.sql.migrating import upgrade
from backends.vectors.base import VectorStore
from backends.vectors.settings import MemoryVectorSettings

_WORKSPACE = WorkspaceId("measured")
_IDS_KEY = b"measuring"


@dataclass(frozen=True, slots=True)
class Instruments:
    """What reads texts; shared by the workspaces of one measurement."""

    embedder: Embedder
    parser: SentenceParser
    extractor: TripleExtractor
    count_tokens: TokenCounter


@dataclass(frozen=True, slots=True)
class MeasuredDocument:
    """`source` is what its chunks are traced back to; `name` titles a text that has no title, if not empty."""

    source: str
    name: str
    loaded: LoadedDocument


@dataclass(frozen=True, slots=True)
class MeasuredWorkspace:
    scope: Scope
    retriever: Retriever
    answerer: Answerer
    source_of: dict[VersionId, str]

    @property
    def workspace_id(self) -> WorkspaceId:
        return self.scope.workspace.id


@contextmanager
def open_instruments(
    *, embedder: EmbedderSettings, model_dir: Path, cache_dir: Path | None = None
) -> Iterator[Instruments]:
    """The embedder of the settings and the rules; with `cache_dir` their results are kept there in plain text."""
    with ExitStack() as stack:
        parser = SentenceParser()
        made = load(Embedder, embedder, model_dir=model_dir)
        if cache_dir is not None:
            cache_dir.mkdir(parents=True, exist_ok=True)
            database = stack.enter_context(_database(cache_dir / "measuring.db"))
            cache = load(CacheStore, SqlCacheSettings(), database=database)
            parser = CachedParser(cache=cache)
            made = CachedEmbedder(made, cache=cache)
        stack.callback(made.close)
        extractor = RulesExtractor(parser, open_meaning(made, model_dir=model_dir))
        yield Instruments(made, parser, extractor, TokenCounter(model_dir))


@contextmanager
def open_workspace(
    documents: Iterable[MeasuredDocument], instruments: Instruments, *, facts: bool = True
) -> Iterator[MeasuredWorkspace]:
    """A workspace with these documents, each chunked, embedded and, with `facts`, extracted as indexing does it."""
    with TemporaryDirectory(prefix="dafe-measuring-") as folder, _database(Path(folder) / "measured.db") as database:
        metadata = load(MetadataStore, SqliteMetadataSettings(), database=database)
        vectors = load(VectorStore, MemoryVectorSettings(), dimension=instruments.embedder.dimension)
        graph = load(GraphStore, MemoryGraphSettings())
        versions: dict[VersionId, DocumentVersion] = {}
        source_of: dict[VersionId, str] = {}
        chunks: list[Chunk] = []
        for document in documents:
            version = make_version(len(versions), document.name)
            versions[version.id] = version
            source_of[version.id] = document.source
            made = cut(version, document.loaded, instruments)
            chunks += made
            for chunk in made if facts else ():
                _add_facts(chunk, document.loaded, instruments, graph)
        metadata.chunks.upsert(chunks)
        _embed(chunks, instruments.embedder, vectors)
        space = SearchSpace(instruments.embedder, vectors)
        retriever = Retriever(
            metadata=metadata, graph=graph, find_space=lambda _workspace_id: space, parser=instruments.parser
        )
        yield MeasuredWorkspace(
            scope=Scope(Workspace(_WORKSPACE, "Measured"), versions),
            retriever=retriever,
            answerer=Answerer(retriever=retriever, metadata=metadata, graph=graph),
            source_of=source_of,
        )


def passage_documents(passages: Sequence[SourcePassage], *, titles: bool) -> Iterator[MeasuredDocument]:
    """Every passage as a document of one page."""
    for passage in passages:
        yield MeasuredDocument(passage.id, "", loaded_text(passage.text, title=passage.title if titles else ""))


def loaded_text(text: str, *, title: str = "") -> LoadedDocument:
    return LoadedDocument(text, (Page(1, Span(0, len(text))),), title=title or None)


def cut(version: DocumentVersion, loaded: LoadedDocument, instruments: Instruments) -> list[Chunk]:
    return chunk_document(
        loaded,
        version=version,
        ids_key=_IDS_KEY,
        parser=instruments.parser,
        count_tokens=instruments.count_tokens,
    )


def _add_facts(chunk: Chunk, loaded: LoadedDocument, instruments: Instruments, graph: GraphStore) -> None:
    found = instruments.extractor.extract(chunk)
    contribution = contribute(
        chunk, found.extraction, loaded=loaded, ids_key=_IDS_KEY, extractor_version=instruments.extractor.version
    )
    graph.add(contribution, workspace_id=chunk.workspace_id)


def _embed(chunks: Sequence[Chunk], embedder: Embedder, vectors: VectorStore) -> None:
    rows = embedder.embed_passages([embedded_text(chunk) for chunk in chunks])
    for chunk, row in zip(chunks, rows, strict=True):
        vectors.upsert([chunk.id], row[None, :], workspace_id=chunk.workspace_id, version_id=chunk.version_id)


def make_version(number: int, name: str) -> DocumentVersion:
    return DocumentVersion(
        id=VersionId(f"version{number:08d}"),
        document_id=DocumentId(f"document{number:08d}"),
        workspace_id=_WORKSPACE,
        number=1,
        name=name,
        media_type="text/plain",
        sha256="",
        size_bytes=0,
        file_id=FileId(f"file{number:08d}"),
        uploaded_by=UserId("measuring"),
        uploaded_at=datetime(2000, 1, 1, tzinfo=UTC),
    )


@contextmanager
def _database(path: Path) -> Iterator[Database]:
    """Plain: everything measured is public."""
    database = Database(path, key=None)
    try:
        upgrade(database)
        yield database
    finally:
        database.close()
