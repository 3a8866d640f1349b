"""Embeddings from a server with the OpenAI API."""

from collections.abc import Sequence
from functools import cached_property

import openai

from app.errors import BackendUnavailableError, ConfigurationError
from backends.certificates import certificate_error, tls_context
from backends.embeddings.served import ServedEmbedder
from backends.embeddings.settings import OpenAIEmbedderSettings
from backends.refusals import TooLongError

_REFUSED = {400, 413}
"""Servers refuse what is over their window, or too many texts, and name it differently."""


class OpenAIEmbedder(ServedEmbedder):
    """Connects at the first text."""

    _remedy = "correct that setting"

    def __init__(self, settings: OpenAIEmbedderSettings, **_ignored: object) -> None:
        super().__init__(settings)
        self._settings = settings
        self.name = settings.model + self._prefixes.mark
        self.dimension = settings.dimension

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
            # No proxy from the environment: texts go to the configured address and nowhere else.
            http_client=openai.DefaultHttpxClient(
                verify=tls_context(settings, settings="embedding model"),
                timeout=settings.timeout_seconds,
                trust_env=False,
                follow_redirects=False,
            ),
        )

    def _ask(self, texts: Sequence[str]) -> list[list[float]]:
        try:
            answer = self._client.embeddings.create(
                model=self._settings.model, input=list(texts), encoding_format="float"
            )
        except (openai.NotFoundError, openai.AuthenticationError, openai.PermissionDeniedError) as error:
            raise ConfigurationError(
                f"The embedding server refused model or key (HTTP {error.status_code}): check the embeddings settings."
            ) from error
        except openai.OpenAIError as error:
            if isinstance(error, openai.APIStatusError) and error.status_code in _REFUSED:
                raise TooLongError("The embedding server refused a text: look at its log for the reason.") from error
            untrusted = certificate_error("embedding model", error, settings="embedding model")
            raise untrusted or BackendUnavailableError(
                "The embedding server did not answer: check that it runs at the configured address."
            ) from error
        return [row.embedding for row in sorted(answer.data, key=lambda item: item.index)]
