"""The language model of this process: found, tried out, and looked for again when it was away."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from threading import Lock, Thread

from app.domain.models import Band, ProbeResult
from app.errors import BackendUnavailableError, DafeError
from app.pipeline.probe import NO_MODEL, override_band, probe
from backends.cache.base import CacheStore
from backends.llm.base import LanguageModel

_KEPT_SECONDS = 60.0
_TRYING = replace(NO_MODEL, reason="The language model is being tried out; until then rules read alone.")


@dataclass(frozen=True, slots=True)
class Tried:
    """A model and what it was found able to do; `model` is None when there is none, or it may do nothing."""

    model: LanguageModel | None
    result: ProbeResult
    settled: bool = True
    """False: it is being tried out, or did not answer."""


class ModelInUse:
    """Threads may share it. A result is kept a minute, then the server is asked which model it has now."""

    def __init__(
        self,
        find: Callable[[], LanguageModel | None],
        *,
        cache: CacheStore,
        band: Band | None = None,
        clock: Callable[[], float] = time.monotonic,
        alone: Callable[[], AbstractContextManager[None]] = nullcontext,
        on_tried: Callable[[ProbeResult], None] = lambda _result: None,
    ) -> None:
        """`find` gives the model that the settings name, or None; `band` overrides what the probe finds; `alone` keeps
        other processes from trying a model meanwhile: two at once are slow for both, and then too slow; `on_tried`
        gets what a model was found able to do."""
        self._find = find
        self._cache = cache
        self._band = band
        self._clock = clock
        self._alone = alone
        self._on_tried = on_tried
        self._model: LanguageModel | None = None
        self._tried: Tried | None = None
        self._tried_at = 0.0
        self._away: Tried | None = None
        """What pages are told since a model that the settings name did not answer; whoever reads asks it again."""
        self._away_at = 0.0
        self._trying = Lock()
        self._starting = Lock()
        self._thread: Thread | None = None

    def settle(self) -> Tried:
        """The model, tried out now where that is due: up to minutes for a new one.

        Raises BackendUnavailableError when a model that the settings name does not answer.
        """
        with self._trying:
            if self._tried is not None and self._clock() - self._tried_at < _KEPT_SECONDS:
                return self._tried
            self._tried = self._try()
            self._tried_at = self._clock()
            self._away = None
            return self._tried

    def look(self, *, wait_seconds: float = 0.0) -> Tried:
        """What is known now; where trying is due it begins in the background and is waited for that long at most."""
        known_at = self._tried_at if self._away is None else self._away_at
        if (self._away or self._tried) is None or self._clock() - known_at >= _KEPT_SECONDS:
            with self._starting:
                if self._thread is None or not self._thread.is_alive():
                    self._thread = Thread(target=self._settle_quietly, name="model-probe", daemon=True)
                    self._thread.start()
            if wait_seconds:
                self._thread.join(wait_seconds)
        return self._away or self._tried or Tried(None, _TRYING, settled=False)

    def again(self) -> ProbeResult:
        """Try the model's probe anew, whatever is stored."""
        self._cache.delete_scope("models")
        self.expire()
        return self.settle().result

    def expire(self) -> None:
        """What is known is not believed any longer: the next call asks the server."""
        self._tried_at = self._away_at = float("-inf")

    def close(self) -> None:
        if self._model is not None:
            self._model.close()

    def _settle_quietly(self) -> None:
        try:
            self.settle()
        except DafeError as error:
            result = replace(NO_MODEL, reason=f"{error.message} Until then rules read alone.")
            self._away = Tried(None, result, settled=False)
            self._away_at = self._clock()

    def _try(self) -> Tried:
        if self._model is None:
            self._model = self._find()
        if self._model is None:
            return Tried(None, NO_MODEL)
        try:
            with self._alone():
                result = probe(self._model, cache=self._cache)
        except BackendUnavailableError:
            self._model.close()
            self._model = None
            raise
        if self._band is not None:
            result = override_band(result, self._band, reason="DAFE_MODEL_BAND.")
        self._on_tried(result)
        return Tried(self._model, result)
