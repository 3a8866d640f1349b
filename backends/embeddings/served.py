"""What the embedders have in common whose model runs in a server."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from app.errors import ConfigurationError
from app.logs import get_logger
from backends.embeddings.base import Embedder, Vectors
from backends.embeddings.prefixes import prefixes_for
from backends.embeddings.settings import ServedEmbedderSettings
from backends.refusals import Refusals, TooLongError

REFUSALS = Refusals("embedding model")
_SHORTEST_CUT = 64
_log = get_logger("embeddings")


class ServedEmbedder(Embedder):
    """Asks in batches, puts the prefixes before texts and scales rows to unit length, because not every server does.

    Chunks are counted in MiniLM's tokens, so that one may be over another model's window. The server is never let cut:
    it refuses, and then the end is taken off here until the text fits, and the log says so.
    """

    _remedy: ClassVar[str]
    """What to do when vectors have another length than `dimension`."""

    def __init__(self, settings: ServedEmbedderSettings) -> None:
        self._batch_texts = settings.batch_texts
        self._prefixes = prefixes_for(
            settings.model, question=settings.question_prefix, passage=settings.passage_prefix
        )

    @abstractmethod
    def _ask(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        """A row a text, in order; none is empty. Raises TooLongError when one may be over the window."""

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        return self._embed([self._prefixes.passage + text for text in texts])

    def embed_question(self, text: str) -> Vectors:
        vector: Vectors = self._embed([self._prefixes.question + text])[0]
        return vector

    def _embed(self, texts: Sequence[str]) -> Vectors:
        # A server may refuse an empty text; a blank one has a vector everywhere.
        given = [text or " " for text in texts]
        fitting = list(given)
        size = self._batch_texts
        rows = [self._fit(fitting, range(start, min(start + size, len(given)))) for start in range(0, len(given), size)]
        if fitting != given:
            _log.info(
                "the end of a text was left out of its vector, being over the embedding model's window: "
                "choose a model with a larger one"
            )
        return np.concatenate(rows) if rows else np.zeros((0, self.dimension), dtype=np.float32)

    def _fit(self, texts: list[str], places: range) -> Vectors:
        """Their rows; those that are over the window are shortened in `texts`."""
        while True:
            try:
                return self._unit_rows(self._ask([texts[place] for place in places]), len(places))
            except TooLongError:
                if len(places) > 1:
                    middle = len(places) // 2
                    return np.concatenate([self._fit(texts, places[:middle]), self._fit(texts, places[middle:])])
                text = texts[places[0]]
                if len(text) <= _SHORTEST_CUT:
                    raise
                texts[places[0]] = text[: len(text) // 4 * 3]

    def _unit_rows(self, rows: Sequence[Sequence[float]], count: int) -> Vectors:
        if len(rows) != count:
            raise REFUSALS.strange_answer()
        if any(len(row) != self.dimension for row in rows):
            raise ConfigurationError(
                f"The embedding server's vectors do not have {self.dimension} dimensions: {self._remedy}."
            )
        vectors = np.array(rows, dtype=np.float32)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not np.all(np.isfinite(lengths) & (lengths > 0)):
            raise REFUSALS.no_numbers()
        unit: Vectors = vectors / lengths
        return unit
