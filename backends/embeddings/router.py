"""The same embedding model on several servers."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import TypeVar

from app.errors import BackendUnavailableError, ConfigurationError, DafeError, ModelOutputError
from app.logs import get_logger
from backends.breaker import CircuitBreaker
from backends.embeddings.base import Embedder, ReplicatedEmbedder, Vectors
from backends.embeddings.settings import OllamaEmbedderSettings, OpenAIEmbedderSettings, RouterEmbedderSettings
from backends.loading import load

_T = TypeVar("_T")
_FAILURES = (BackendUnavailableError, ConfigurationError, ModelOutputError)
"""Of the server, not of the text."""
_ANOTHER = "The embedding servers do not have the same model: correct the embeddings settings."
_NONE_LEFT = "No embedding server answers: check that they run at the configured addresses."
_log = get_logger("embeddings")


class RoutedEmbedder(ReplicatedEmbedder):
    """A call goes to the server with the fewest under way, and to the next one where that fails.

    Which model it is, the first server that answers says; one that has another gets no calls until it has the same.
    """

    def __init__(self, settings: RouterEmbedderSettings, **_ignored: object) -> None:
        self._replicas = [_Replica(one) for one in settings.endpoints]
        self._lock = Lock()
        self._space: tuple[str, int] | None = None
        try:
            self.name, self.dimension = self._space = self._done_by_one(lambda one: (one.name, one.dimension))
        except BaseException:
            self.close()
            raise

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        return self._done_by_one(lambda one: one.embed_passages(texts))

    def embed_question(self, text: str) -> Vectors:
        return self._done_by_one(lambda one: one.embed_question(text))

    def check(self, place: int) -> None:
        replica = self._replicas[place]
        with self._taken(replica):
            replica.opened(self._space).embed_question("Is the model there?")

    def close(self) -> None:
        for replica in self._replicas:
            replica.close()

    def _done_by_one(self, call: Callable[[Embedder], _T]) -> _T:
        """Raises what the last server tried said, when none does it."""
        tried: list[_Replica] = []
        error: Exception = BackendUnavailableError(_NONE_LEFT)
        while (replica := self._next(tried)) is not None:
            tried.append(replica)
            try:
                with self._taken(replica):
                    return call(replica.opened(self._space))
            except _FAILURES as failure:
                error = failure
        raise error

    def _next(self, tried: Sequence["_Replica"]) -> "_Replica | None":
        """Servers whose circuit is closed, and one on trial, come before those that are left out; these are asked only
        where nobody else is there to do it."""
        with self._lock:
            left = [one for one in self._replicas if one not in tried]
            due = next((one for one in left if one.breaker.begin_trial()), None)
            if due is not None:
                return due
            return min(left, key=lambda one: (one.breaker.state != "closed", one.outstanding), default=None)

    @contextmanager
    def _taken(self, replica: "_Replica") -> Iterator[None]:
        with self._lock:
            replica.outstanding += 1
        try:
            yield
        except _FAILURES as error:
            with self._lock:
                before = replica.breaker.state
                replica.breaker.fail()
                if before != "open" and replica.breaker.state == "open":
                    _log.info(f"the embedding server {replica.url} is left out for a while: {error.message}")
            raise
        except DafeError:  # It answered, and refused the text.
            self._succeeded(replica)
            raise
        except BaseException:
            with self._lock:
                replica.breaker.fail()
            raise
        else:
            self._succeeded(replica)
        finally:
            with self._lock:
                replica.outstanding -= 1

    def _succeeded(self, replica: "_Replica") -> None:
        with self._lock:
            replica.breaker.pass_trial()
            replica.breaker.succeed()


class _Replica:
    """Its router's lock guards `breaker` and `outstanding`."""

    def __init__(self, settings: OllamaEmbedderSettings | OpenAIEmbedderSettings) -> None:
        self.url = settings.url
        self.breaker = CircuitBreaker()
        self.outstanding = 0
        self._settings = settings
        self._embedder: Embedder | None = None
        self._opening = Lock()

    def opened(self, space: tuple[str, int] | None) -> Embedder:
        """Raises ConfigurationError where it has another model than that of `space`."""
        with self._opening:
            if self._embedder is None:
                embedder: Embedder = load(Embedder, self._settings)
                if space not in {None, (embedder.name, embedder.dimension)}:
                    embedder.close()
                    raise ConfigurationError(_ANOTHER)
                self._embedder = embedder
            return self._embedder

    def close(self) -> None:
        with self._opening:
            if self._embedder is not None:
                self._embedder.close()
