"""A language model of an Ollama server."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from app.domain.models import Message, ModelInfo
from backends.llm import refusals
from backends.llm.base import LanguageModel, Piece
from backends.llm.counting import estimate_tokens
from backends.llm.settings import OllamaSettings
from backends.ollama.server import OllamaServer


class OllamaLanguageModel(LanguageModel):
    """A model that Ollama would send on to another machine is refused, whatever the settings say."""

    def __init__(self, settings: OllamaSettings, **_ignored: object) -> None:
        self._settings = settings
        self._server = OllamaServer(
            settings.url, refusals=refusals.REFUSALS, timeout_seconds=settings.timeout_seconds, tls=settings
        )
        self._windows: dict[str, int] = {}

    def describe(self) -> ModelInfo:
        """Loads the model when the window of these weights is not yet known: only then does the server tell it."""
        digest = str(self._server.installed(self._settings.model).get("digest", ""))
        if digest not in self._windows:
            self._windows[digest] = self._window(digest)
        return ModelInfo(
            backend="ollama", name=self._settings.model, digest=digest, window_tokens=self._windows[digest]
        )

    def stream(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int,
        schema: Mapping[str, Any] | None = None,
        temperature: float = 0.0,
    ) -> Iterator[Piece]:
        self._server.installed(self._settings.model)
        body: dict[str, Any] = {
            "model": self._settings.model,
            "messages": [{"role": message.role, "content": message.text} for message in messages],
            "options": {"num_ctx": self._settings.num_ctx, "num_predict": max_tokens, "temperature": temperature},
            "keep_alive": self._settings.keep_alive,
            # By default a long prompt, and the oldest tokens of a long answer, would be dropped in silence.
            "truncate": False,
            "shift": False,
            "think": False,
        }
        if schema is not None:
            body["format"] = dict(schema)
        parts = self._server.chat(body)
        finish: str | None = None
        try:
            for part in parts:
                text = (part.get("message") or {}).get("content") or ""
                finish = str(part.get("done_reason") or "stop") if part.get("done") else finish
                if text:
                    yield Piece(text)
        finally:
            parts.close()  # type: ignore[attr-defined]
        if finish not in {"stop", "length"}:
            raise refusals.ended_otherwise(finish) if finish else refusals.broken_off()
        yield Piece("", "length" if finish == "length" else "stop")

    def count_tokens(self, text: str) -> int:
        """Estimated, about twice as high for prose: the server has no way to count."""
        return estimate_tokens(text)

    def close(self) -> None:
        self._server.close()

    def _window(self, digest: str) -> int:
        name, options = self._settings.model, {"num_ctx": self._settings.num_ctx}
        self._server.load(name, options=options, keep_alive=self._settings.keep_alive)
        for entry in self._server.loaded():
            if entry.get("digest") == digest and entry.get("context_length"):
                return int(entry["context_length"])
        details = self._server.show(name).get("model_info") or {}
        trained = [int(size) for key, size in details.items() if key.endswith(".context_length") and size]
        return min([self._settings.num_ctx, *trained])
