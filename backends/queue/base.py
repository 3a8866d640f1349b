"""The contract of the job queue: it carries job ids to workers; the job records are the truth."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from threading import Event

from app.domain.ids import JobId


class JobQueue(ABC):
    """At-least-once delivery: a message whose worker died is delivered again once its lease ran out."""

    @abstractmethod
    def put(self, job_id: JobId, *, delay_seconds: float = 0.0) -> None:
        """Enqueue durably; the same id twice is delivered twice (handlers claim the job, so that is harmless)."""

    @abstractmethod
    def run(self, handle: Callable[[JobId], None], *, stop: Event) -> None:
        """Deliver messages to `handle` in this process until `stop` is set, then return when the current one ended.

        A message is acknowledged when `handle` returns; an exception delivers it again later (with backoff).
        """

    @abstractmethod
    def count(self) -> int:
        """Messages waiting or in work."""

    @abstractmethod
    def has_worker(self) -> bool:
        """Whether some process is in `run` and was alive within the lease time."""

    @abstractmethod
    def close(self) -> None:
        """Free what this object holds; a second call does nothing."""
