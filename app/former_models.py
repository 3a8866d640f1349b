"""Opens the embedding model of before again, where it runs in this program or the settings still name its server."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
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
        for candidate in _candidates(space, settings):
            embedder = _open(candidate, space, model_dir=settings.model_dir)
            if embedder is not None:
                about = {"embedding_name": space.name, "dimension": space.dimension}
                return embedder, load(VectorStore, settings.vectors, **parts, **about)
        return None

    return open_former


def _candidates(space: EmbeddingSpace, settings: Settings) -> Iterator[BackendSettings]:
    if settings.embeddings_before is not None:
        yield settings.embeddings_before
    yield OnnxEmbedderSettings()
    if space.dimension in _WIDTHS:
        yield HashingEmbedderSettings(dimension=space.dimension)


def _open(candidate: BackendSettings, space: EmbeddingSpace, *, model_dir: Path) -> Embedder | None:
    """None for another model, and for one that does not answer."""
    with suppress(DafeError):
        embedder: Embedder = load(Embedder, candidate, model_dir=model_dir)
        with suppress(DafeError):
            if space_of(embedder) == space and len(embedder.embed_question("Is the model there?")) == space.dimension:
                return embedder
        embedder.close()
    return None
