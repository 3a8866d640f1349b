"""The one encrypted database of the embedded profile: engine, key, pragmas and the translation of its errors."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import IntegrityError as ConstraintError
from sqlalchemy.exc import TimeoutError as NoConnectionLeftError
from sqlalchemy.sql.operators import custom_op

from app.errors import BackendUnavailableError, IntegrityError, InvalidInputError

BUSY_SECONDS = 20
_RETRY_SECONDS = 0.02
_MOST_CONNECTIONS = 25
_PRAGMAS = (
    "journal_mode = WAL",
    "synchronous = FULL",
    "foreign_keys = ON",
    "secure_delete = ON",
    "cache_size = -32768",
)
"""32 MiB of decrypted pages a connection: with SQLite's own 2 MiB each question decrypts most pages again."""


class Database:
    """One SQLCipher file; threads share this object, processes share the file.

    `key` is the raw 32-byte key; None writes plain text and exists for tests that look into the file.
    """

    def __init__(self, path: Path, *, key: bytes | None) -> None:
        self.path = path
        self._key = key
        from sqlcipher3 import dbapi2

        self._driver = dbapi2
        self.engine = sa.create_engine(
            "sqlite+pysqlite://",
            creator=self._connect,
            module=dbapi2,
            hide_parameters=True,
            poolclass=sa.QueuePool,
            pool_size=5,
            max_overflow=_MOST_CONNECTIONS - 5,
            pool_timeout=BUSY_SECONDS,
        )
        self._writing = self.engine.execution_options(begin="BEGIN IMMEDIATE")
        sa.event.listen(self.engine, "begin", _begin)

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A connection inside one transaction that sees one state of the database."""
        with translated_errors(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """A connection inside one transaction that nobody else writes in; an exception undoes all of it."""
        with translated_errors(), self._writing.begin() as connection:
            yield connection

    def wipe(self) -> None:
        """Write the file anew, which takes about a second for 50 MB, and empty the write-ahead log.

        SQLite overwrites deleted content in its place (`secure_delete`), but not the copies that stay in the unused
        part of a page when rows moved to another page before. Others wait meanwhile, and room is needed for a second
        copy in the data folder and, encrypted, in the temporary folder.

        Raises BackendUnavailableError when somebody reads an older state for longer than `BUSY_SECONDS`.
        """
        with translated_errors(), self.engine.connect().execution_options(begin="") as connection:
            # Only this copy is encrypted in a temporary file: what sorting writes there would not be.
            connection.exec_driver_sql("PRAGMA temp_store = FILE")
            try:
                connection.exec_driver_sql("VACUUM")
            finally:
                connection.exec_driver_sql("PRAGMA temp_store = DEFAULT")
            busy = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()[0]
        if busy:
            raise BackendUnavailableError("The database is busy with another process: try again in a moment.")

    def close(self) -> None:
        self.engine.dispose()

    def _connect(self) -> Any:
        if not self.path.exists():
            with suppress(OSError):
                self.path.touch(mode=0o600)
        connection = self._driver.connect(
            str(self.path), timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        if self._key is not None:
            connection.execute(f"PRAGMA key = \"x'{self._key.hex()}'\"")
        for pragma in _PRAGMAS:
            self._patiently(connection, f"PRAGMA {pragma}")
        return connection

    def _patiently(self, connection: Any, statement: str) -> None:
        """SQLite answers "locked" at once, without its own waiting, while another process changes the journal mode."""
        deadline = monotonic() + BUSY_SECONDS
        while True:
            try:
                connection.execute(statement)
            except self._driver.OperationalError as error:
                if "locked" not in str(error) or monotonic() > deadline:
                    raise
                sleep(_RETRY_SECONDS)
            else:
                return


def _begin(connection: sa.Connection) -> None:
    statement = connection.get_execution_options().get("begin", "BEGIN")
    if statement:
        connection.exec_driver_sql(statement)


@contextmanager
def translated_errors() -> Iterator[None]:
    """Turns the driver's errors into ours, except broken constraints: only the caller knows what those mean."""
    try:
        yield
    except ConstraintError:
        raise
    except DBAPIError as error:
        raise _translate(str(error.orig)) from error
    except NoConnectionLeftError as error:
        raise BackendUnavailableError("Too many use the database at this moment: try again.") from error
    except UnicodeEncodeError:
        # Without the cause: it carries the text.
        raise InvalidInputError("The text holds characters that are not valid Unicode: remove them.") from None
    except Exception as error:
        if type(error).__module__.startswith("sqlcipher3"):
            raise _translate(str(error)) from error
        raise


def _translate(text: str) -> BackendUnavailableError | IntegrityError:
    if "not a database" in text or "malformed" in text or "corrupt" in text:
        return IntegrityError("The database cannot be read: its key is not the right one, or the file was damaged.")
    if "full" in text:
        return BackendUnavailableError("The disk of the data folder is full: free some room; nothing was changed.")
    if "readonly" in text or "read-only" in text:
        return BackendUnavailableError("The data folder cannot be written: give this user the right to write there.")
    if "unable to open" in text:
        return BackendUnavailableError("The database cannot be opened: check that the data folder is there and ours.")
    if "locked" in text or "busy" in text:
        return BackendUnavailableError("The database is busy with another process: try again in a moment.")
    return BackendUnavailableError("The database did not do what was asked: run dafe doctor and look at the log.")


def unindexed(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """The column as SQLite cannot use an index for: where another condition chooses far fewer rows."""
    return sa.sql.expression.UnaryExpression(column, operator=custom_op("+"), type_=column.type)


def among(column: sa.ColumnElement[Any], values: Collection[str]) -> sa.ColumnElement[bool]:
    """`column` is one of `values`, of which there may be any number."""
    import json

    listed = sa.func.json_each(json.dumps(sorted(values))).table_valued("value")
    return column.in_(sa.select(listed.c.value))
