"""The contract of a language model."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from app.domain.models import Message, ModelInfo

Task = Literal["answer", "verify", "extract"]
"""What a model is asked for: an answer to a person who waits, a check of one, facts of a document."""
CallOutcome = Literal["done", "failed", "busy"]
"""How a call of an endpoint ended: answered to its end, broken off or not there, or refused for want of room."""


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
        """Pieces as the server sends them; empty ones while the call waits for its turn. `schema` (JSON Schema)
        constrains decoding. Closing the iterator ends the request at the server. The prompt is never cut: longer than
        the window raises InvalidInputError. Nothing is sent before the first piece is asked for, and errors come from
        there too."""

    @abstractmethod
    def count_tokens(self, text: str) -> int:
        """Exact where the server can count, otherwise not too low. The chat template's own tokens come on top: about
        ten for each message."""

    @abstractmethod
    def close(self) -> None:
        """Free what this object holds, child processes too; a second call does nothing."""


@dataclass(frozen=True, slots=True)
class EndpointState:
    """One endpoint of a router as this process sees it now."""

    name: str
    kind: str
    tasks: frozenset[Task]
    breaker: Literal["closed", "half_open", "open"]
    """Closed: calls go there. Open: it failed and is tried again later. Half-open: it is being tried."""
    limit: int
    """How many calls it gets at once now."""
    outstanding: int
    model: ModelInfo | None
    """None: it never answered."""
    problem: str
    """Why it gets no calls, in one sentence; empty when it does."""


class ModelRouter(LanguageModel):
    """Several models on several endpoints. As a language model it is the first one that writes answers."""

    @abstractmethod
    def models_for(self, task: Task) -> tuple[LanguageModel, ...]:
        """The models that may do this, first choice first; each spreads its calls over the endpoints that have it.

        A call that has shown no piece yet goes on at another endpoint with the same model, never with another model.
        `describe` of such a model answers from what is known of its endpoints and raises BackendUnavailableError when
        none takes calls. Closing one does nothing.
        """

    @abstractmethod
    def endpoints(self, *, wait_seconds: float = 0.0) -> list[EndpointState]:
        """In the order of the settings; those that were not looked at yet are waited for that long at most."""
