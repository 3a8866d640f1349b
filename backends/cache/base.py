"""The contract of the cache: results that may vanish at any time."""

from abc import ABC, abstractmethod


class CacheStore(ABC):
    """Bytes by scope and key. A scope is what is deleted together: "workspace/document", or "models"."""

    @abstractmethod
    def get(self, key: str, *, scope: str) -> bytes | None:
        """None when it is not there or its time is over."""

    @abstractmethod
    def put(self, key: str, value: bytes, *, scope: str, ttl_seconds: float | None = None) -> None:
        """Store or replace; None keeps it until it is deleted."""

    @abstractmethod
    def delete_scope(self, scope: str) -> None:
        """Remove the scope and every scope below it ("w" removes "w/d", not "wx")."""

    @abstractmethod
    def close(self) -> None:
        """Free what this object holds; a second call does nothing."""
