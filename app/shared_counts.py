"""Numbers that the processes of this machine count together: what of the cache was found, and calls of models."""

import json
import os
import time
from collections import Counter
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from backends.cache.base import CacheStore, Layer
from backends.lock_files import exclusive

_FILE = "counts.json"
_WRITTEN_EVERY_SECONDS = 2.0
_HIT, _MISS = "hits", "misses"
_CALLS = "calls"


@dataclass(frozen=True, slots=True)
class Count:
    hits: int
    misses: int

    @property
    def ratio(self) -> float | None:
        """None when nothing was looked for."""
        total = self.hits + self.misses
        return self.hits / total if total else None


class SharedCounts:
    """Numbers in one small file of the data folder, since that file is there; of other processes what they wrote, which
    they do every few seconds of work. Losing some is no harm, so nothing here raises. Threads may share this object."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / _FILE
        self._lock = Lock()
        self._new: Counter[str] = Counter()
        self._written_at = time.monotonic()

    def add_looked_for(self, layer: Layer, *, hits: int, misses: int) -> None:
        self._add({f"{layer}/{_HIT}": hits, f"{layer}/{_MISS}": misses})

    def add_call(self, endpoint: str, outcome: str) -> None:
        """A call of a language model that has ended."""
        self._add({f"{_CALLS}/{outcome}/{endpoint}": 1})

    def looked_for(self) -> dict[Layer, Count]:
        found = self._all()
        return {layer: Count(found[f"{layer}/{_HIT}"], found[f"{layer}/{_MISS}"]) for layer in Layer}

    def calls(self, endpoint: str, outcome: str) -> int:
        return self._all()[f"{_CALLS}/{outcome}/{endpoint}"]

    def write(self) -> None:
        with self._lock, suppress(OSError), exclusive(self._path.with_suffix(".lock")):
            self._written_at = time.monotonic()
            if not self._new.total():
                return
            found = self._read() + self._new
            beside = self._path.with_name(f".{_FILE}.{os.getpid()}")
            beside.write_text(json.dumps(found), encoding="utf-8")
            beside.replace(self._path)
            self._new.clear()

    def _add(self, numbers: Mapping[str, int]) -> None:
        with self._lock:
            self._new.update(numbers)
            is_due = time.monotonic() - self._written_at >= _WRITTEN_EVERY_SECONDS
        if is_due:
            self.write()

    def _all(self) -> Counter[str]:
        with self._lock:
            return self._read() + self._new

    def _read(self) -> Counter[str]:
        try:
            return Counter({str(name): int(number) for name, number in json.loads(self._path.read_text()).items()})
        except (OSError, ValueError, AttributeError, TypeError):
            return Counter()


class CountedCacheStore(CacheStore):
    """Another store, of which is counted what is found of each layer."""

    def __init__(self, store: CacheStore, counts: SharedCounts) -> None:
        self._store = store
        self._counts = counts

    def get_all(self, keys: Collection[str], *, scope: str) -> dict[str, bytes]:
        found = self._store.get_all(keys, scope=scope)
        for layer in Layer:
            hits, asked = (sum(key.startswith(f"{layer}/") for key in some) for some in (found, keys))
            if asked:
                self._counts.add_looked_for(layer, hits=hits, misses=asked - hits)
        return found

    def put_all(self, values: Mapping[str, bytes], *, scope: str, ttl_seconds: float | None = None) -> None:
        self._store.put_all(values, scope=scope, ttl_seconds=ttl_seconds)

    def delete_scope(self, scope: str) -> None:
        self._store.delete_scope(scope)

    def close(self) -> None:
        self._store.close()
