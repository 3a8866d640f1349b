"""The one encrypted database of the embedded profile: engine, key, pragmas and the translation of its errors."""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import IntegrityError as ConstraintError
from sqlalchemy.exc import TimeoutError as NoConnectionLeftError

from app.errors import BackendUnavailableError, IntegrityError
from backends.sql.base import SqlDatabase
from backends.sql.fields import PlainFields, invalid_text

BUSY_SECONDS = 20
_BYTES_A_SECOND = 10_000_000
"""Written anew at least, on a slow disk; 50 MB are usual."""
_RETRY_SECONDS = 0.02
_WRITING = "BEGIN IMMEDIATE"
_MOST_CONNECTIONS = 25
_PRAGMAS = (
    "journal_mode = WAL",
    "synchronous = FULL",
    "foreign_keys = ON",
    "secure_delete = ON",
    "cache_size = -32768",
)
"""32 MiB of decrypted pages a connection: with SQLite's own 2 MiB each question decrypts most pages again."""


class Database(SqlDatabase):
    """One SQLCipher file; threads share this object, processes share the file.

    `key` is the raw 32-byte key; None writes plain text and exists for tests that look into the file.
    """

    fields = PlainFields()

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
        self._writing = self.engine.execution_options(begin=_WRITING)
        sa.event.listen(self.engine, "begin", self._begin)

    @contextmanager
    def read(self, within: str | None = None) -> Iterator[sa.Connection]:
        with translated_errors(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def write(self, part: str | None = None, *, within: str | None = None) -> Iterator[sa.Connection]:
        """Nobody else writes meanwhile, whatever `part` names."""
        with translated_errors(), self._writing.begin() as connection:
            yield connection

    def change_schema(self) -> AbstractContextManager[sa.Connection]:
        return self.write()

    def wipe(self) -> None:
        """Write the file anew, which takes about a second for 50 MB, and empty the write-ahead log.

        SQLite overwrites deleted content in its place (`secure_delete`), but not the copies that stay in the unused
        part of a page when rows moved to another page before; `incremental_vacuum` moves whole pages, these parts with
        them. Others who write wait meanwhile, and room is needed for a second copy in the data folder and, encrypted,
        in the temporary folder.

        Raises BackendUnavailableError when there is less, or somebody reads an older state for longer than
        `BUSY_SECONDS`; until it was done, `is_wipe_owed` says so, in other processes too.
        """
        owed = self._owe_wipe()
        self._check_room()
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
        with self.write() as connection:
            if _owed(connection) == owed:
                connection.exec_driver_sql("PRAGMA user_version = 0")

    def owe_wipe(self) -> None:
        self._owe_wipe()

    @property
    def clock(self) -> sa.ColumnElement[float]:
        """That of the one machine."""
        return sa.literal(time.time(), sa.Float)

    @property
    def is_wipe_owed(self) -> bool:
        with self.read() as connection:
            return _owed(connection) > 0

    def _owe_wipe(self) -> int:
        """A number of its own for each call, which stays until a `wipe` that began later has ended."""
        with self.write() as connection:
            owed = _owed(connection) + 1
            connection.exec_driver_sql(f"PRAGMA user_version = {owed}")
        return owed

    def _check_room(self) -> None:
        with self.read() as connection:
            pages, free, size = (
                int(connection.exec_driver_sql(f"PRAGMA {name}").scalar_one())
                for name in ("page_count", "freelist_count", "page_size")
            )
        folders = [self.path.parent, _temporary_folder()]
        devices = [folder.stat().st_dev for folder in folders]
        for folder, device in zip(folders, devices, strict=True):
            needed = (pages - free) * size * devices.count(device)
            if shutil.disk_usage(folder).free < needed:
                raise BackendUnavailableError(
                    "The disk has too little room to overwrite what deleted documents left in the database: free"
                    f" {needed // 1_000_000 + 1:,} MB where {folder} lies; it is done then without being asked for."
                )

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

    def _begin(self, connection: sa.Connection) -> None:
        """Who writes waits for longer than a `wipe` takes."""
        statement = connection.get_execution_options().get("begin", "BEGIN")
        if statement == _WRITING:
            patience = BUSY_SECONDS + self.path.stat().st_size / _BYTES_A_SECOND
            connection.exec_driver_sql(f"PRAGMA busy_timeout = {patience * 1_000:.0f}")
        if statement:
            connection.exec_driver_sql(statement)

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


def _owed(connection: sa.Connection) -> int:
    """Nobody else has a use for this number in the file's header."""
    return int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())


def _temporary_folder() -> Path:
    """Where SQLite writes its temporary files."""
    named = [os.environ.get(name) for name in ("SQLITE_TMPDIR", "TMPDIR")]
    folders = [Path(name) for name in (*named, "/var/tmp", "/usr/tmp", "/tmp") if name]  # noqa: S108
    return next((folder for folder in folders if folder.is_dir() and os.access(folder, os.W_OK)), Path())


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
        raise invalid_text() from None
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
