"""Prepared answers in the place of a language model, for tests and demonstrations."""

import hashlib
import json
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError

from app.domain.models import Message, ModelInfo
from app.errors import BackendUnavailableError, ConfigurationError, ModelOutputError
from backends.llm import refusals
from backends.llm.base import LanguageModel, Piece
from backends.llm.settings import ScriptedAnswer, ScriptedSettings

_TOKENS = re.compile(r"\s*(?:\w+|[^\w\s])|\s+")
_ANSWERS = TypeAdapter(tuple[ScriptedAnswer, ...])


class ScriptedLanguageModel(LanguageModel):
    """A word or sign is a token. `open_streams` counts the answers being given now."""

    def __init__(self, settings: ScriptedSettings, **_ignored: object) -> None:
        self._settings = settings
        self._answers = settings.answers + _read(settings)
        if not self._answers:
            raise ConfigurationError("The scripted language model has no answers: give it some, or a file of them.")
        self._given: Counter[int] = Counter()
        self._lock = threading.Lock()
        self.open_streams = 0

    def describe(self) -> ModelInfo:
        script = json.dumps([answer.model_dump() for answer in self._answers], sort_keys=True)
        return ModelInfo(
            backend="scripted",
            name="scripted",
            digest="sha256:" + hashlib.sha256(script.encode()).hexdigest(),
            window_tokens=self._settings.window_tokens,
        )

    def stream(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int,
        schema: Mapping[str, Any] | None = None,
        temperature: float = 0.0,
    ) -> Iterator[Piece]:
        prompt = "\n".join(message.text for message in messages)
        if self.count_tokens(prompt) > self._settings.window_tokens:
            raise refusals.prompt_too_long(self._settings.window_tokens)
        answer = self._next_answer(prompt)
        pieces = _TOKENS.findall(answer.text if isinstance(answer.text, str) else json.dumps(answer.text))
        self._count_open(1)
        try:
            for text in pieces[:max_tokens]:
                time.sleep(self._settings.seconds_per_piece)
                yield Piece(text)
            if answer.fails == "unavailable":
                raise BackendUnavailableError("The scripted language model is not available, as its script says.")
            if answer.fails == "output":
                raise ModelOutputError("The scripted language model fails here, as its script says.")
            yield Piece("", "length" if len(pieces) > max_tokens else "stop")
        finally:
            self._count_open(-1)

    def count_tokens(self, text: str) -> int:
        return len(_TOKENS.findall(text))

    def close(self) -> None:
        """Nothing is held."""

    def _next_answer(self, prompt: str) -> ScriptedAnswer:
        places = [place for place, answer in enumerate(self._answers) if answer.when and answer.when in prompt]
        places = places or [place for place, answer in enumerate(self._answers) if not answer.when]
        if not places:
            raise ModelOutputError("The scripted language model has no answer to this prompt: add one to its script.")
        with self._lock:
            place = min(places, key=lambda place: (self._given[place], place))
            self._given[place] += 1
        return self._answers[place]

    def _count_open(self, change: int) -> None:
        with self._lock:
            self.open_streams += change


def _read(settings: ScriptedSettings) -> tuple[ScriptedAnswer, ...]:
    if settings.path is None:
        return ()
    try:
        listed = yaml.safe_load(settings.path.read_text(encoding="utf-8"))
        if not isinstance(listed, list):
            raise TypeError("not a list")
        parts = [{"text": part} if isinstance(part, str) else part for part in listed]
        return _ANSWERS.validate_python(parts)
    except (OSError, TypeError, ValueError, yaml.YAMLError, ValidationError) as error:
        raise ConfigurationError(
            f"The script {settings.path.name} cannot be read: it must be a YAML or JSON list of answers."
        ) from error
