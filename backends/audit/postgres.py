"""The audit log's store on a PostgreSQL server, shared by processes on many hosts."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import ClassVar

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from app.domain.audit import timestamp
from app.errors import BackendUnavailableError, ConfigurationError, DafeError
from backends.audit.base import (
    NOTHING_SHOWN,
    AuditStore,
    AuditTail,
    EventFilter,
    Head,
    StoredEvent,
)
from backends.audit.postgres_sql import INDEXED, LOCK, OWNER
from backends.audit.settings import PostgresAuditSettings
from backends.sql.postgres import open_engine
from backends.sql.postgres_errors import translated_errors

_CANCELLED = "57014"
_TOO_LONG = (
    "Searching the audit log took too long, so nothing was shown: narrow the filter, or raise"
    " DAFE_AUDIT__TIMEOUT_SECONDS."
)
_STILL_SECONDS = 60
"""After it the server ends a connection that holds the log and does nothing."""
_CONNECTIONS: dict[str, str | int] = {
    "synchronous_commit": "on",
    "tcp_keepalives_idle": 20,
    "tcp_keepalives_interval": 5,
    "tcp_keepalives_count": 3,
}
"""What was acknowledged is on disk, and a host that is gone does not hold the log."""
_TEXTS = (sa.column(name, sa.Text) for name in ("mac", "body"))
_EVENTS = sa.table("events", sa.column("seq", sa.BigInteger), *_TEXTS, schema=OWNER)
_FIELDS = {name: sa.literal_column(f"({read})", sa.Text) for name, read in INDEXED.items()}
_ROW = (_EVENTS.c.seq, _EVENTS.c.mac, _EVENTS.c.body)
_NEWEST = sa.select(*_ROW).order_by(_EVENTS.c.seq.desc()).limit(1)
_TAKE = sa.text(f"SELECT set_config('idle_session_timeout', '{_STILL_SECONDS}s', false), pg_advisory_lock({LOCK})")
_LEAVE = sa.text(f"SELECT pg_advisory_unlock({LOCK}), set_config('idle_session_timeout', '0', false)")
_APPEND = sa.text(f"SELECT {OWNER}.append(CAST(:macs AS text[]), CAST(:bodies AS text[]))")
_RIGHTS = sa.text(
    "SELECT has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT') AS read,"
    " r.rolsuper OR r.rolcreaterole OR pg_has_role(r.oid, c.relowner, 'MEMBER')"
    " OR has_table_privilege(c.oid, 'DELETE, TRUNCATE, TRIGGER')"
    " OR has_any_column_privilege(c.oid, 'INSERT, UPDATE') AS change"
    " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_roles r ON r.rolname = current_user"
    " WHERE n.nspname = :owner AND c.relname = 'events'"
)


class PostgresAuditStore(AuditStore):
    """Its user reads rows and adds them through one function, and can do nothing else to them.

    One connection is kept for writing, so that readers leave it free. The log is held by a lock of that connection, so
    that it is free again when its holder or the holder's host ends.
    """

    unavailable: ClassVar[str] = f"{NOTHING_SHOWN}: check that the PostgreSQL server runs, and see dafe doctor."

    def __init__(self, settings: PostgresAuditSettings, **_ignored: object) -> None:
        """Opens no connection yet."""
        self._timeout_seconds = settings.timeout_seconds
        one, others = (settings.model_copy(update={"connections": n}) for n in (1, settings.connections - 1))
        self._engines = open_engine(one, _CONNECTIONS), open_engine(others, _CONNECTIONS)
        self._writing = self._engines[0].execution_options(isolation_level="AUTOCOMMIT")
        self._reading = self._engines[1].execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)

    def check(self) -> None:
        with translated_errors(self._timeout_seconds), self._reading.connect() as connection:
            may = connection.execute(_RIGHTS, {"owner": OWNER}).first()
        if may is None or not may.read:
            raise ConfigurationError(
                "The database holds no audit log that this user may read: have an administrator of PostgreSQL run in it"
                " what dafe audit sql prints."
            )
        if may.change:
            raise ConfigurationError(
                "This user of PostgreSQL could change the audit log: give one that is no superuser, makes no"
                f" roles, is no member of {OWNER}, and may only read the log and add to it."
            )

    @contextmanager
    def alone(self) -> Iterator[AuditTail]:
        with self.translated():
            connection = self._writing.connect()
        try:
            with self.translated():
                connection.execute(_TAKE)
            yield _PostgresTail(self, connection)
        finally:
            _leave(connection)

    def find(self, wanted: EventFilter) -> tuple[list[StoredEvent], int]:
        conditions = list(_conditions(wanted))
        counted = sa.func.count() if conditions else sa.func.coalesce(sa.func.max(_EVENTS.c.seq), 0)
        page = sa.select(*_ROW).where(*conditions).order_by(_EVENTS.c.seq.desc())
        with self._reading_rows(too_long=_TOO_LONG) as connection:
            total = connection.execute(sa.select(counted).select_from(_EVENTS).where(*conditions)).scalar_one()
            rows = connection.execute(page.limit(wanted.limit).offset(wanted.offset)).all()
        return [StoredEvent(*row) for row in rows], int(total)

    def read(self, *, after: int, limit: int) -> list[StoredEvent]:
        with self._reading_rows() as connection:
            return _read(connection, after, limit)

    def head(self) -> Head:
        with self._reading_rows() as connection:
            return _head(connection)

    def get(self, seq: int) -> StoredEvent | None:
        with self._reading_rows() as connection:
            return _get(connection, seq)

    def close(self) -> None:
        for engine in self._engines:
            engine.dispose()

    @contextmanager
    def _reading_rows(self, *, too_long: str = "") -> Iterator[sa.Connection]:
        with self.translated(too_long=too_long), self._reading.connect() as connection:
            yield connection

    @contextmanager
    def translated(self, *, too_long: str = "") -> Iterator[None]:
        """`too_long`: the sentence for a statement that the server ended because of its time."""
        try:
            with translated_errors(self._timeout_seconds):
                yield
        except (DafeError, SQLAlchemyError) as error:
            ended = getattr(getattr(error.__cause__, "orig", None), "sqlstate", None) == _CANCELLED
            raise BackendUnavailableError((ended and too_long) or self.unavailable) from error


class _PostgresTail(AuditTail):
    """Each statement is a transaction of its own, so what is read after the lock was taken stays true."""

    def __init__(self, store: PostgresAuditStore, connection: sa.Connection) -> None:
        self._store = store
        self._connection = connection

    def head(self) -> Head:
        with self._store.translated():
            return _head(self._connection)

    def get(self, seq: int) -> StoredEvent | None:
        with self._store.translated():
            return _get(self._connection, seq)

    def read(self, *, after: int, limit: int) -> list[StoredEvent]:
        with self._store.translated():
            return _read(self._connection, after, limit)

    def append(self, rows: Sequence[StoredEvent]) -> None:
        given = {"macs": [row.mac for row in rows], "bodies": [row.body for row in rows]}
        with self._store.translated():
            self._connection.execute(_APPEND, given)


def _leave(connection: sa.Connection) -> None:
    """What was written is kept even where the server went away before it could be told that the log is free."""
    try:
        if not connection.invalidated:
            connection.execute(_LEAVE)
    except SQLAlchemyError:
        connection.invalidate()
    finally:
        connection.close()


def _head(connection: sa.Connection) -> Head:
    row = connection.execute(_NEWEST).first()
    return Head(row.seq, StoredEvent(*row).hash) if row else Head()


def _read(connection: sa.Connection, after: int, limit: int) -> list[StoredEvent]:
    query = sa.select(*_ROW).where(_EVENTS.c.seq > after).order_by(_EVENTS.c.seq).limit(limit)
    return [StoredEvent(*row) for row in connection.execute(query)]


def _get(connection: sa.Connection, seq: int) -> StoredEvent | None:
    row = connection.execute(sa.select(*_ROW).where(_EVENTS.c.seq == seq)).first()
    return StoredEvent(*row) if row else None


def _conditions(wanted: EventFilter) -> Iterator[sa.ColumnElement[bool]]:
    if wanted.actor_id:
        yield _FIELDS["actor"] == wanted.actor_id
    if wanted.actions:
        yield _FIELDS["action"].in_(wanted.actions)
    if wanted.outcomes:
        yield _FIELDS["outcome"].in_([one.value for one in wanted.outcomes])
    if wanted.since is not None:
        yield _FIELDS["at"] >= timestamp(wanted.since)
    if wanted.until is not None:
        yield _FIELDS["at"] <= timestamp(wanted.until)
