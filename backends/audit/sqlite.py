"""The audit log's store in the data folder: one SQLite file of its own."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Lock
from typing import ClassVar

from app.domain.audit import timestamp
from app.errors import BackendUnavailableError
from backends.audit.base import (
    BUSY_SECONDS,
    NOTHING_SHOWN,
    AuditStore,
    AuditTail,
    EventFilter,
    Head,
    StoredEvent,
    follow,
)
from backends.audit.settings import SqliteAuditSettings
from backends.lock_files import exclusive

FILE = "audit.db"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS audit(seq INTEGER PRIMARY KEY, mac TEXT NOT NULL, body TEXT NOT NULL);
CREATE TRIGGER IF NOT EXISTS audit_keeps BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'append only'); END;
CREATE TRIGGER IF NOT EXISTS audit_stays BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'append only'); END;
CREATE TRIGGER IF NOT EXISTS audit_follows BEFORE INSERT ON audit
WHEN NEW.seq <> (SELECT coalesce(max(seq), 0) + 1 FROM audit) BEGIN SELECT RAISE(ABORT, 'append only'); END;
"""
_FORBIDDEN = {sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE, sqlite3.SQLITE_DROP_TABLE, sqlite3.SQLITE_DROP_TRIGGER}


class SqliteAuditStore(AuditStore):
    """Whoever may write the file can change it by other means: only verifying tells."""

    unavailable: ClassVar[str] = f"{NOTHING_SHOWN}: check the disk and the rights of the data folder."

    def __init__(self, settings: SqliteAuditSettings, *, data_dir: Path, **_ignored: object) -> None:
        self._path = data_dir / FILE
        self._reading = Lock()
        self._reader = _Opened(self._path, _open_reader)
        self._writer = _Opened(self._path, _open_writer)

    def check(self) -> None:
        """Nothing is to be prepared: the file is made when it is first written."""

    @contextmanager
    def alone(self) -> Iterator[AuditTail]:
        """The lock file is fairer than SQLite's own waiting, which starves one of many."""
        with ExitStack() as held:
            with self._translated():
                held.enter_context(exclusive(self._path.with_suffix(".lock")))
            yield _SqliteTail(self)

    def find(self, wanted: EventFilter) -> tuple[list[StoredEvent], int]:
        condition, values = _condition(wanted)
        condition = condition if values else "1"
        with self._open_for_reading() as connection:
            if connection is None:
                return [], 0
            counting = f"count(*) FROM audit WHERE {condition}" if values else "coalesce(max(seq), 0) FROM audit"
            total = connection.execute(f"SELECT {counting}", values).fetchone()[0]
            rows = connection.execute(
                f"SELECT seq, mac, body FROM audit WHERE {condition} ORDER BY seq DESC LIMIT ? OFFSET ?",  # noqa: S608
                [*values, wanted.limit, wanted.offset],
            ).fetchall()
        return [_event(row) for row in rows], int(total)

    def read(self, *, after: int, limit: int) -> list[StoredEvent]:
        with self._open_for_reading() as connection:
            return [] if connection is None else _read(connection, after, limit)

    def head(self) -> Head:
        with self._open_for_reading() as connection:
            return Head() if connection is None else _head(connection)

    def get(self, seq: int) -> StoredEvent | None:
        with self._open_for_reading() as connection:
            return None if connection is None else _get(connection, seq)

    def close(self) -> None:
        with self._reading:
            self._reader.close()
        self._writer.close()

    @contextmanager
    def _open_for_reading(self) -> Iterator[sqlite3.Connection | None]:
        with self._reading, self._translated(self._reader):
            connection = self._reader.get() if self._path.exists() else None
            if connection is None:
                self._reader.close()
            elif not connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'audit'").fetchone():
                connection = None
            yield connection

    @contextmanager
    def open_for_writing(self) -> Iterator[sqlite3.Connection]:
        """For whoever holds the log alone."""
        with self._translated(self._writer):
            yield self._writer.get()

    @contextmanager
    def _translated(self, *opened: "_Opened") -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            for one in opened:
                one.close()
            raise BackendUnavailableError(self.unavailable) from error


class _SqliteTail(AuditTail):
    def __init__(self, store: SqliteAuditStore) -> None:
        self._store = store

    def head(self) -> Head:
        with self._store.open_for_writing() as connection:
            return _head(connection)

    def get(self, seq: int) -> StoredEvent | None:
        with self._store.open_for_writing() as connection:
            return _get(connection, seq)

    def read(self, *, after: int, limit: int) -> list[StoredEvent]:
        with self._store.open_for_writing() as connection:
            return _read(connection, after, limit)

    def append(self, rows: Sequence[StoredEvent]) -> None:
        with self._store.open_for_writing() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                if not follow(_head(connection), rows):
                    raise BackendUnavailableError(self._store.unavailable)
                connection.executemany("INSERT INTO audit(seq, mac, body) VALUES (?, ?, ?)", rows)
                connection.execute("COMMIT")
            except BaseException:
                connection.rollback()
                raise


class _Opened:
    """A connection to the file that lies there now: one that was moved away is not used on."""

    def __init__(self, path: Path, connect: Callable[[Path], sqlite3.Connection]) -> None:
        self._path = path
        self._connect = connect
        self._connection: tuple[sqlite3.Connection, int] | None = None

    def get(self) -> sqlite3.Connection:
        number = self._path.stat().st_ino if self._path.exists() else -1
        if self._connection is None or self._connection[1] != number:
            self.close()
            connection = self._connect(self._path)
            self._connection = connection, self._path.stat().st_ino
        return self._connection[0]

    def close(self) -> None:
        if self._connection is not None:
            self._connection[0].close()
            self._connection = None


def _open_reader(path: Path) -> sqlite3.Connection:
    uri = f"{path.resolve().as_uri()}?mode=ro"
    connection = sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    connection.text_factory = _decoded
    return connection


def _open_writer(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    connection.text_factory = _decoded
    try:
        path.chmod(0o600)
        for setting in ("journal_mode = WAL", "synchronous = FULL", "trusted_schema = OFF"):
            connection.execute(f"PRAGMA {setting}")
        connection.executescript(_SCHEMA)
        connection.set_authorizer(_allow)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _allow(action: int, table: str | None, *_others: str | None) -> int:
    forbidden = action in _FORBIDDEN and table is not None and table.startswith("audit")
    return sqlite3.SQLITE_DENY if forbidden else sqlite3.SQLITE_OK


def _decoded(value: bytes) -> str:
    """Somebody may have put there what is no text: that is to be found, and not to stop who reads."""
    return value.decode(errors="replace")


def _event(row: tuple[int, str | bytes, str | bytes]) -> StoredEvent:
    seq, mac, body = row
    if isinstance(mac, str) and isinstance(body, str):
        return StoredEvent(seq, mac, body)
    return StoredEvent(seq, *(one if isinstance(one, str) else _decoded(bytes(one)) for one in (mac, body)))


def _head(connection: sqlite3.Connection) -> Head:
    row = connection.execute("SELECT seq, mac, body FROM audit ORDER BY seq DESC LIMIT 1").fetchone()
    return Head(row[0], _event(row).hash) if row else Head()


def _read(connection: sqlite3.Connection, after: int, limit: int) -> list[StoredEvent]:
    query = "SELECT seq, mac, body FROM audit WHERE seq > ? ORDER BY seq LIMIT ?"
    return list(map(_event, connection.execute(query, (after, limit))))


def _get(connection: sqlite3.Connection, seq: int) -> StoredEvent | None:
    row = connection.execute("SELECT seq, mac, body FROM audit WHERE seq = ?", (seq,)).fetchone()
    return _event(row) if row else None


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
            add(f"body ->> '$.{field}' IN ({', '.join('?' for _ in allowed)})", *map(str, allowed))
    if wanted.since is not None:
        add("body ->> '$.at' >= ?", timestamp(wanted.since))
    if wanted.until is not None:
        add("body ->> '$.at' <= ?", timestamp(wanted.until))
    return " AND ".join(parts), values
