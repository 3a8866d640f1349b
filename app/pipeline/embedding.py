"""Makes the vectors of a version's passages and stores them in one embedding space."""

from collections.abc import Callable, Sequence

from app.domain.documents import Chunk
from app.pipeline.table_text import name_once
from app.pipeline.vector_cache import VectorCache
from backends.cache.base import CacheStore
from backends.embeddings.base import Embedder
from backends.vectors.base import VectorStore

_EMBEDDED_TOGETHER = 32


class VectorWriter:
    """Threads may share this object."""

    def __init__(self, embedder: Embedder, vectors: VectorStore, *, cache: CacheStore) -> None:
        self._vectors = vectors
        self._vector_cache = VectorCache(embedder, cache=cache)

    def write(self, chunks: Sequence[Chunk], *, before: Callable[[int], None] = lambda _done: None) -> bool:
        """See that each has its vector: `chunks` are those of one version, all of them, in their order. `before` is
        called with how many have, each time before more are written, and ends it by raising. True where what the
        version had in other spaces was removed.

        Vectors are written in that order, so their number says where to go on; when it is not right in the end, because
        a store lost some, all are written again. Those of no chunk go with all that the version has, in every space.
        """
        if not chunks:
            return False
        self._write_from(self.count(chunks[0]), chunks, before)
        if self.count(chunks[0]) < len(chunks):
            self._write_from(0, chunks, before)
        if self.count(chunks[0]) == len(chunks):
            return False
        self._vectors.delete_versions([chunks[0].version_id], workspace_id=chunks[0].workspace_id)
        self._write_from(0, chunks, before)
        return True

    def count(self, chunk: Chunk) -> int:
        """How many vectors the version of this chunk has."""
        return self._vectors.count(workspace_id=chunk.workspace_id, permitted=frozenset({chunk.version_id}))

    def _write_from(self, first: int, chunks: Sequence[Chunk], before: Callable[[int], None]) -> None:
        for start in range(first, len(chunks), _EMBEDDED_TOGETHER):
            before(start)
            batch = chunks[start : start + _EMBEDDED_TOGETHER]
            one = batch[0]
            texts = [embedded_text(chunk) for chunk in batch]
            self._vectors.upsert(
                [chunk.id for chunk in batch],
                self._vector_cache.embed_passages(texts, scope=f"{one.workspace_id}/{one.document_id}"),
                workspace_id=one.workspace_id,
                version_id=one.version_id,
            )


def embedded_text(chunk: Chunk) -> str:
    """What a chunk's vector is made of: topic and text, the columns of a table named once."""
    text = name_once(chunk.text, chunk.sentences, start=chunk.span.start)
    return f"{chunk.topic}: {text}" if chunk.topic else text
