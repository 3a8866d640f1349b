"""A GGUF file run by llama.cpp in a child process."""

import hashlib
import importlib.util
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from app.domain.models import Message, ModelInfo
from app.errors import ConfigurationError, MissingDependencyError
from backends.llm.base import LanguageModel, Piece
from backends.llm.llamacpp_process import MISSING, LlamaCppProcess, start
from backends.llm.openai import OpenAILanguageModel
from backends.llm.settings import LlamaCppSettings, OpenAISettings


class LlamaCppLanguageModel(LanguageModel):
    """The child starts at the first use and again when it has died; each such object has its own."""

    def __init__(self, settings: LlamaCppSettings, **_ignored: object) -> None:
        if importlib.util.find_spec("xllamacpp") is None:
            raise MissingDependencyError(MISSING)
        if not settings.path.is_file():
            raise ConfigurationError(f"The model file {settings.path.name} does not exist: correct its path.")
        self._settings = settings
        self._lock = threading.Lock()
        self._process: LlamaCppProcess | None = None
        self._client: OpenAILanguageModel | None = None

    def describe(self) -> ModelInfo:
        path = self._settings.path
        status = path.stat()
        return replace(
            self._connected().describe(),
            backend="llamacpp",
            name=path.stem,
            digest=_sha256(path, status.st_mtime_ns, status.st_size),
        )

    def stream(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int,
        schema: Mapping[str, Any] | None = None,
        temperature: float = 0.0,
    ) -> Iterator[Piece]:
        yield from self._connected().stream(messages, max_tokens=max_tokens, schema=schema, temperature=temperature)

    def count_tokens(self, text: str) -> int:
        """Exact."""
        return self._connected().count_tokens(text)

    def close(self) -> None:
        with self._lock:
            self._end()

    def _connected(self) -> OpenAILanguageModel:
        with self._lock:
            if self._client is not None and self._process is not None and self._process.alive:
                return self._client
            self._end()
            alias = self._settings.path.stem
            self._process = start(self._settings, alias=alias)
            self._client = OpenAILanguageModel(
                OpenAISettings(
                    url=self._process.url + "/v1",
                    model=alias,
                    api_key=SecretStr(self._process.api_key),
                    timeout_seconds=self._settings.timeout_seconds,
                )
            )
            return self._client

    def _end(self) -> None:
        if self._process is not None:
            self._process.end()
        if self._client is not None:
            self._client.close()
        self._process = self._client = None


@lru_cache(maxsize=8)
def _sha256(path: Path, _mtime_ns: int, _size: int) -> str:
    with path.open("rb") as file:
        return "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()
