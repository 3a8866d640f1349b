"""The contract of a language model."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from app.domain.models import Message, ModelInfo


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of an answer as it arrives; the last one alone carries `finish`."""

    text: str
    finish: Literal["stop", "length"] | None = None
    """"length": the answer was cut; a cut JSON answer must not be parsed."""


class LanguageModel(ABC):
    """One model on one server; any thread may use it. Errors are BackendUnavailableError (not there, too slow, broken
    off, key or model refused), InvalidInputError (prompt longer than the window, schema that the server cannot use) or
    ModelOutputError (not the protocol); vendor exceptions never leave the adapter. Nothing is tried twice."""

    @abstractmethod
    def describe(self) -> ModelInfo:
        """Name, digest and the real window as the server reports them now; loads the model where only that tells."""

    @abstractmethod
    def stream(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int,
        schema: Mapping[str, Any] | None = None,
        temperature: float = 0.0,
    ) -> Iterator[Piece]:
        """Pieces as the server sends them. `schema` (JSON Schema) constrains decoding. Closing the iterator ends the
        request at the server. The prompt is never cut: longer than the window raises InvalidInputError. Nothing is sent
        before the first piece is asked for, and errors come from there too."""

    @abstractmethod
    def count_tokens(self, text: str) -> int:
        """Exact where the server can count, otherwise not too low. The chat template's own tokens come on top: about
        ten for each message."""

    @abstractmethod
    def close(self) -> None:
        """Free what this object holds, child processes too; a second call does nothing."""
