"""Keeps embeddings and parses between measurements, so that measuring again takes minutes."""

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from app.domain.documents import Span
from app.pipeline.parsing import PARSER_VERSION, SentenceParser
from backends.cache.base import CacheStore
from backends.embeddings.base import Embedder, Vectors

_ATTRIBUTES = ("HEAD", "DEP", "TAG", "POS", "LEMMA", "MORPH", "ENT_IOB", "ENT_TYPE")
_TOGETHER = 64


class CachedEmbedder(Embedder):
    """Asks the embedder it wraps only for batches it has not seen."""

    def __init__(self, embedder: Embedder, *, cache: CacheStore) -> None:
        self._embedder = embedder
        self._cache = cache
        self.name = embedder.name
        self.dimension = embedder.dimension

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        parts = [self._embed(texts[start : start + _TOGETHER]) for start in range(0, len(texts), _TOGETHER)]
        return np.concatenate(parts) if parts else np.zeros((0, self.dimension), dtype=np.float32)

    def embed_question(self, text: str) -> Vectors:
        vector: Vectors = self.embed_passages([text])[0]
        return vector

    def close(self) -> None:
        self._embedder.close()

    def _embed(self, texts: Sequence[str]) -> Vectors:
        key = _key(self.name, *texts)
        stored = self._cache.get(key, scope="embeddings")
        if stored is not None:
            return np.frombuffer(stored, dtype=np.float32).reshape(len(texts), self.dimension)
        vectors = self._embedder.embed_passages(texts)
        self._cache.put(key, vectors.tobytes(), scope="embeddings")
        return vectors


class CachedParser(SentenceParser):
    """Parses only what it has not seen; everything a parse tells the pipeline is kept."""

    def __init__(self, *, cache: CacheStore) -> None:
        super().__init__()
        self._cache = cache

    def parse(self, sentences: Sequence[str]) -> list[Any]:
        from spacy.tokens import DocBin

        if not sentences:
            return []
        key = _key(PARSER_VERSION, *sentences)
        stored = self._cache.get(key, scope="parses")
        if stored is not None:
            with self._lock:
                return list(DocBin().from_bytes(stored).get_docs(self._load().vocab))
        documents = super().parse(sentences)
        self._cache.put(key, DocBin(attrs=_ATTRIBUTES, docs=documents).to_bytes(), scope="parses")
        return documents

    def split(self, text: str) -> list[Span]:
        key = _key(PARSER_VERSION, text)
        stored = self._cache.get(key, scope="sentences")
        if stored is not None:
            places = np.frombuffer(stored, dtype=np.int64).reshape(-1, 2)
            return [Span(int(start), int(end)) for start, end in places]
        spans = super().split(text)
        places = np.array([(span.start, span.end) for span in spans], dtype=np.int64)
        self._cache.put(key, places.tobytes(), scope="sentences")
        return spans


def _key(*parts: str) -> str:
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()
