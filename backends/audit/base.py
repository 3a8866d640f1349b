"""The contract of the audit log's store: rows that are added at the end and never change."""

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, NamedTuple

from app.domain.audit import GENESIS, Outcome, sha256_hex

BUSY_SECONDS = 20
"""So long the log may be held by others before it cannot be written."""
NOTHING_SHOWN = "The audit log cannot be written or read, so nothing was shown or changed"
_READ_TOGETHER = 5_000


class StoredEvent(NamedTuple):
    """A row as it is kept; a tuple, because verifying makes millions of them."""

    seq: int
    mac: str
    body: str

    @property
    def hash(self) -> str:
        return sha256_hex(self.body)


@dataclass(frozen=True, slots=True)
class Head:
    """The newest event: its place and the hash of its body. Before the first: 0 and GENESIS."""

    seq: int = 0
    hash: str = GENESIS


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Conditions that must all hold; the defaults hold always. Times are inclusive."""

    actor_id: str = ""
    actions: tuple[str, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    limit: int = 50
    offset: int = 0


class _Rows(ABC):
    @abstractmethod
    def read(self, *, after: int, limit: int) -> list[StoredEvent]:
        """The rows behind `after` in order, at most `limit`."""

    def rows(self, *, after: int = 0) -> Iterator[StoredEvent]:
        """Every row behind `after` in order, however many."""
        while block := self.read(after=after, limit=_READ_TOGETHER):
            yield from block
            after = block[-1].seq


class AuditTail(_Rows):
    """The log while nobody else adds to it; reading it takes nothing that others hold."""

    @abstractmethod
    def head(self) -> Head: ...

    @abstractmethod
    def get(self, seq: int) -> StoredEvent | None:
        """None where there is no such row."""

    @abstractmethod
    def append(self, rows: Sequence[StoredEvent]) -> None:
        """All of them or none, on disk when it returns. Raises BackendUnavailableError, also where a row's number or
        the hash that its body names as `prev` does not follow the newest one."""


class AuditStore(_Rows):
    """Threads may share it, and processes the rows; a log that does not exist yet is empty.

    Whatever goes wrong is BackendUnavailableError with the sentence `unavailable`, or one that says that a search took
    too long.
    """

    unavailable: ClassVar[str]

    @abstractmethod
    def check(self) -> None:
        """Raises ConfigurationError where the log has to be prepared, or could be changed, by whoever runs this;
        BackendUnavailableError with what is to be looked at."""

    @abstractmethod
    def alone(self) -> AbstractContextManager[AuditTail]:
        """Nobody else adds events meanwhile, in no process and on no machine."""

    @abstractmethod
    def find(self, wanted: EventFilter) -> tuple[list[StoredEvent], int]:
        """One page of the events that fit, newest first, and how many fit in all."""

    @abstractmethod
    def head(self) -> Head: ...

    @abstractmethod
    def get(self, seq: int) -> StoredEvent | None:
        """None where there is no such row."""

    @abstractmethod
    def close(self) -> None:
        """Free what this object holds; a second call does nothing, and what is asked for later is opened anew."""


def follow(head: Head, rows: Sequence[StoredEvent]) -> bool:
    """Whether these rows go on from `head`, each from the one before it."""
    try:
        for row in rows:
            body = json.loads(row.body)
            if (row.seq, body["seq"], body["prev"]) != (head.seq + 1, head.seq + 1, head.hash):
                return False
            head = Head(row.seq, row.hash)
    except (ValueError, KeyError, TypeError):
        return False
    return True
