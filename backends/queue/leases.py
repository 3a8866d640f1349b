"""What a queue's storage does for the broker: messages by id, leased to one worker at a time that must stay alive."""

from abc import ABC, abstractmethod
from collections.abc import Collection
from dataclasses import dataclass

from app.domain.jobs import Priority

LONGEST_DELAY_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Lane:
    """Where a message stands: the lowest priority number first, then workspaces in turn."""

    priority: Priority = Priority.NORMAL
    workspace_id: str = ""


class Leases(ABC):
    """A lease is for the lease time, and ends early with `acknowledge`, `release` or `leave`.

    The clock of the storage decides. A time further ahead than it can have been put was written before that clock was
    set back, and is over. Every method raises BackendUnavailableError, and may be repeated after it.
    """

    @abstractmethod
    def put(self, message_id: str, body: bytes, *, lane: Lane, delay_seconds: float = 0.0) -> None:
        """Store durably, in place of one with that id, whoever holds it; a delay over LONGEST_DELAY_SECONDS is cut."""

    @abstractmethod
    def take(self, worker: str) -> tuple[str, bytes] | None:
        """Lease a message that is ready, or whose lease is over: of the first priority, from the workspace whose last
        turn is longest ago, the oldest; ids sort by age. It is that workspace's turn then."""

    @abstractmethod
    def renew(self, worker: str, *, held: Collection[str]) -> None:
        """The worker lives, and its leases of those of `held` that it still has begin anew."""

    @abstractmethod
    def acknowledge(self, message_id: str, worker: str) -> None:
        """Remove the message when it is leased to this worker."""

    @abstractmethod
    def release(self, message_id: str, worker: str) -> None:
        """Make the message ready at once when it is leased to this worker."""

    @abstractmethod
    def leave(self, worker: str) -> None:
        """The worker lives no more: all that it holds is ready at once."""

    @abstractmethod
    def bodies(self) -> list[bytes]:
        """Of all messages, leased or not."""

    @abstractmethod
    def count(self) -> int:
        """Messages, leased or not."""

    @abstractmethod
    def count_workers(self) -> int:
        """How many workers live: each was renewed within the lease time and has not left."""
