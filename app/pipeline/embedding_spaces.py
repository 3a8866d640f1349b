"""Which embedding model and which vectors the questions of a workspace use, and where new vectors go."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from threading import Lock

from app.domain.documents import Chunk
from app.domain.embeddings import EmbeddingSpace, EmbeddingUse
from app.domain.ids import VersionId, WorkspaceId
from app.errors import BackendUnavailableError, ConfigurationError, DafeError
from app.pipeline.embedding import VectorWriter
from app.pipeline.forgiving_cache import ForgivingCacheStore
from app.pipeline.known_vectors import KnownVectors
from app.pipeline.vector_cache import VectorCache
from backends.cache.base import CacheStore
from backends.embeddings.base import Embedder, Vectors
from backends.metadata.base import MetadataStore
from backends.vectors.base import Match, VectorStore

BY_WORDS = "Searched by words and facts only: the vectors of the embedding model that is set are not all made yet."
_OPENING_SECONDS = 5.0
"""A question is not kept longer by a server of before that does not answer another one."""
_AGAIN_SECONDS = 60.0
"""Until a model of before that could not be had is looked for again."""
_LOOKS = 5
"""How often what can be seen may change while it is counted."""


@dataclass(frozen=True, slots=True)
class SearchSpace:
    """A question is embedded, searched for and compared with sentences in one space, and in no other."""

    embedder: Embedder
    vectors: VectorStore | None
    """None: no store holds all vectors of this space, and none is searched."""
    vector_cache: VectorCache | None = None
    notice: str = ""
    """What readers of an answer must know of it."""
    otherwise: "SearchSpace | None" = None
    """Searched instead where the embedder is away; None: then the question waits for it."""

    @property
    def key(self) -> str:
        """Another one where the same question of the same documents may find something else."""
        return f"{space_of(self.embedder)}{'' if self.vectors else '/words'}"

    def embed_question(self, text: str, *, workspace_id: WorkspaceId) -> Vectors:
        if self.vector_cache is None:
            return self.embedder.embed_question(text)
        return self.vector_cache.embed_question(text, workspace_id=workspace_id)

    def search(
        self, vector: Vectors, *, workspace_id: WorkspaceId, permitted: frozenset[VersionId], limit: int
    ) -> list[Match]:
        if self.vectors is None:
            return []
        return self.vectors.search(vector, workspace_id=workspace_id, permitted=permitted, limit=limit)


Opened = tuple[Embedder, VectorStore]


class EmbeddingSpaces:
    """That of the settings, and another one for workspaces whose vectors are not made anew yet. Threads may share it.

    The record of a workspace names the space that holds all of its vectors; see decisions/0006.
    """

    def __init__(
        self,
        embedder: Embedder,
        vectors: VectorStore,
        *,
        metadata: MetadataStore,
        cache: CacheStore,
        open_former: Callable[[EmbeddingSpace], Opened | None] = lambda _space: None,
    ) -> None:
        """`open_former` opens a space that the settings do not name; None where its model cannot be had."""
        self.configured = space_of(embedder)
        self.embedder = embedder
        self.vectors = vectors
        self._metadata = metadata
        self._cache = cache
        self._open_former = open_former
        self._own = self._searchable(embedder, vectors)
        self.remembering: Embedder = self._own.embedder
        """That of the settings, which knows the last sentences."""
        self._by_words = SearchSpace(self._own.embedder, None, self._own.vector_cache, BY_WORDS)
        self._writer = VectorWriter(embedder, vectors, cache=cache)
        self._formers: dict[EmbeddingSpace, tuple[Opened, SearchSpace]] = {}
        self._missed: dict[EmbeddingSpace, float] = {}
        self._new: set[WorkspaceId] = set()
        self._lock = Lock()
        self._slow_until = 0.0

    def searched(self, workspace_id: WorkspaceId) -> SearchSpace:
        """What a question is to be asked of now."""
        used = self._metadata.embeddings.get(workspace_id)
        if used is None:
            used = EmbeddingUse(self.configured if self._is_new(workspace_id) else None)
        if used.searched == self.configured:
            self._forget_formers()
            return self._own
        former = self._former(used.searched)
        return former[1] if former else self._by_words

    def can_search(self, space: EmbeddingSpace | None) -> bool:
        """Whether this process has the model of that space."""
        return space == self.configured or self._former(space) is not None

    def write(
        self, chunks: Sequence[Chunk], *, workspace_id: WorkspaceId, before: Callable[[int], None] = lambda _done: None
    ) -> None:
        """See that each chunk of a version has its vector, wherever questions search before or after a switch.

        A space that is searched and cannot be written lacks these from now on: it is searched no more.
        """
        self.write_own(chunks, before=before)
        used = self._metadata.embeddings.get(workspace_id)
        if used is None or used.searched is None or used.searched == self.configured:
            return
        former = self._former(used.searched, wait_seconds=-1)
        if former is None:
            self._metadata.embeddings.give_up(used.searched, workspace_id=workspace_id)
            return
        try:
            VectorWriter(*former[0], cache=self._cache).write(chunks, before=before)
        except (BackendUnavailableError, ConfigurationError):
            self._metadata.embeddings.give_up(used.searched, workspace_id=workspace_id)
            return
        again = self._metadata.embeddings.get(workspace_id)
        if again is not None and again.searched == self.configured:  # What was just written came after the removal.
            self.vectors.delete_other_spaces(workspace_id=workspace_id)

    def write_own(self, chunks: Sequence[Chunk], *, before: Callable[[int], None] = lambda _done: None) -> None:
        """`VectorWriter.write` in the space of the settings."""
        removed_elsewhere = self._writer.write(chunks, before=before)
        used = self._metadata.embeddings.get(chunks[0].workspace_id) if removed_elsewhere else None
        if used is not None and used.searched not in {None, self.configured}:
            self._metadata.embeddings.give_up(used.searched, workspace_id=chunks[0].workspace_id)

    def is_complete(self, workspace_id: WorkspaceId, space: EmbeddingSpace | None = None) -> bool | None:
        """Whether a space, by default that of the settings, holds a vector of each passage that can be seen; None where
        that cannot be told, because versions go all the time or the space cannot be opened.

        Versions count as long as they are visible, because what is removed is made invisible before. What comes
        meanwhile has its vectors.
        """
        store = self._store(space)
        if store is None:
            return None
        visible = self._visible(workspace_id)
        for _ in range(_LOOKS):
            scope = {"workspace_id": workspace_id, "permitted": visible}
            passages, vectors = self._metadata.chunks.count(**scope), store.count(**scope)  # type: ignore[arg-type]
            before, visible = visible, self._visible(workspace_id)
            if before <= visible:
                return passages == vectors
        return None

    def close(self) -> None:
        """Of what it opened itself; a second call does nothing."""
        with self._lock:
            formers, self._formers = self._formers, {}
        for former in formers.values():
            for part in former[0]:
                part.close()

    def _is_new(self, workspace_id: WorkspaceId) -> bool:
        """Of one that is not recorded: whether all it has is of the settings' space, which stays so until it is."""
        if workspace_id not in self._new and self.is_complete(workspace_id):
            self._new.add(workspace_id)
        return workspace_id in self._new

    def _store(self, space: EmbeddingSpace | None) -> VectorStore | None:
        if space in {None, self.configured}:
            return self.vectors
        former = self._former(space)
        return former[0][1] if former else None

    def _visible(self, workspace_id: WorkspaceId) -> frozenset[VersionId]:
        return frozenset(self._metadata.documents.find_visible(workspace_id=workspace_id, reader=None))

    def _searchable(self, embedder: Embedder, vectors: VectorStore) -> SearchSpace:
        cache = VectorCache(embedder, cache=ForgivingCacheStore(self._cache))
        return SearchSpace(KnownVectors(embedder), vectors, cache)

    def _former(
        self, space: EmbeddingSpace | None, *, wait_seconds: float = _OPENING_SECONDS
    ) -> tuple[Opened, SearchSpace] | None:
        """None where it cannot be had, or another thread has been opening it for longer; with -1 it is waited for. Who
        waited in vain spares the next ones that."""
        if space is None:
            return None
        if self._is_known(space):
            return self._formers.get(space)
        if wait_seconds > 0 and time.monotonic() < self._slow_until:
            wait_seconds = 0.0
        if not self._lock.acquire(timeout=wait_seconds):
            if wait_seconds:
                self._slow_until = time.monotonic() + _AGAIN_SECONDS
            return None
        try:
            if not self._is_known(space):
                opened = self._open_former(space)
                if opened is None:
                    self._missed[space] = time.monotonic() + _AGAIN_SECONDS
                else:
                    self._formers[space] = opened, replace(self._searchable(*opened), otherwise=self._by_words)
            return self._formers.get(space)
        finally:
            self._lock.release()

    def _is_known(self, space: EmbeddingSpace) -> bool:
        """Whether it is open, or was looked for in vain a short while ago."""
        return space in self._formers or time.monotonic() < self._missed.get(space, 0.0)

    def _forget_formers(self) -> None:
        """What no workspace searches any more takes no memory."""
        if not self._formers:
            return
        with suppress(DafeError):
            searched = {used.searched for used in self._metadata.embeddings.find().values()}
            if not searched & self._formers.keys():
                with self._lock:
                    self._formers = {}  # Not closed: a question that began before may be using it.


def space_of(embedder: Embedder) -> EmbeddingSpace:
    return EmbeddingSpace(embedder.name, embedder.dimension)
