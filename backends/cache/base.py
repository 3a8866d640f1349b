"""The contract of the cache: results that may vanish at any time."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from enum import StrEnum


class Layer(StrEnum):
    """What is kept, as the first part of its key: "answer/…". Each has its own room, and is counted by itself."""

    EMBEDDING = "embedding"
    TRIPLE = "triple"
    QUERY = "query"
    ANSWER = "answer"


class CacheStore(ABC):
    """Bytes by scope and key. A scope is what is deleted together: "workspace/document", or "models"."""

    @abstractmethod
    def get_all(self, keys: Collection[str], *, scope: str) -> dict[str, bytes]:
        """Those that are there and whose time is not over."""

    @abstractmethod
    def put_all(self, values: Mapping[str, bytes], *, scope: str, ttl_seconds: float | None = None) -> None:
        """Store or replace; None keeps them until they are deleted, or there is no room in their layer and they were
        not used for longest."""

    def get(self, key: str, *, scope: str) -> bytes | None:
        """None when it is not there or its time is over."""
        return self.get_all([key], scope=scope).get(key)

    def put(self, key: str, value: bytes, *, scope: str, ttl_seconds: float | None = None) -> None:
        self.put_all({key: value}, scope=scope, ttl_seconds=ttl_seconds)

    @abstractmethod
    def delete_scope(self, scope: str) -> None:
        """Remove the scope and every scope below it ("w" removes "w/d", not "wx")."""

    @abstractmethod
    def close(self) -> None:
        """Free what this object holds; a second call does nothing."""
