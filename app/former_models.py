"""Opens again what the settings do not name any more: an embedding model of before, as long as it runs in here."""

from collections.abc import Callable, Iterator
from typing import Any

from app.domain.embeddings import EmbeddingSpace
from app.errors import DafeError
from app.pipeline.embedding_spaces import Opened, space_of
from app.settings import Settings
from backends.embeddings.base import Embedder
from backends.embeddings.settings import HashingEmbedderSettings, OnnxEmbedderSettings
from backends.loading import load
from backends.settings import BackendSettings
from backends.vectors.base import VectorStore

_WIDTHS = range(8, 4097)
"""Of the hashing embedder."""


def former_opener(settings: Settings, **parts: Any) -> Callable[[EmbeddingSpace], Opened | None]:
    """`parts` are what vector stores take beside the space. A server that the settings do not name is not asked: what
    questions say goes only where somebody wants it to go now."""

    def open_former(space: EmbeddingSpace) -> Opened | None:
        if not settings.vectors.shared:  # Such a store keeps nothing of an earlier start.
            return None
        for candidate in _embedded(space):
            embedder: Embedder = load(Embedder, candidate, model_dir=settings.model_dir)
            if space_of(embedder) == space and _works(embedder):
                about = {"embedding_name": space.name, "dimension": space.dimension}
                return embedder, load(VectorStore, settings.vectors, **parts, **about)
            embedder.close()
        return None

    return open_former


def _embedded(space: EmbeddingSpace) -> Iterator[BackendSettings]:
    yield OnnxEmbedderSettings()
    if space.dimension in _WIDTHS:
        yield HashingEmbedderSettings(dimension=space.dimension)


def _works(embedder: Embedder) -> bool:
    try:
        return len(embedder.embed_question("Is the model there?")) == embedder.dimension
    except DafeError:
        return False
