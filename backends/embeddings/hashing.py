"""An embedder without a model: signed hashes of words and of their letter triples."""

import hashlib
import re
from collections.abc import Iterator, Sequence

import numpy as np

from backends.embeddings.base import Embedder, Vectors
from backends.embeddings.settings import HashingEmbedderSettings

_WORD = re.compile(r"\w+")
_TRIPLE_WEIGHT = 0.3


class HashingEmbedder(Embedder):
    """Feature hashing (Weinberger et al. 2009): texts that share words lie close; without words it is one corner."""

    def __init__(self, settings: HashingEmbedderSettings, **_ignored: object) -> None:
        self.name = f"hashing-{settings.dimension}"
        self.dimension = settings.dimension

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for row, text in zip(vectors, texts, strict=True):
            for feature, weight in _features(text):
                digest = hashlib.blake2b(feature.encode(), digest_size=8).digest()
                number = int.from_bytes(digest, "big")
                row[(number >> 1) % self.dimension] += weight if number & 1 else -weight
            length = float(np.linalg.norm(row))
            if length > 0:
                row[:] = row / length
            else:
                row[0] = 1.0
        return vectors

    def embed_question(self, text: str) -> Vectors:
        vector: Vectors = self.embed_passages([text])[0]
        return vector

    def close(self) -> None:
        return None


def _features(text: str) -> Iterator[tuple[str, float]]:
    for word in _WORD.findall(text.casefold()):
        yield word, 1.0
        padded = f"^{word}$"
        for start in range(len(padded) - 2):
            yield padded[start : start + 3], _TRIPLE_WEIGHT
