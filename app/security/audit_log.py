"""The append-only audit log: one SQLite file of its own, and a second copy of every line where one is set."""

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.domain.audit import AuditEvent, Outcome
from app.errors import BackendUnavailableError
from app.security.audit_chain import (
    GENESIS,
    Checkpoint,
    event_body,
    event_mac,
    load_checkpoint,
    read_event,
    sha256_hex,
    sign_checkpoint,
    timestamp,
)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS audit(seq INTEGER PRIMARY KEY, mac TEXT NOT NULL, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS checkpoints(number INTEGER PRIMARY KEY, body TEXT NOT NULL, signature TEXT NOT NULL);
CREATE TRIGGER IF NOT EXISTS audit_keeps BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'append only'); END;
CREATE TRIGGER IF NOT EXISTS audit_stays BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'append only'); END;
"""
_BUSY_SECONDS = 20


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


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """A row as it lies in the file."""

    seq: int
    mac: str
    body: str


class AuditLog:
    """Threads may share it, processes share the file; each append is on disk when the call returns."""

    def __init__(self, path: Path, *, mac_key: bytes, second_device: Path | None = None) -> None:
        self._path = path
        self._mac_key = mac_key
        self._second_device = second_device
        self._lock = Lock()
        self._connection: sqlite3.Connection | None = None

    def append(self, event: AuditEvent) -> int:
        """Write one event with its time and its place in the chain; returns its `seq`.

        Raises BackendUnavailableError when it cannot be written: the caller must not go on.
        """
        with self._transaction() as connection:
            row = connection.execute("SELECT seq, body FROM audit ORDER BY seq DESC LIMIT 1").fetchone()
            seq, previous = (row[0] + 1, sha256_hex(row[1])) if row else (1, GENESIS)
            body = event_body(replace(event, seq=seq, at=datetime.now(UTC)), previous=previous)
            mac = event_mac(body, key=self._mac_key)
            connection.execute("INSERT INTO audit(seq, mac, body) VALUES (?, ?, ?)", (seq, mac, body))
            self._copy(body)
        return int(seq)

    def find(self, wanted: EventFilter) -> tuple[list[AuditEvent], int]:
        """One page of the events that fit, newest first, and how many fit in all."""
        condition, values = _condition(wanted)
        with self._transaction(write=False) as connection:
            total = connection.execute(f"SELECT count(*) FROM audit WHERE {condition}", values).fetchone()[0]  # noqa: S608
            rows = connection.execute(
                f"SELECT body FROM audit WHERE {condition} ORDER BY seq DESC LIMIT ? OFFSET ?",  # noqa: S608
                [*values, wanted.limit, wanted.offset],
            ).fetchall()
        return [read_event(row[0]) for row in rows], int(total)

    def rows(self, *, after: int = 0) -> Iterator[StoredEvent]:
        """Every row behind `after` in order, as it lies in the file."""
        while True:
            with self._transaction(write=False) as connection:
                query = "SELECT seq, mac, body FROM audit WHERE seq > ? ORDER BY seq LIMIT 5000"
                block = [StoredEvent(*row) for row in connection.execute(query, (after,))]
            yield from block
            if not block:
                return
            after = block[-1].seq

    def checkpoints(self) -> list[Checkpoint]:
        with self._transaction(write=False) as connection:
            rows = connection.execute("SELECT body, signature FROM checkpoints ORDER BY number").fetchall()
        return [load_checkpoint(body, signature) for body, signature in rows]

    def seal(self, key: Ed25519PrivateKey) -> Checkpoint | None:
        """Sign the newest event's hash; None when nothing happened since the last checkpoint."""
        with self._transaction() as connection:
            head = connection.execute("SELECT seq, body FROM audit ORDER BY seq DESC LIMIT 1").fetchone()
            last = connection.execute(
                "SELECT number, body, signature FROM checkpoints ORDER BY number DESC LIMIT 1"
            ).fetchone()
            before = load_checkpoint(last[1], last[2]) if last else None
            if head is None or (before is not None and before.seq == head[0]):
                return before
            checkpoint = sign_checkpoint(
                number=before.number + 1 if before else 1,
                seq=head[0],
                head=sha256_hex(head[1]),
                at=datetime.now(UTC),
                previous=before.hash if before else GENESIS,
                key=key,
            )
            connection.execute(
                "INSERT INTO checkpoints(number, body, signature) VALUES (?, ?, ?)",
                (checkpoint.number, checkpoint.body, checkpoint.signature),
            )
        return checkpoint

    def close(self) -> None:
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _copy(self, body: str) -> None:
        """Before the commit: an event that the second device lacks is never in the log."""
        if self._second_device is None:
            return
        with self._second_device.open("a", encoding="ascii") as file:
            file.write(body + "\n")
            file.flush()
            os.fsync(file.fileno())

    @contextmanager
    def _transaction(self, *, write: bool = True) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                connection = self._open()
                connection.execute("BEGIN IMMEDIATE" if write else "BEGIN")
                try:
                    yield connection
                    connection.execute("COMMIT")
                except BaseException:
                    connection.rollback()
                    raise
            except (sqlite3.Error, OSError) as error:
                raise BackendUnavailableError(
                    "The audit log cannot be written or read, so nothing was shown or changed: check the disk and the"
                    " rights of the data folder."
                ) from error

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            connection = sqlite3.connect(
                self._path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            self._path.chmod(0o600)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.executescript(_SCHEMA)
            self._connection = connection
        return self._connection


def _condition(wanted: EventFilter) -> tuple[str, list[str]]:
    parts = ["1"]
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
