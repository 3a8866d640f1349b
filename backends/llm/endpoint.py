"""One endpoint of a router: its models, what is known of it, and how much it gets to do."""

import time
from collections.abc import Callable
from threading import Lock
from typing import Literal

from app.domain.models import ModelInfo
from backends.breaker import CircuitBreaker
from backends.llm.base import EndpointState, LanguageModel, Task
from backends.llm.limits import AdaptiveLimit
from backends.llm.settings import EndpointSettings
from backends.loading import load

Lane = Literal["people", "indexing"]
LANES: dict[Task, Lane] = {"answer": "people", "verify": "people", "extract": "indexing"}
# vLLM takes the lower number first.
_PRIORITIES: dict[Lane, int] = {"people": 0, "indexing": 10}


class Endpoint:
    """Its pool's lock guards everything but `describe`, `model` and `close`."""

    def __init__(self, settings: EndpointSettings, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.settings = settings
        self.breaker = CircuitBreaker(clock=clock)
        self.limit = AdaptiveLimit(settings.most_at_once, target_seconds=settings.target_seconds)
        self.outstanding = 0
        self.last_taken = 0
        """The number of the last call that it got: among equals the one that waited longest is next."""
        self.rests_until = 0.0
        """It said that it had no room."""
        self.info: ModelInfo | None = None
        self.checked_at: float | None = None
        """None: nobody asked yet what it is."""
        self.problem = ""
        self.checking = Lock()
        self._models: dict[Lane, LanguageModel] = {}
        self._loading = Lock()

    @property
    def group(self) -> tuple[str, ...]:
        """Equal for those that are meant to have the same model."""
        model = self.settings.model
        if model.kind == "scripted":
            return (self.settings.tier, model.kind, self.settings.name)
        return (self.settings.tier, model.kind, str(model.path) if model.kind == "llamacpp" else model.model)

    def has_room(self, lane: Lane, *, now: float) -> bool:
        room = self.limit.size
        if lane == "indexing":
            room = max(1, room - self.settings.kept_for_people)
        return self.outstanding < room and now >= self.rests_until

    def model(self, lane: Lane) -> LanguageModel:
        """Loaded when first needed. Raises MissingDependencyError and ConfigurationError as loading does."""
        with self._loading:
            if not self._models:
                self._models = _models_of(self.settings)
            return self._models[lane]

    def describe(self) -> ModelInfo:
        """As the server says now."""
        return self.model("people").describe()

    def state(self, *, problem: str) -> EndpointState:
        return EndpointState(
            name=self.settings.name,
            kind=self.settings.model.kind,
            tasks=self.settings.tasks,
            breaker=self.breaker.state,
            limit=self.limit.size,
            outstanding=self.outstanding,
            model=self.info,
            problem=problem,
        )

    def close(self) -> None:
        with self._loading:
            for model in set(self._models.values()):
                model.close()


def _models_of(settings: EndpointSettings) -> dict[Lane, LanguageModel]:
    """One for both lanes, or one for each where the server itself puts calls in order."""
    if not settings.priority_scheduling:
        model: LanguageModel = load(LanguageModel, settings.model)
        return dict.fromkeys(_PRIORITIES, model)
    return {
        lane: load(LanguageModel, settings.model.model_copy(update={"priority": priority}))
        for lane, priority in _PRIORITIES.items()
    }
