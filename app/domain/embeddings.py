"""Spaces in which texts are compared by meaning, and which of them the questions of a workspace search."""

from dataclasses import dataclass

from app.domain.ids import VersionId


@dataclass(frozen=True, slots=True)
class EmbeddingSpace:
    """The vectors of one embedding model, all of one length; those of two spaces are never compared."""

    name: str
    dimension: int

    def __str__(self) -> str:
        return f"{self.name}/{self.dimension}"


@dataclass(frozen=True, slots=True)
class EmbeddingUse:
    """`searched` holds a vector of each passage that can be seen; None where no space does."""

    searched: EmbeddingSpace | None
    writing: VersionId | None = None
    """The version whose vectors are being made anew. Left behind by a process that was killed, it may have vectors
    although it was deleted since."""
