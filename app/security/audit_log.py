"""The append-only audit log: one SQLite file of its own, and a copy of every event on the second device."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from app.domain.audit import AuditEvent, AuditKind, Outcome
from app.errors import BackendUnavailableError, IntegrityError
from app.logs import get_logger
from app.security.audit_chain import GENESIS, event_body, event_mac, sha256_hex
from app.security.audit_reader import (
    BUSY_SECONDS,
    UNAVAILABLE,
    AuditReader,
    EventFilter,
    Head,
    StoredEvent,
    head_of,
)
from app.security.group_commit import GroupCommit
from app.security.grown_file import exclusive
from app.security.second_device import DeviceState, SecondDevice

__all__ = ["AuditLog", "EventFilter", "StoredEvent"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS audit(seq INTEGER PRIMARY KEY, mac TEXT NOT NULL, body TEXT NOT NULL);
CREATE TRIGGER IF NOT EXISTS audit_keeps BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'append only'); END;
CREATE TRIGGER IF NOT EXISTS audit_stays BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'append only'); END;
CREATE TRIGGER IF NOT EXISTS audit_follows BEFORE INSERT ON audit
WHEN NEW.seq <> (SELECT coalesce(max(seq), 0) + 1 FROM audit) BEGIN SELECT RAISE(ABORT, 'append only'); END;
"""
_FORBIDDEN = {sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE, sqlite3.SQLITE_DROP_TABLE, sqlite3.SQLITE_DROP_TRIGGER}
_LOST = (
    "Events that were in the audit log are gone or changed, so nothing was shown or changed: run dafe audit verify, and"
    " start again when it is known why."
)
_log = get_logger("audit")


class AuditLog(AuditReader):
    """Threads may share it, processes share the file; each append is on disk when the call returns, and what threads
    append at the same time shares one wait for the disk.

    The log itself must be written. Without `second_device_required` a second device that fails is recorded, shown by
    `second_device_state`, and caught up when it works again; with it nothing proceeds meanwhile.
    """

    def __init__(
        self, path: Path, *, mac_key: bytes, second_device: Path | None = None, second_device_required: bool = False
    ) -> None:
        super().__init__(path)
        self._mac_key = mac_key
        self.second_device = SecondDevice(second_device) if second_device else None
        self._second_required = second_device_required
        self._second_failed = False
        self._commit = GroupCommit(self._write, patience_seconds=BUSY_SECONDS, too_late=UNAVAILABLE)
        self._connection: tuple[sqlite3.Connection, int] | None = None
        self._written = Head()
        """The newest event that this process wrote."""

    def append(self, event: AuditEvent) -> int:
        """Write one event with its time and its place in the chain; returns its `seq`.

        Raises BackendUnavailableError when it cannot be written: the caller must not go on.
        """
        event_body(replace(event, seq=1, at=datetime.now(UTC)), previous=GENESIS)  # what is no JSON fails here, alone
        return self._commit.add(event)

    def in_step(self) -> tuple[Head, DeviceState | None]:
        """The newest event, and whether the second device holds it; None where none is set."""
        head = self.head()
        return head, self.second_device.state(head, hash_at=self.hash_at) if self.second_device else None

    def close(self) -> None:
        self._commit.close()
        super().close()
        if self._connection is not None:
            self._connection[0].close()
            self._connection = None

    @property
    def _lock_path(self) -> Path:
        return self._path.with_suffix(".lock")

    def _write(self, events: Sequence[AuditEvent]) -> list[int]:
        """Called by one thread. The lock file is fairer than SQLite's own waiting, which starves one of many."""
        try:
            with exclusive(self._lock_path):
                return [row.seq for row in self._insert(events)]
        except (sqlite3.Error, OSError) as error:
            raise BackendUnavailableError(UNAVAILABLE) from error

    def _insert(self, events: Sequence[AuditEvent]) -> list[StoredEvent]:
        rows: list[StoredEvent] = []
        with self._transaction() as connection:
            head = head_of(connection)
            self._require_what_was_written(connection)
            for event in events:
                body = event_body(replace(event, seq=head.seq + 1, at=datetime.now(UTC)), previous=head.hash)
                head = Head(head.seq + 1, sha256_hex(body))
                rows.append(StoredEvent(head.seq, event_mac(body, key=self._mac_key), body))
            values = [(row.seq, row.mac, row.body) for row in rows]
            connection.executemany("INSERT INTO audit(seq, mac, body) VALUES (?, ?, ?)", values)
        self._written = head
        self._copy(rows)
        return rows

    def _require_what_was_written(self, connection: sqlite3.Connection) -> None:
        """A log that is cut, changed or exchanged under a running process takes no more events from it."""
        if self._written.seq:
            row = connection.execute("SELECT body FROM audit WHERE seq = ?", (self._written.seq,)).fetchone()
            if row is None or sha256_hex(row[0]) != self._written.hash:
                raise BackendUnavailableError(_LOST)

    def _copy(self, rows: Sequence[StoredEvent]) -> None:
        """After the commit: a crash in between leaves a copy that lacks events, never one that holds too many."""
        if self.second_device is None:
            return
        try:
            behind = self.second_device.write(rows, earlier=lambda seq: self.rows(after=seq))
            failure = f"The second device lacks {behind:,} events and is being caught up." if behind else ""
        except OSError as error:
            failure = f"The second device of the audit log cannot be written ({error.strerror})."
        except IntegrityError as error:
            failure = error.message
        if bool(failure) != self._second_failed:
            self._second_failed = bool(failure)
            _log.info(failure or "the second device of the audit log is written again")
            self._insert([_device_event(failed=self._second_failed)])
        if failure and self._second_required:
            raise BackendUnavailableError(f"{failure} Until it can, nothing is shown or changed.")

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        connection = self._open()
        try:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                connection.rollback()
                raise
        except sqlite3.Error:
            self._connection = None
            connection.close()
            raise

    def _open(self) -> sqlite3.Connection:
        """Of the file that lies there now: one that was moved away is not written on."""
        number = self._path.stat().st_ino if self._path.exists() else -1
        if self._connection is not None and self._connection[1] == number:
            return self._connection[0]
        if self._connection is not None:
            self._connection[0].close()
            self._connection = None
        connection = sqlite3.connect(self._path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            self._path.chmod(0o600)
            for setting in ("journal_mode = WAL", "synchronous = FULL", "trusted_schema = OFF"):
                connection.execute(f"PRAGMA {setting}")
            connection.executescript(_SCHEMA)
            connection.set_authorizer(_allow)
        except sqlite3.Error:
            connection.close()
            raise
        self._connection = connection, self._path.stat().st_ino
        return connection


def _allow(action: int, table: str | None, *_others: str | None) -> int:
    forbidden = action in _FORBIDDEN and table is not None and table.startswith("audit")
    return sqlite3.SQLITE_DENY if forbidden else sqlite3.SQLITE_OK


def _device_event(*, failed: bool) -> AuditEvent:
    return AuditEvent(
        action="audit.second_device",
        kind=AuditKind.CHANGE,
        outcome=Outcome.FAILED if failed else Outcome.DONE,
        actor_id="system",
        channel="system",
    )
