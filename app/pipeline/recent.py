"""Results that many people want at once, kept in memory for a short time."""

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from threading import Lock
from typing import Generic, TypeVar, cast

Key = TypeVar("Key", bound=Hashable)
Result = TypeVar("Result")


@dataclass(slots=True)
class _Place:
    lock: Lock = field(default_factory=Lock)
    made: bool = False
    made_at: float = 0.0
    result: object = None


class Recent(Generic[Key, Result]):
    """The last few results by what they were made from; threads that want the same one make it once.

    The permitted versions are part of the key: nobody gets what was made for other rights. A version never changes once
    it is visible, except that its facts may be extracted again: so a result lives `seconds` at most.
    """

    def __init__(self, *, most: int, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._seconds = seconds
        self._clock = clock
        self._lock = Lock()
        self._places: OrderedDict[Key, _Place] = OrderedDict()

    def get(self, key: Key, make: Callable[[], Result]) -> Result:
        """What `make` returned for this key, now or not long ago; what it raises is kept for nobody."""
        with self._lock:
            place = self._places.setdefault(key, _Place())
            self._places.move_to_end(key)
            while len(self._places) > self._most:
                self._places.popitem(last=False)
        with place.lock:
            now = self._clock()
            if not place.made or now - place.made_at > self._seconds:
                place.result = make()
                place.made, place.made_at = True, now
            return cast(Result, place.result)

    def forget(self, fits: Callable[[Key], bool]) -> None:
        """Drop at once what has such a key."""
        with self._lock:
            for key in [key for key in self._places if fits(key)]:
                del self._places[key]
