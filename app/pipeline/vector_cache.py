"""Keeps the vectors of texts, by the model that made them."""

from collections.abc import Callable, Sequence

import numpy as np

from app.domain.ids import WorkspaceId
from app.pipeline.cache_keys import cache_key
from backends.cache.base import CacheStore, Layer
from backends.embeddings.base import Embedder, Vectors

_QUESTION_SECONDS = 86_400.0


class VectorCache:
    """Asks the embedder only for what is not kept. No text is kept: only its hash. Threads may share this object."""

    def __init__(self, embedder: Embedder, *, cache: CacheStore) -> None:
        self._embedder = embedder
        self._cache = cache

    def embed_passages(self, texts: Sequence[str], *, scope: str) -> Vectors:
        """As `Embedder.embed_passages`; the vectors go with what else is kept under `scope`."""
        return self._embed("passage", texts, self._embedder.embed_passages, scope=scope)

    def embed_question(self, text: str, *, workspace_id: WorkspaceId) -> Vectors:
        """As `Embedder.embed_question`; kept for a day."""
        scope = f"{workspace_id}/question-vectors"
        vector: Vectors = self._embed("question", [text], self._one, scope=scope, ttl_seconds=_QUESTION_SECONDS)[0]
        return vector

    def _one(self, texts: Sequence[str]) -> Vectors:
        return np.asarray([self._embedder.embed_question(text) for text in texts], dtype=np.float32)

    def _embed(
        self,
        use: str,
        texts: Sequence[str],
        embed: Callable[[Sequence[str]], Vectors],
        *,
        scope: str,
        ttl_seconds: float | None = None,
    ) -> Vectors:
        length = self._embedder.dimension
        keys = [cache_key(Layer.EMBEDDING, self._embedder.name, use, text) for text in texts]
        kept = self._cache.get_all(set(keys), scope=scope)
        found = {key: np.frombuffer(one, np.float32) for key, one in kept.items() if len(one) == 4 * length}
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in found}
        if missing:
            made = dict(zip(missing, embed(list(missing.values())), strict=True))
            packed = {key: vector.astype(np.float32).tobytes() for key, vector in made.items()}
            self._cache.put_all(packed, scope=scope, ttl_seconds=ttl_seconds)
            found |= made
        return np.array([found[key] for key in keys], dtype=np.float32).reshape(len(keys), length)
