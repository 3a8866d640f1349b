"""Several models on several endpoints: the calls of each task go where they are done soonest."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from app.domain.models import Message, ModelInfo
from app.errors import BackendUnavailableError
from backends.llm.base import CallOutcome, EndpointState, LanguageModel, ModelRouter, Piece, Task
from backends.llm.counting import estimate_tokens
from backends.llm.endpoint import Endpoint
from backends.llm.pool import ReplicaPool
from backends.llm.settings import RouterSettings
from backends.refusals import BusyError

_PULSE_SECONDS = 0.5
"""How often whoever waits for a turn is asked whether it still wants it."""
OnCall = Callable[[str, CallOutcome], None]
"""Gets the name of the endpoint and how a call of it ended; not called for one that whoever asked gave up."""


class PooledLanguageModel(LanguageModel):
    """The model of a pool, for one task."""

    def __init__(self, pool: ReplicaPool, *, task: Task, on_call: OnCall) -> None:
        self._pool = pool
        self._task: Task = task
        self._on_call = on_call

    def describe(self) -> ModelInfo:
        return self._pool.describe(self._task)

    def stream(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int,
        schema: Mapping[str, Any] | None = None,
        temperature: float = 0.0,
    ) -> Iterator[Piece]:
        call = self._pool.call(self._task)
        while True:
            with self._pool.turn(call):
                while not self._pool.granted(call, within_seconds=_PULSE_SECONDS):
                    yield Piece("")
                if not self._pool.confirmed(call):
                    continue
                pieces = call.place.model(call.lane).stream(
                    messages, max_tokens=max_tokens, schema=schema, temperature=temperature
                )
                shown, began = False, time.monotonic()
                try:
                    for piece in pieces:
                        if not shown:
                            self._pool.answered(call, time.monotonic() - began)
                        shown = True
                        yield piece
                except BackendUnavailableError as error:
                    self._pool.failed(call, error)
                    self._on_call(call.place.settings.name, "busy" if isinstance(error, BusyError) else "failed")
                    if shown:
                        raise
                else:
                    self._pool.succeeded(call)
                    self._on_call(call.place.settings.name, "done")
                    return
                finally:
                    pieces.close()  # type: ignore[attr-defined]

    def count_tokens(self, text: str) -> int:
        """As an endpoint counts that takes calls; estimated where none does."""
        model = self._pool.model(self._task)
        return estimate_tokens(text) if model is None else model.count_tokens(text)

    def close(self) -> None:
        """The router closes the endpoints."""


class RoutedLanguageModels(ModelRouter):
    """Endpoints with the same kind, model and tier are a pool. Answers take large models first, then small ones;
    extraction has one model, the first in the settings that may, and waits for it."""

    def __init__(
        self, settings: RouterSettings, *, on_call: OnCall = lambda _endpoint, _outcome: None, **_ignored: object
    ) -> None:
        self._on_call = on_call
        self._endpoints = [Endpoint(one) for one in settings.endpoints]
        groups: dict[tuple[str, ...], list[Endpoint]] = {}
        for endpoint in self._endpoints:
            groups.setdefault(endpoint.group, []).append(endpoint)
        self._pools = [ReplicaPool(group, wait_seconds=settings.wait_seconds) for group in groups.values()]
        self._first = (*self.models_for("answer"), *self.models_for("verify"), *self.models_for("extract"))[0]

    def models_for(self, task: Task) -> tuple[LanguageModel, ...]:
        able = [pool for pool in self._pools if any(task in one.settings.tasks for one in pool.replicas)]
        if task == "extract":
            able = able[:1]
        else:
            able.sort(key=lambda pool: pool.replicas[0].settings.tier != "large")
        return tuple(PooledLanguageModel(pool, task=task, on_call=self._on_call) for pool in able)

    def endpoints(self, *, wait_seconds: float = 0.0) -> list[EndpointState]:
        states: dict[Endpoint, EndpointState] = {}
        until = time.monotonic() + wait_seconds
        for pool in self._pools:
            states |= pool.states(wait_seconds=max(0.0, until - time.monotonic()))
        return [states[endpoint] for endpoint in self._endpoints]

    def describe(self) -> ModelInfo:
        return self._first.describe()

    def stream(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int,
        schema: Mapping[str, Any] | None = None,
        temperature: float = 0.0,
    ) -> Iterator[Piece]:
        return self._first.stream(messages, max_tokens=max_tokens, schema=schema, temperature=temperature)

    def count_tokens(self, text: str) -> int:
        return self._first.count_tokens(text)

    def close(self) -> None:
        for pool in self._pools:
            pool.close()
