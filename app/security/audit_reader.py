"""Reads the audit log's file: pages of events, rows as they lie there, and the newest one."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from app.domain.audit import AuditEvent, AuditKind, Outcome
from app.errors import BackendUnavailableError
from app.security.audit_chain import GENESIS, read_event, sha256_hex, timestamp

UNAVAILABLE = (
    "The audit log cannot be written or read, so nothing was shown or changed: check the disk and the rights of the"
    " data folder."
)
BUSY_SECONDS = 20
_BLOCK = 5_000


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


class StoredEvent(NamedTuple):
    """A row as it lies in the file; a tuple, because verifying makes millions of them."""

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


class AuditReader:
    """Threads may share it; a log that does not exist yet is empty. Raises BackendUnavailableError."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._reading = Lock()
        self._opened: tuple[sqlite3.Connection, int] | None = None

    def find(self, wanted: EventFilter) -> tuple[list[AuditEvent], int]:
        """One page of the events that fit, newest first, and how many fit in all."""
        condition, values = _condition(wanted)
        condition = condition if values else "1"
        with self._open_for_reading() as connection:
            if connection is None:
                return [], 0
            counting = f"count(*) FROM audit WHERE {condition}" if values else "coalesce(max(seq), 0) FROM audit"
            total = connection.execute(f"SELECT {counting}", values).fetchone()[0]
            rows = connection.execute(
                f"SELECT seq, body FROM audit WHERE {condition} ORDER BY seq DESC LIMIT ? OFFSET ?",  # noqa: S608
                [*values, wanted.limit, wanted.offset],
            ).fetchall()
        return [_read(*row) for row in rows], int(total)

    def rows(self, *, after: int = 0) -> Iterator[StoredEvent]:
        """Every row behind `after` in order, as it lies in the file."""
        while True:
            with self._open_for_reading() as connection:
                if connection is None:
                    return
                query = f"SELECT seq, mac, body FROM audit WHERE seq > ? ORDER BY seq LIMIT {_BLOCK}"  # noqa: S608
                block = list(map(StoredEvent._make, connection.execute(query, (after,))))
            yield from block
            if not block:
                return
            after = block[-1].seq

    def head(self) -> Head:
        with self._open_for_reading() as connection:
            return Head() if connection is None else head_of(connection)

    def hash_at(self, seq: int) -> str | None:
        """Of the body of event `seq`; None where there is no such row."""
        with self._open_for_reading() as connection:
            row = connection.execute("SELECT body FROM audit WHERE seq = ?", (seq,)).fetchone() if connection else None
        return sha256_hex(row[0]) if row else None

    def first(self) -> AuditEvent | None:
        """Whatever row lies first; None where there is none."""
        with self._open_for_reading() as connection:
            row = connection.execute("SELECT body FROM audit ORDER BY seq LIMIT 1").fetchone() if connection else None
        return _read(1, row[0]) if row else None

    def close(self) -> None:
        with self._reading:
            self._forget()

    @contextmanager
    def _open_for_reading(self) -> Iterator[sqlite3.Connection | None]:
        with self._reading:
            try:
                yield self._reader()
            except (sqlite3.Error, OSError) as error:
                self._forget()
                raise BackendUnavailableError(UNAVAILABLE) from error

    def _reader(self) -> sqlite3.Connection | None:
        """Of the file that lies there now: one that was moved away is not read on."""
        try:
            number = self._path.stat().st_ino
        except FileNotFoundError:
            self._forget()
            return None
        if self._opened is None or self._opened[1] != number:
            self._forget()
            uri = f"{self._path.resolve().as_uri()}?mode=ro"
            connection = sqlite3.connect(
                uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            self._opened = connection, number
        connection = self._opened[0]
        made = connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'audit'").fetchone()
        return connection if made else None

    def _forget(self) -> None:
        if self._opened is not None:
            self._opened[0].close()
            self._opened = None


def head_of(connection: sqlite3.Connection) -> Head:
    row = connection.execute("SELECT seq, body FROM audit ORDER BY seq DESC LIMIT 1").fetchone()
    return Head(int(row[0]), sha256_hex(row[1])) if row else Head()


def _read(seq: int, body: str) -> AuditEvent:
    """A row that is no event any more is shown as what it is."""
    try:
        return read_event(body)
    except (ValueError, KeyError, TypeError):
        return AuditEvent("audit.damaged", AuditKind.CHANGE, Outcome.FAILED, "unknown", "unknown", seq=seq)


def _condition(wanted: EventFilter) -> tuple[str, list[str]]:
    parts = ["json_valid(body)"]
    values: list[str] = []

    def add(part: str, *given: str) -> None:
        parts.append(part)
        values.extend(given)

    if wanted.actor_id:
        add("body ->> '$.actor' = ?", wanted.actor_id)
    for field, allowed in (("action", wanted.actions), ("outcome", wanted.outcomes)):
        if allowed:
            add(f"body ->> '$.{field}' IN ({_marks(allowed)})", *map(str, allowed))
    if wanted.since is not None:
        add("body ->> '$.at' >= ?", timestamp(wanted.since))
    if wanted.until is not None:
        add("body ->> '$.at' <= ?", timestamp(wanted.until))
    return " AND ".join(parts), values


def _marks(values: Sequence[str]) -> str:
    return ", ".join("?" for _ in values)
