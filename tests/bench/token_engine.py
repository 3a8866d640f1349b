"""The pace of a model server with continuous batching: slots, a queue before them, prompts read one after another."""

import heapq
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

_BLOCK = 128
"""Characters that the prefix cache keeps or misses together."""


@dataclass(frozen=True, slots=True)
class Pace:
    """One slot alone writes `alone` tokens a second, all `slots` together `full`; a step takes t0 + t1 for each slot in
    use. While a prompt is read, `slowed` of the rate of writing remains."""

    slots: int
    alone: float
    full: float
    prefill: float
    slowed: float = 0.7

    @classmethod
    def of(cls, slots: int) -> "Pace":
        """A 7B model: 400 tokens a second with 8 slots on a small card, 2,000 with 64 on a large one."""
        small = slots <= 8
        step = 1 / 60 + (slots - 1) * (0.000476 if small else 0.000243)
        return cls(slots, alone=60.0, full=slots / step, prefill=4_000.0 if small else 10_000.0)

    def rate(self, busy: int) -> float:
        """Tokens a second of each of so many busy slots."""
        alone = 1 / self.alone
        more = (self.slots / self.full - alone) / (self.slots - 1) if self.slots > 1 else 0.0
        return 1 / (alone + more * (busy - 1))


@dataclass(eq=False)
class Generation:
    """One request in the engine. `told` is called whenever `written` has grown by a chunk, and at the end."""

    unread: float
    """Tokens of the prompt that the prefix cache does not have."""
    length: int
    told: Callable[[], None]
    written: int = 0
    finished: bool = False
    begins: float = 0.0
    """The count of tokens a slot at which it began to write."""
    writing: bool = False
    gone: bool = False


@dataclass
class Engine:
    """Moved on to a moment by `advance`; between two calls any number of things may have happened in their order.

    Seconds are those of the simulated server: the caller's clock times its speed."""

    pace: Pace
    chunk: int = 8
    """Tokens that are told together."""
    busy_seconds: float = 0.0
    """Of all slots together."""
    most_waiting: int = 0
    now: float = 0.0
    _line: float = 0.0
    """Tokens that a slot which was in use all the time has written."""
    _waiting: deque[Generation] = field(default_factory=deque)
    _reading: deque[Generation] = field(default_factory=deque)
    _writing: set[Generation] = field(default_factory=set)
    _due: list[tuple[float, int, Generation]] = field(default_factory=list)
    _number: "count[int]" = field(default_factory=count)

    @property
    def busy(self) -> int:
        return len(self._reading) + len(self._writing)

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def submit(self, one: Generation) -> None:
        self._waiting.append(one)
        self._admit()
        self.most_waiting = max(self.most_waiting, len(self._waiting))

    def cancel(self, one: Generation) -> None:
        """Frees its slot, or its place in the queue."""
        one.gone = True
        for places in (self._waiting, self._reading):
            if one in places:
                places.remove(one)
        if one.writing:
            one.written = min(one.length, max(one.written, int(self._line - one.begins)))
        self._writing.discard(one)
        self._admit()

    def advance(self, until: float) -> None:
        while self.busy:
            happens = self._next()
            at = min(happens, until)
            self._move(at - self.now)
            self.now = at
            if happens > until:
                return
            self._happen()
        self.now = until

    def next_at(self) -> float | None:
        """When something happens next that anybody waits for; None while nothing runs."""
        return self._next() if self.busy else None

    def _rate(self) -> float:
        return self.pace.rate(self.busy) * (self.pace.slowed if self._reading else 1.0)

    def _next(self) -> float:
        while self._due and self._due[0][2].gone:
            heapq.heappop(self._due)
        times = []
        if self._due:
            times.append(self.now + max(0.0, self._due[0][0] - self._line) / self._rate())
        if self._reading:
            times.append(self.now + self._reading[0].unread / self.pace.prefill)
        return min(times)

    def _move(self, seconds: float) -> None:
        self.busy_seconds += seconds * self.busy
        self._line += seconds * self._rate()
        if self._reading:
            self._reading[0].unread -= seconds * self.pace.prefill

    def _happen(self) -> None:
        if self._reading and self._reading[0].unread <= 1e-6:
            one = self._reading.popleft()
            one.begins, one.writing = self._line, True
            self._writing.add(one)
            self._plan(one)
        while self._due and (self._due[0][0] <= self._line + 1e-6 or self._due[0][2].gone):
            due, _, one = heapq.heappop(self._due)
            if one.gone:
                continue
            one.written = min(one.length, round(due - one.begins))
            if one.written >= one.length:
                one.finished = True
                self._writing.discard(one)
            else:
                self._plan(one)
            one.told()
        self._admit()

    def _plan(self, one: Generation) -> None:
        ends = one.begins + min(one.length, one.written + self.chunk)
        heapq.heappush(self._due, (ends, next(self._number), one))

    def _admit(self) -> None:
        while self._waiting and self.busy < self.pace.slots:
            self._reading.append(self._waiting.popleft())


@dataclass
class Counts:
    """Of the calls since the last reset. Times are those of time.monotonic(), which all processes here share."""

    started: int = 0
    finished: int = 0
    cancelled: int = 0
    refused: int = 0
    prompt_tokens: int = 0
    """Of finished calls, as are the next two."""
    completion_tokens: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    completion_tokens_of: Counter[str] = field(default_factory=Counter)
    cancelled_tokens: int = 0
    """Written for calls that were broken off."""
    read_tokens: float = 0.0
    """Of prompts, those that the prefix cache did not have."""
    most_running: int = 0
    embedded: int = 0
    first_at: float = 0.0
    last_at: float = 0.0


class PrefixCache:
    """Remembers beginnings of conversations in blocks, without end: a real one forgets what was not used for long."""

    def __init__(self) -> None:
        self._known: set[int] = set()

    def add(self, text: str) -> float:
        """The share of the text that was known; from now on it is."""
        if not text:
            return 0.0
        value, known, beginning = 0, 0, True
        for start in range(0, len(text) - _BLOCK + 1, _BLOCK):
            value = hash((value, text[start : start + _BLOCK]))
            beginning = beginning and value in self._known
            known += beginning
            self._known.add(value)
        return known * _BLOCK / len(text)
