"""Embeddings from an Ollama server."""

import time
from collections.abc import Sequence
from functools import cached_property

from app.errors import ConfigurationError
from backends.embeddings.served import REFUSALS, ServedEmbedder
from backends.embeddings.settings import OllamaEmbedderSettings
from backends.ollama.server import OllamaServer
from backends.refusals import PassingError

_DIGEST_DIGITS = 12
_PAUSE_SECONDS = 0.5


class OllamaEmbedder(ServedEmbedder):
    """Connects when it is built: name and dimension are of the weights that the server then has under the model's name.

    Texts are not sent where that name means other weights by now, or a model on another machine.
    """

    _remedy = "put the old model back, or restart Dafe Graphs, which makes all vectors anew"

    def __init__(self, settings: OllamaEmbedderSettings, **_ignored: object) -> None:
        super().__init__(settings)
        self._settings = settings
        try:
            installed = self._server.installed(settings.model)
            self._digest = str(installed.get("digest") or "")
            self.name = f"{installed['name']}@{self._digest[:_DIGEST_DIGITS]}{self._prefixes.mark}"
            rows = self._send(["Is the model there?"])
            self.dimension = len(rows[0]) if rows else 0
            self._unit_rows(rows, 1)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        if "_server" in self.__dict__:
            self._server.close()
            del self.__dict__["_server"]

    @cached_property
    def _server(self) -> OllamaServer:
        return OllamaServer(
            self._settings.url,
            refusals=REFUSALS,
            timeout_seconds=self._settings.timeout_seconds,
            tls=self._settings,
        )

    def _ask(self, texts: Sequence[str]) -> list[list[float]]:
        self._check_weights()
        rows = self._send(texts)
        # They may have been replaced between the two requests.
        self._check_weights()
        return rows

    def _check_weights(self) -> None:
        if self._server.installed(self._settings.model).get("digest") != self._digest:
            raise ConfigurationError(
                f"The model {self._settings.model} was replaced on the embedding model server: {self._remedy}."
            )

    def _send(self, texts: Sequence[str]) -> list[list[float]]:
        """Again after a failure that passes: to embed changes nothing. Not after a time-out, because the server may
        still be computing."""
        for attempt in range(self._settings.retries):
            try:
                return self._send_once(texts)
            except PassingError:
                time.sleep(_PAUSE_SECONDS * 2**attempt)
        return self._send_once(texts)

    def _send_once(self, texts: Sequence[str]) -> list[list[float]]:
        return self._server.embed(self._settings.model, texts, keep_alive=self._settings.keep_alive)
