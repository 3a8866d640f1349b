"""A database of a PostgreSQL server: connections, locks, and how its tables differ from those in a file."""

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql.base import PGDDLCompiler
from ulid import ULID

from app.errors import ConfigurationError, IntegrityError
from backends.sql.base import SqlDatabase
from backends.sql.fields import SealedFields
from backends.sql.postgres_errors import translated_errors
from backends.sql.replica import WITHIN, PostgresReplica
from backends.sql.settings import PostgresServerSettings

BUSY_SECONDS = 20
_IDLE_SECONDS = 60
_CONNECT_SECONDS = 10
_SILENT_SECONDS = 20
_OLD_SECONDS = 1800
"""Until a connection is replaced, so that a server that others took over from is left again."""
_ALL = 0x64616665
"""The advisory lock that who names no part of the database holds alone, and the others together."""
_EVERYWHERE = "*"
"""As app.workspace of a connection lets it see all workspaces; without any it sees none (see revision 0002)."""
_ONE_PART = f"pg_advisory_xact_lock_shared({_ALL}), pg_advisory_xact_lock(hashtextextended(:part, 0))"
_DURABLE = "set_config('synchronous_commit', replace(current_setting('synchronous_commit'), 'off', 'on'), true)"
_LOCKS = {
    alone: sa.text(f"SELECT set_config('app.workspace', :within, true), {_DURABLE}, {locks}")
    for alone, locks in ((False, _ONE_PART), (True, f"pg_advisory_xact_lock({_ALL})"))
}
_OF_STANDBY = {"target_session_attrs": "any", "connect_timeout": 2, "tcp_user_timeout": 2_000}
"""PostgreSQL's client waits no shorter for a connection; what the server is, each read asks (see `PostgresReplica`)."""
_WIDE = {"SERIAL": "BIGSERIAL", "INTEGER": "BIGINT"}


class PostgresDatabase(SqlDatabase):
    """Adapters seal texts with `fields` before they go there.

    A connection that broke is replaced before a transaction begins; in the middle of one it ends with an error, and
    nothing of it is done again here.
    """

    replica: PostgresReplica | None = None

    def __init__(
        self, settings: PostgresServerSettings, *, key: bytes, replica: PostgresServerSettings | None = None
    ) -> None:
        self.fields: SealedFields = SealedFields(key)
        self._timeout_seconds = settings.timeout_seconds
        parameters = {"app.workspace": _EVERYWHERE}
        self.engine = open_engine(settings, parameters)
        self.engine.dialect.ddl_compiler = _Columns
        self._reading = self.engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        if replica is not None:
            standby = open_engine(replica, parameters, standby=True)
            self.replica = PostgresReplica(standby, primary=self.engine, timeout_seconds=self._timeout_seconds)

    @contextmanager
    def read(self, within: str | None = None) -> Iterator[sa.Connection]:
        with translated_errors(self._timeout_seconds), self._reading.begin() as connection:
            if within is not None:
                connection.execute(WITHIN, {"within": within})
            yield connection

    @contextmanager
    def write(self, part: str | None = None, *, within: str | None = None) -> Iterator[sa.Connection]:
        """Each statement sees what others committed before it, so what is read after the lock stays true. It has ended
        when it is in the server's log on disk, whatever the server is set to."""
        with translated_errors(self._timeout_seconds), self.engine.begin() as connection:
            given = {"within": _EVERYWHERE if within is None else within}
            connection.execute(_LOCKS[part is None], given if part is None else given | {"part": part})
            yield connection

    @contextmanager
    def change_schema(self) -> Iterator[sa.Connection]:
        with translated_errors(self._timeout_seconds), self.engine.begin() as connection:
            connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
            connection.exec_driver_sql("SET LOCAL lock_timeout = 0")
            connection.execute(_LOCKS[True], {"within": _EVERYWHERE})
            yield connection

    def require_key(self) -> str:
        """Raise IntegrityError when the database was written with another key; the first that comes is noted, with an
        id of the database, which is returned.

        It is noted as a comment on a table: backups hold it, and no table of its own is needed. Raises
        ConfigurationError for a user whom row security does not hold.
        """
        noted = sa.text("SELECT obj_description('workspaces'::regclass, 'pg_class')")
        free = sa.text("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")
        with self.read() as connection:
            found = connection.execute(noted).scalar()
            if connection.execute(free).scalar():
                raise ConfigurationError(
                    "This user of PostgreSQL is not held by row security: give one without SUPERUSER and BYPASSRLS."
                )
        if found is None:
            with self.write() as connection:
                found = connection.execute(noted).scalar()
                if found is None:
                    found = f"{self.fields.mark()} {ULID()}"
                    connection.exec_driver_sql(f"COMMENT ON TABLE workspaces IS '{found}'")
        mark, _, identity = str(found).partition(" ")
        if mark != self.fields.mark():
            raise IntegrityError(
                "The database cannot be read: its key is not the right one; put the key file that belongs to it back."
            )
        return identity

    def wipe(self) -> None:
        """Nothing: what deleted rows leave in files and logs of the server is sealed, and it frees their place."""

    def owe_wipe(self) -> None:
        """Nothing, as for `wipe`."""

    @property
    def clock(self) -> sa.ColumnElement[float]:
        """The server's, at the statement: a transaction may have waited for its lock."""
        return sa.cast(sa.extract("epoch", sa.func.clock_timestamp()), sa.Float)

    @property
    def is_wipe_owed(self) -> bool:
        return False

    def close(self) -> None:
        self.engine.dispose()
        if self.replica is not None:
            self.replica.close()


class _Columns(PGDDLCompiler):
    """Text is ordered by its bytes, as in SQLite, and numbers do not end at two thousand million."""

    def get_column_specification(self, column: sa.Column[Any], **options: Any) -> str:
        written: str = super().get_column_specification(column, **options)  # type: ignore[no-untyped-call]
        name, kind, *rest = written.split(" ")
        kind = _WIDE.get(kind, kind)
        if isinstance(column.type, sa.String):
            kind += ' COLLATE "C"'
        return " ".join((name, kind, *rest))


def open_engine(
    settings: PostgresServerSettings, parameters: Mapping[str, str | int], *, standby: bool = False
) -> sa.Engine:
    """Connections as all kinds of backend keep them; `parameters` of the server are set for each. One that need not be
    had, because it is a `standby`, is given up soon, and leads to a server in whatever state."""
    return sa.create_engine(
        "postgresql+psycopg://",
        connect_args=_address(settings, parameters) | (_OF_STANDBY if standby else {}),
        hide_parameters=True,
        isolation_level="READ COMMITTED",
        use_native_hstore=False,
        pool_size=settings.connections,
        max_overflow=0,
        pool_timeout=0 if standby else BUSY_SECONDS,
        pool_pre_ping=True,
        pool_recycle=_OLD_SECONDS,
    )


def _address(settings: PostgresServerSettings, parameters: Mapping[str, str | int]) -> dict[str, Any]:
    limits = {
        "statement_timeout": settings.timeout_seconds,
        "lock_timeout": BUSY_SECONDS,
        "idle_in_transaction_session_timeout": _IDLE_SECONDS,
    }
    given = {**{name: f"{end * 1_000:.0f}" for name, end in limits.items()}, **parameters}
    trusted = settings.ca_bundle or ssl.get_default_verify_paths().cafile or "system"
    return {
        "host": settings.host,
        "port": settings.port,
        "dbname": settings.database,
        "user": settings.user,
        "password": settings.password.get_secret_value() or None,
        "sslmode": "verify-full",
        "sslrootcert": str(trusted),
        "ssl_min_protocol_version": "TLSv1.3",
        "gssencmode": "disable",
        "require_auth": "scram-sha-256",
        "target_session_attrs": "read-write",
        "connect_timeout": _CONNECT_SECONDS,
        "tcp_user_timeout": _SILENT_SECONDS * 1_000,
        "keepalives_idle": _SILENT_SECONDS,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "application_name": "dafe",
        "options": " ".join(f"-c {name}={value}" for name, value in given.items()),
    }
