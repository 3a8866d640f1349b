"""The spine: one version of a document becomes chunks, vectors and facts; each step can be done again."""

import time
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial

from pydantic import TypeAdapter

from app.domain.documents import Chunk, ChunkState, Coverage, DocumentStatus, DocumentVersion, LoadedDocument
from app.domain.graph import Extraction
from app.domain.ids import FileId, VersionId
from app.domain.jobs import Stage
from app.errors import BackendUnavailableError, CancelledError, IntegrityError, NotFoundError
from app.pipeline.cache_keys import cache_key
from app.pipeline.chunking import chunk_document
from app.pipeline.embedding_spaces import EmbeddingSpaces
from app.pipeline.extraction import ChosenExtractor, ChunkExtraction, TripleExtractor
from app.pipeline.parsing import SentenceParser
from app.pipeline.reading_pool import ReadingPool
from app.pipeline.resolution import contribute
from app.pipeline.words import small_words
from backends.cache.base import CacheStore, Layer
from backends.files.base import FileStore
from backends.graph.base import GraphStore
from backends.loaders.base import DocumentLoader
from backends.metadata.base import MetadataStore

Progress = Callable[[Stage, int, int], bool]
"""Called with a stage and how much of it is done; False means stop now."""

_LAYOUT = TypeAdapter(LoadedDocument)
_EXTRACTION = TypeAdapter(ChunkExtraction)
_STATES_TOGETHER = 8
_MODEL_AWAY = "The language model is away: the document is read again when it is back, and its facts stay until then."


def layout_id(version_id: VersionId) -> FileId:
    """Where the read text with its pages lies in the file store."""
    return FileId(f"{version_id}.layout")


def read_layout(files: FileStore, version_id: VersionId) -> LoadedDocument:
    """Raises NotFoundError before the version was read."""
    return _LAYOUT.validate_json(files.get(layout_id(version_id)))


class Indexer:
    """Every step writes by id, so a run that was cut off goes on where it stopped and nothing is there twice."""

    def __init__(
        self,
        *,
        metadata: MetadataStore,
        files: FileStore,
        graph: GraphStore,
        cache: CacheStore,
        loader: DocumentLoader,
        spaces: EmbeddingSpaces,
        choose_extractor: Callable[[], ChosenExtractor],
        parser: SentenceParser,
        count_tokens: Callable[[str], int],
        ids_key: bytes,
        calls_at_once: int = 1,
    ) -> None:
        """So many chunks are read at once, of however many documents."""
        self._metadata = metadata
        self._files = files
        self._spaces = spaces
        self._graph = graph
        self._cache = cache
        self._loader = loader
        self._choose_extractor = choose_extractor
        self._parser = parser
        self._count_tokens = count_tokens
        self._ids_key = ids_key
        self._reading = ReadingPool(calls_at_once)

    def index_document(self, version: DocumentVersion, *, progress: Progress) -> Coverage:
        """Raises CancelledError when `progress` says stop, InvalidInputError when the file cannot be read.

        The extractor is chosen once for a run; what a stand-in began stays marked, whoever goes on with it.
        """
        loaded = self._load(version, progress)
        chunks = self._chunk(version, loaded, progress)
        self._embed(version, chunks, progress)
        chosen = self._choose(version)
        stands_in = chosen.stands_in or version.to_redo
        if stands_in and not version.to_redo:
            self._metadata.documents.update_version(version.id, workspace_id=version.workspace_id, to_redo=True)
        coverage = self._extract(version, loaded, chunks, chosen.extractor, progress)
        _go_on(progress(Stage.STORING, 0, 1))
        self._metadata.documents.update_version(
            version.id,
            workspace_id=version.workspace_id,
            coverage=coverage,
            title=loaded.title,
            to_redo=stands_in,
        )
        return coverage

    def remove(self, version: DocumentVersion) -> None:
        """Take back what indexing derived from a version; the uploaded file stays."""
        self._graph.delete_versions([version.id], workspace_id=version.workspace_id)
        self._spaces.vectors.delete_versions([version.id], workspace_id=version.workspace_id)
        self._metadata.chunks.delete_version(version.id, workspace_id=version.workspace_id)
        self._files.delete(layout_id(version.id))

    def _load(self, version: DocumentVersion, progress: Progress) -> LoadedDocument:
        _go_on(progress(Stage.READING, 0, 0))
        try:
            return read_layout(self._files, version.id)
        except (NotFoundError, IntegrityError):  # A damaged one is made anew like a missing one.
            content = self._files.get(version.file_id)
        loaded = self._loader.load(
            version.name, content, on_progress=lambda done, total: progress(Stage.READING, done, total)
        )
        self._files.put(layout_id(version.id), _LAYOUT.dump_json(loaded))
        return loaded

    def _chunk(self, version: DocumentVersion, loaded: LoadedDocument, progress: Progress) -> list[Chunk]:
        stored = self._metadata.chunks.find(version.id, workspace_id=version.workspace_id)
        if stored:
            return stored
        _go_on(progress(Stage.CHUNKING, 0, 0))
        chunks = chunk_document(
            loaded,
            version=version,
            ids_key=self._ids_key,
            parser=self._parser,
            count_tokens=self._count_tokens,
        )
        self._metadata.chunks.upsert(chunks)
        return chunks

    def _choose(self, version: DocumentVersion) -> ChosenExtractor:
        """Raises BackendUnavailableError where a stand-in would read again what was read before: that stays."""
        chosen = self._choose_extractor()
        if chosen.stands_in:
            known = self._metadata.documents.find_versions(version.document_id, workspace_id=version.workspace_id)
            read = [one for one in known if one.status is DocumentStatus.INDEXED and one.number < version.number]
            if any(one.sha256 == version.sha256 for one in read):
                raise BackendUnavailableError(_MODEL_AWAY)
        return chosen

    def _embed(self, version: DocumentVersion, chunks: Sequence[Chunk], progress: Progress) -> None:
        """In every space that the questions of the workspace search, or will."""

        def go_on(done: int) -> None:
            _go_on(progress(Stage.EMBEDDING, done, len(chunks)))

        self._spaces.write(chunks, workspace_id=version.workspace_id, before=go_on)

    def _extract(
        self,
        version: DocumentVersion,
        loaded: LoadedDocument,
        chunks: Sequence[Chunk],
        extractor: TripleExtractor,
        progress: Progress,
    ) -> Coverage:
        counted = _Counted(Coverage(pages=len(loaded.pages), warnings=loaded.warnings, extractor=extractor.version))
        states: dict[str, ChunkState] = {}
        common = small_words(loaded.text)
        with closing(self._read_all(chunks, extractor, progress)) as read:
            for chunk, found in zip(chunks, read, strict=True):
                if chunk.state in {ChunkState.PENDING, ChunkState.QUARANTINED}:
                    self._graph.add(
                        contribute(
                            chunk,
                            found.extraction,
                            loaded=loaded,
                            ids_key=self._ids_key,
                            extractor_version=extractor.version,
                            common=common,
                        ),
                        workspace_id=version.workspace_id,
                    )
                    states[chunk.id] = found.state
                counted.add(found)
                if len(states) >= _STATES_TOGETHER:
                    self._store_states(version, states)
        self._store_states(version, states)
        return counted.coverage

    def _read_all(
        self, chunks: Sequence[Chunk], extractor: TripleExtractor, progress: Progress
    ) -> Generator[ChunkExtraction, None, None]:
        return self._reading.read(
            chunks,
            partial(self._read_chunk, extractor),
            look=lambda place: _go_on(progress(Stage.EXTRACTING, place, len(chunks))),
        )

    def _read_chunk(self, extractor: TripleExtractor, chunk: Chunk, go_on: Callable[[], bool]) -> ChunkExtraction:
        """From the cache where this text was read before by this version of the extractor."""
        scope = f"{chunk.workspace_id}/{chunk.document_id}"
        key = _cache_key(chunk, extractor.version)
        cached = self._cache.get(key, scope=scope)
        if cached is not None:
            return _EXTRACTION.validate_json(cached)
        found = extractor.extract(chunk, go_on=go_on)
        if found.state is not ChunkState.QUARANTINED:
            self._cache.put(key, _EXTRACTION.dump_json(found), scope=scope)
        return found

    def _store_states(self, version: DocumentVersion, states: dict[str, ChunkState]) -> None:
        if states:
            self._metadata.chunks.update_states(dict(states), workspace_id=version.workspace_id)  # type: ignore[arg-type]
            states.clear()


class _Counted:
    """Adds up what became of chunks: every one is counted, whatever happened to it."""

    def __init__(self, coverage: Coverage) -> None:
        self.coverage = coverage
        self._places: set[tuple[object, ...]] = set()

    def add(self, found: ChunkExtraction) -> None:
        name = found.state.value
        extraction: Extraction = found.extraction
        for triple in extraction.triples:
            self._places.add((triple.sentence, triple.subject_span, triple.relation, triple.object_span))
        refused = dict(self.coverage.refused)
        for reason, count in extraction.refused.items():
            refused[reason] = refused.get(reason, 0) + count
        self.coverage = replace(
            self.coverage,
            chunks=self.coverage.chunks + 1,
            triples=len(self._places),
            refused=refused,
            **{name: getattr(self.coverage, name) + 1},
        )


def _cache_key(chunk: Chunk, extractor_version: str) -> str:
    return cache_key(Layer.TRIPLE, extractor_version, chunk.topic, chunk.text, str(chunk.span), str(chunk.sentences))


def _go_on(wanted: bool) -> None:
    if not wanted:
        raise CancelledError("Indexing was stopped; the file is kept.")


class Pace:
    """Estimates the time left of a job from this machine's own rate in each stage, an average over its last units."""

    def __init__(self, rates: dict[Stage, float] | None = None, *, clock: Callable[[], float] = time.monotonic) -> None:
        """`rates` in seconds a unit: what jobs before it found, and this one finds."""
        self._clock = clock
        self._seconds = {} if rates is None else rates
        self._stage: Stage | None = None
        self._started = 0.0
        self._first = 0

    def note(self, stage: Stage, done: int, total: int) -> float | None:
        """Seconds left for the whole job; None while nothing is measured (less than a twentieth of the stage)."""
        if stage is not self._stage:
            self._stage, self._started, self._first = stage, self._clock(), done
        units = done - self._first
        if units > 0 and (units * 20 >= total or stage not in self._seconds):
            self._seconds[stage] = (self._clock() - self._started) / units
        if stage not in self._seconds or total == 0 or (units * 20 < total and units < 3):
            return None
        left = self._seconds[stage] * (total - done)
        if stage is Stage.EMBEDDING:
            left += self._seconds.get(Stage.EXTRACTING, 0.0) * total
        return left
