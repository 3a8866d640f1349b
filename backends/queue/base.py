"""The contract of the job queue: it carries job ids to workers; the job records are the truth."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from threading import Event

from app.domain.ids import JobId, WorkspaceId
from app.domain.jobs import Priority

NO_WORKSPACE = WorkspaceId("")
"""Takes its turn like a workspace."""


class JobQueue(ABC):
    """At-least-once delivery: a message whose worker died is delivered again once its lease ran out."""

    @abstractmethod
    def put(
        self,
        job_id: JobId,
        *,
        workspace_id: WorkspaceId = NO_WORKSPACE,
        priority: Priority = Priority.NORMAL,
        delay_seconds: float = 0.0,
    ) -> None:
        """Enqueue durably; the same id twice is delivered twice (handlers claim the job, so that is harmless).

        What is ready is delivered by priority, then from the workspace whose last turn is longest ago, then by age.
        Neither this delay nor a lease is prolonged by more than ten minutes when the clock of the machine is set back.
        """

    @abstractmethod
    def worker_name(self) -> str:
        """This object's name as a worker: no other living one has it until `close`.

        After a worker's death the next one may get its name, and with it at once the messages that it held.
        """

    @abstractmethod
    def run(self, handle: Callable[[JobId], None], *, stop: Event, at_once: int = 1) -> None:
        """Deliver messages to `handle`, up to `at_once` at a time, each in a thread of this process, until `stop` is
        set; then return when the current ones ended.

        A message is acknowledged when `handle` returns; an exception delivers it again later (with backoff).
        """

    @abstractmethod
    def find(self) -> set[JobId]:
        """The jobs that a message, waiting or in work, carries."""

    @abstractmethod
    def count(self) -> int:
        """Messages waiting or in work."""

    @abstractmethod
    def count_workers(self) -> int:
        """How many processes are in `run` and were alive within the lease time."""

    def has_worker(self) -> bool:
        return self.count_workers() > 0

    @abstractmethod
    def close(self) -> None:
        """Free what this object holds; a second call does nothing."""
