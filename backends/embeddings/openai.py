"""Embeddings from a server with the OpenAI API."""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import openai

from app.errors import BackendUnavailableError, ConfigurationError, InvalidInputError
from backends.embeddings.base import Embedder, Vectors
from backends.embeddings.settings import OpenAIEmbedderSettings

_SHORTEST_CUT = 64


class OpenAIEmbedder(Embedder):
    """Rows are scaled to unit length here, because not every server does. Connects at the first text."""

    def __init__(self, settings: OpenAIEmbedderSettings, **_ignored: object) -> None:
        self._settings = settings
        self.name = settings.model
        self.dimension = settings.dimension

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        size = self._settings.batch_texts
        prefixed = [self._settings.passage_prefix + text for text in texts]
        rows = [self._embed(prefixed[start : start + size]) for start in range(0, len(prefixed), size)]
        return np.concatenate(rows) if rows else np.zeros((0, self.dimension), dtype=np.float32)

    def embed_question(self, text: str) -> Vectors:
        vector: Vectors = self._embed([self._settings.question_prefix + text])[0]
        return vector

    def close(self) -> None:
        if "_client" in self.__dict__:
            self._client.close()
            del self.__dict__["_client"]

    @cached_property
    def _client(self) -> openai.OpenAI:
        settings = self._settings
        return openai.OpenAI(
            base_url=settings.url,
            api_key=settings.api_key.get_secret_value() or "none",
            timeout=settings.timeout_seconds,
            max_retries=settings.retries,
        )

    def _embed(self, texts: list[str]) -> Vectors:
        try:
            return self._request(texts)
        except openai.BadRequestError as error:
            if len(texts) > 1:
                return np.concatenate([self._embed([text]) for text in texts])
            if len(texts[0]) > _SHORTEST_CUT:
                # Servers refuse what is over their window and name it differently: cut the end until it fits.
                return self._embed([texts[0][: len(texts[0]) // 4 * 3]])
            raise InvalidInputError("The embedding server refused a text: look at its log for the reason.") from error

    def _request(self, texts: list[str]) -> Vectors:
        # A server may refuse an empty text; a blank one has a vector everywhere.
        texts = [text or " " for text in texts]
        try:
            answer = self._client.embeddings.create(model=self._settings.model, input=texts, encoding_format="float")
        except openai.BadRequestError:
            raise
        except (openai.NotFoundError, openai.AuthenticationError, openai.PermissionDeniedError) as error:
            raise ConfigurationError(
                f"The embedding server refused model or key (HTTP {error.status_code}): check the embeddings settings."
            ) from error
        except openai.OpenAIError as error:
            raise BackendUnavailableError(
                "The embedding server did not answer: check that it runs at the configured address."
            ) from error
        rows = sorted(answer.data, key=lambda item: item.index)
        if len(rows) != len(texts) or any(len(row.embedding) != self.dimension for row in rows):
            raise ConfigurationError(
                f"The embedding server's vectors do not have {self.dimension} dimensions: correct that setting."
            )
        vectors = np.array([row.embedding for row in rows], dtype=np.float32)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not np.all(lengths > 0):
            raise BackendUnavailableError("The embedding server sent an empty vector: look at its log.")
        unit: Vectors = vectors / lengths
        return unit
