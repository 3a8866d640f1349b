"""The endpoints that have the same model: who is next, where the call goes, and who is left out."""

import time
from bisect import insort
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Condition, Event

from app.domain.models import ModelInfo
from app.errors import BackendUnavailableError, DafeError
from app.logs import get_logger
from backends.llm.base import EndpointState, LanguageModel, Task
from backends.llm.endpoint import LANES, Endpoint, Lane
from backends.llm.watching import Watch
from backends.refusals import BusyError

_SURE_SECONDS = 1.0
_FIRST_LOOK_SECONDS = 15.0
_CHECK_SECONDS = 5.0
_CHECK_AGAIN_SECONDS = 1.0
_REST_SECONDS = 1.0
_TRIES_WHERE_BUSY = 4
_CLOSED = "The language models of this process were closed."
_BUSY = "Every copy of the language model is busy: ask again in a moment."
_REPLACED = "The language model was replaced by another one: ask again when it was tried out."
_UNEXPECTED = "It could not be asked which model it has, for a reason that the log names."
_ANOTHER = "It has another model under the same name than the other copies and gets no calls until they are the same."
_log = get_logger("endpoints")


@dataclass(eq=False)
class Call:
    """A call on its way through a pool; one thread's."""

    task: Task
    since: float
    digest: str = ""
    """Of the pool's model when the call began: no other does it. Empty: it was not known yet."""
    tried: set[Endpoint] = field(default_factory=set)
    error: DafeError | None = None
    """Why the last endpoint did not do it."""
    busy: int = 0
    endpoint: Endpoint | None = None
    """Whose slot it has."""
    period: int = 0
    refused: DafeError | None = None
    """Why nobody will do it."""
    ready: Event = field(default_factory=Event)

    @property
    def lane(self) -> Lane:
        return LANES[self.task]

    @property
    def place(self) -> Endpoint:
        """Raises RuntimeError while it has no slot."""
        if self.endpoint is None:
            raise RuntimeError("The call has no turn yet.")
        return self.endpoint


class ReplicaPool:
    """People go before indexing, in each lane whoever came first; a call goes to the endpoint with the fewest under
    way. Any thread may use it."""

    def __init__(
        self, endpoints: Sequence[Endpoint], *, wait_seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`wait_seconds`: a person's call waits for its turn no longer; indexing waits as long as an endpoint works."""
        self.replicas = tuple(endpoints)
        self._wait_seconds = wait_seconds
        self._clock = clock
        self._changed = Condition()
        self._waiting: dict[Lane, list[Call]] = {"people": [], "indexing": []}
        self._digest = ""
        self._turns = 0
        self._closed = False
        self._watch = Watch(endpoints, check=self.check, pause_seconds=self._pause)

    def describe(self, task: Task) -> ModelInfo:
        """The model and the smallest window of the endpoints that take calls; waits a while for the first look at them.

        Raises BackendUnavailableError when none does.
        """
        self._watch.start()
        with self._changed:
            self._changed.wait_for(lambda: self._fit(task) or not self._unseen(task), _FIRST_LOOK_SECONDS)
            infos = [endpoint.info for endpoint in self._fit(task) if endpoint.info is not None]
            if not infos:
                raise self._away(task)
            return min(infos, key=lambda info: info.window_tokens)

    def model(self, task: Task) -> LanguageModel | None:
        """Of an endpoint that takes calls, to count tokens; None where there is none, or none was looked at yet."""
        with self._changed:
            fit = self._fit(task)
        return fit[0].model(LANES[task]) if fit else None

    def call(self, task: Task) -> Call:
        return Call(task, since=self._clock())

    @contextmanager
    def turn(self, call: Call) -> Iterator[None]:
        """The call stands in the queue, and then has a slot, until the block ends. One that comes again after a failure
        stands where it stood before."""
        self._watch.start()
        with self._changed:
            call.endpoint = None
            call.digest = call.digest or self._digest
            call.ready.clear()
            insort(self._waiting[call.lane], call, key=lambda one: one.since)
            self._dispatch()
        try:
            yield
        finally:
            with self._changed:
                if call.endpoint is not None:
                    call.endpoint.outstanding -= 1
                elif call in self._waiting[call.lane]:
                    self._waiting[call.lane].remove(call)
                self._dispatch()

    def granted(self, call: Call, *, within_seconds: float) -> bool:
        """Whether the call has its slot now. Raises BackendUnavailableError when nobody will do it."""
        call.ready.wait(within_seconds)
        with self._changed:
            self._dispatch()
            if call.refused is not None:
                raise call.refused
            late = call.lane == "people" and self._clock() - call.since > self._wait_seconds
            if call.endpoint is None and late:
                raise BackendUnavailableError(_BUSY)
            return call.endpoint is not None

    def confirmed(self, call: Call) -> bool:
        """Whether its endpoint still has the model; asked anew where that is not known to the second. One that has not
        is tried no more by this call."""
        endpoint = call.place
        self.check(endpoint, known_seconds=_SURE_SECONDS)
        with self._changed:
            if self._takes(endpoint, call.task) and self._is_meant(call):
                return True
            call.tried.add(endpoint)
            call.error = BackendUnavailableError(self._problem(endpoint) or _REPLACED)
            return False

    def answered(self, call: Call, first_piece_seconds: float) -> None:
        with self._changed:
            call.place.limit.answered(first_piece_seconds, period=call.period)
            self._dispatch()

    def succeeded(self, call: Call) -> None:
        with self._changed:
            call.place.breaker.succeed()

    def failed(self, call: Call, error: BackendUnavailableError) -> None:
        """A server without room rests a moment and is asked again, any other is tried no more by this call."""
        endpoint = call.place
        with self._changed:
            call.error = error
            endpoint.limit.failed(period=call.period)
            if isinstance(error, BusyError):
                endpoint.rests_until = self._clock() + _REST_SECONDS
                call.busy += 1
            else:
                endpoint.breaker.fail()
                endpoint.problem = error.message
            if not isinstance(error, BusyError) or call.busy >= _TRIES_WHERE_BUSY:
                call.tried.add(endpoint)

    def check(self, endpoint: Endpoint, *, known_seconds: float = 0.0) -> None:
        """Ask the endpoint what it has, unless that is being done or was within `known_seconds`."""
        if not endpoint.checking.acquire(blocking=False):
            return
        try:
            with self._changed:
                if endpoint.checked_at is not None and self._clock() - endpoint.checked_at < known_seconds:
                    return
                if endpoint.breaker.state == "open" and not endpoint.breaker.begin_trial():
                    return
            try:
                self._learn(endpoint, endpoint.describe())
            except DafeError as error:
                self._learn(endpoint, error)
            except Exception as error:  # noqa: BLE001 - the boundary of its thread, which must look again
                _log.unexpected("endpoint", error)
                self._learn(endpoint, BackendUnavailableError(_UNEXPECTED))
        finally:
            endpoint.checking.release()

    def states(self, *, wait_seconds: float) -> dict[Endpoint, EndpointState]:
        self._watch.start()
        with self._changed:
            self._changed.wait_for(lambda: all(one.checked_at is not None for one in self.replicas), wait_seconds)
            return {one: one.state(problem=self._problem(one)) for one in self.replicas}

    def close(self) -> None:
        """Calls that wait raise; a second call does nothing."""
        with self._changed:
            self._closed = True
            self._dispatch()
            self._changed.notify_all()
        self._watch.close()

    def _pause(self, endpoint: Endpoint) -> float:
        with self._changed:
            if endpoint.breaker.state == "open":
                return max(0.01, endpoint.breaker.seconds_to_trial())
            return _CHECK_AGAIN_SECONDS if endpoint.problem else _CHECK_SECONDS

    def _learn(self, endpoint: Endpoint, found: ModelInfo | DafeError) -> None:
        with self._changed:
            endpoint.checked_at = self._clock()
            if isinstance(found, ModelInfo):
                endpoint.info, endpoint.problem = found, ""
                endpoint.breaker.pass_trial()
            else:
                endpoint.problem = found.message
                endpoint.breaker.fail()
            self._agree()
            self._dispatch()
            self._changed.notify_all()

    def _agree(self) -> None:
        """The model of the pool is what most endpoints that answer have; a draw changes nothing."""
        found = [one.info.digest for one in self.replicas if one.info is not None and one.breaker.state == "closed"]
        counted = Counter(found)
        if found and counted[self._digest] < max(counted.values()):
            self._digest = counted.most_common(1)[0][0]

    def _dispatch(self) -> None:
        """Slots to those that wait, and a refusal to those whom nobody can serve; called with the lock held."""
        for waiting in self._waiting.values():
            for call in tuple(waiting):
                fit = [one for one in self._fit(call.task) if one not in call.tried and self._is_meant(call)]
                free = [one for one in fit if one.has_room(call.lane, now=self._clock())]
                if not (fit or self._unseen(call.task)):
                    call.refused = self._refusal(call)
                elif free:
                    self._give(call, min(free, key=lambda one: (one.outstanding, one.last_taken)))
                else:
                    continue
                waiting.remove(call)
                call.ready.set()

    def _give(self, call: Call, endpoint: Endpoint) -> None:
        self._turns += 1
        endpoint.last_taken = self._turns
        endpoint.outstanding += 1
        call.endpoint, call.period = endpoint, endpoint.limit.period

    def _takes(self, endpoint: Endpoint, task: Task) -> bool:
        known = endpoint.info is not None and endpoint.info.digest == self._digest
        return known and not self._closed and task in endpoint.settings.tasks and endpoint.breaker.state == "closed"

    def _is_meant(self, call: Call) -> bool:
        return call.digest in {"", self._digest}

    def _fit(self, task: Task) -> list[Endpoint]:
        return [one for one in self.replicas if self._takes(one, task)]

    def _unseen(self, task: Task) -> list[Endpoint]:
        if self._closed:
            return []
        return [one for one in self.replicas if one.checked_at is None and task in one.settings.tasks]

    def _problem(self, endpoint: Endpoint) -> str:
        if endpoint.breaker.state != "closed" or endpoint.info is None:
            return endpoint.problem or "It was not looked at yet."
        return "" if endpoint.info.digest == self._digest else _ANOTHER

    def _refusal(self, call: Call) -> DafeError:
        if self._closed:
            return self._away(call.task)
        if not self._is_meant(call):
            return BackendUnavailableError(_REPLACED)
        return call.error or self._away(call.task)

    def _away(self, task: Task) -> BackendUnavailableError:
        problems = [found for one in self.replicas if task in one.settings.tasks and (found := self._problem(one))]
        return BackendUnavailableError(_CLOSED if self._closed or not problems else problems[0])
