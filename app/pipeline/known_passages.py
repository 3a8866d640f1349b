"""Keeps what was found for questions: who asks the same of the same documents gets it without searching again."""

import base64
import time
from dataclasses import dataclass

import numpy as np
from pydantic import TypeAdapter

from app.domain.answers import Mode, Passage
from app.domain.graph import Entity, RecognisedEntity
from app.domain.ids import ChunkId, VersionId, WorkspaceId
from app.pipeline.cache_keys import answers_scope, cache_key
from app.pipeline.embedding_spaces import SearchSpace
from app.pipeline.question_reading import ReadQuestion
from app.pipeline.retrieval import Retrieved, Retriever
from backends.cache.base import CacheStore, Layer
from backends.metadata.base import MetadataStore

_FORM = "1"
"""To be changed when the same search gives something else, or is written otherwise."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """Passages by id: their text is read anew, under the scope of who asks now."""

    passages: tuple[tuple[ChunkId, float, tuple[str, ...]], ...]
    seeds: tuple[Entity, ...]
    unknown_entities: tuple[str, ...]
    question_entities: tuple[RecognisedEntity, ...]
    vector: str
    stems: tuple[str, ...]
    read: ReadQuestion


_KEPT = TypeAdapter(_Kept)


class KnownPassages:
    """A retriever whose results are kept. Threads may share this object."""

    def __init__(self, retriever: Retriever, *, metadata: MetadataStore, cache: CacheStore, ttl_seconds: float) -> None:
        self._retriever = retriever
        self._metadata = metadata
        self._cache = cache
        self._ttl_seconds = ttl_seconds

    def retrieve(
        self, question: str, *, workspace_id: WorkspaceId, permitted: frozenset[VersionId], mode: Mode, corpus: str
    ) -> Retrieved:
        """As the retriever; `corpus` is the `corpus_digest` of the permitted versions."""
        started = time.perf_counter()
        scope = answers_scope(workspace_id)
        space = self._retriever.find_space(workspace_id)

        def key(searched: SearchSpace) -> str:
            return cache_key(Layer.QUERY, _FORM, workspace_id, corpus, searched.key, mode, question)

        kept = self._find(key(space), scope)
        if kept is not None:
            found = self._read(kept, space, workspace_id, permitted)
            if found is not None:
                found.timings["searching"] = time.perf_counter() - started
                return found
        retrieved = self._retriever.retrieve(question, workspace_id=workspace_id, permitted=permitted, mode=mode)
        self._cache.put(
            key(retrieved.space), _KEPT.dump_json(_to_keep(retrieved)), scope=scope, ttl_seconds=self._ttl_seconds
        )
        return retrieved

    def _find(self, key: str, scope: str) -> _Kept | None:
        stored = self._cache.get(key, scope=scope)
        try:
            return None if stored is None else _KEPT.validate_json(stored)
        except ValueError:  # Of another version of this program.
            return None

    def _read(
        self, kept: _Kept, space: SearchSpace, workspace_id: WorkspaceId, permitted: frozenset[VersionId]
    ) -> Retrieved | None:
        """None when a passage is not there any more."""
        within = {"workspace_id": workspace_id, "permitted": permitted}
        chunks = self._metadata.chunks.get([id_ for id_, *_ in kept.passages], **within)  # type: ignore[arg-type]
        if len(chunks) != len(kept.passages):
            return None
        passages = tuple(
            Passage(chunk, rank, weight, found_by)
            for rank, (chunk, (_, weight, found_by)) in enumerate(zip(chunks, kept.passages, strict=True), start=1)
        )
        return Retrieved(
            passages=passages,
            seeds=kept.seeds,
            unknown_entities=kept.unknown_entities,
            question_entities=kept.question_entities,
            question_vector=np.frombuffer(base64.b64decode(kept.vector), dtype=np.float32),
            stems=kept.stems,
            postings=self._metadata.chunks.find_postings(set(kept.stems), **within),  # type: ignore[arg-type]
            space=space,
            read=kept.read,
        )


def _to_keep(retrieved: Retrieved) -> _Kept:
    return _Kept(
        passages=tuple((one.chunk.id, one.weight, one.found_by) for one in retrieved.passages),
        seeds=retrieved.seeds,
        unknown_entities=retrieved.unknown_entities,
        question_entities=retrieved.question_entities,
        vector=base64.b64encode(np.asarray(retrieved.question_vector, dtype=np.float32).tobytes()).decode(),
        stems=retrieved.stems,
        read=retrieved.read,
    )
