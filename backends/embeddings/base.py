"""The contract of an embedder."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]


class Embedder(ABC):
    """Texts to unit-length float32 rows. The same text gives the same vector whatever it is batched with."""

    name: str
    """Model name with version; part of every collection's name."""
    dimension: int

    @abstractmethod
    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """One row a text, in order; (0, dimension) for none. Texts over the model's window are cut at its end."""

    @abstractmethod
    def embed_question(self, text: str) -> Vectors:
        """One vector of shape (dimension,), for searching passages."""

    @abstractmethod
    def close(self) -> None:
        """Free what this object holds; a second call does nothing."""


class ReplicatedEmbedder(Embedder):
    """The same model on several servers, in the order of the settings."""

    @abstractmethod
    def check(self, place: int) -> None:
        """Ask the server that stands there for a vector. Raises what is wrong with it."""
