"""Remembers the vectors of sentences: people who ask about the same documents get them without computing them again."""

from collections import OrderedDict
from collections.abc import Sequence
from hashlib import blake2b
from threading import Lock

import numpy as np

from backends.embeddings.base import Embedder, Vectors

_MOST = 8_192


class KnownVectors(Embedder):
    """Another embedder's vectors, those of the last passages from memory, where no text is kept: only its hash."""

    def __init__(self, embedder: Embedder, *, most: int = _MOST) -> None:
        self.name = embedder.name
        self.dimension = embedder.dimension
        self._embedder = embedder
        self._most = most
        self._lock = Lock()
        self._known: OrderedDict[bytes, Vectors] = OrderedDict()

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        keys = [blake2b(text.encode(errors="surrogatepass"), digest_size=16).digest() for text in texts]
        with self._lock:
            found = {key: self._known[key] for key in keys if key in self._known}
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in found}
        found |= zip(missing, self._embedder.embed_passages(list(missing.values())), strict=True)
        self._remember(keys, found)
        return np.array([found[key] for key in keys], dtype=np.float32).reshape(len(keys), self.dimension)

    def embed_question(self, text: str) -> Vectors:
        return self._embedder.embed_question(text)

    def close(self) -> None:
        self._embedder.close()

    def _remember(self, keys: Sequence[bytes], found: dict[bytes, Vectors]) -> None:
        with self._lock:
            for key in keys:
                self._known[key] = found[key].copy()  # a row alone, not all that it was computed with
                self._known.move_to_end(key)
            while len(self._known) > self._most:
                self._known.popitem(last=False)
