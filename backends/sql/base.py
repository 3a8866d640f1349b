"""What the SQL adapters need of a database, whichever it is."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import sqlalchemy as sa

from backends.sql.fields import Fields

Rows = Sequence[Any]
"""Of SQLAlchemy's Row."""


class Replica(ABC):
    """Another server with the same rows, for reads of much. That it fails, or has not got far enough, is no error: the
    database itself reads then."""

    @abstractmethod
    def fetch(self, queries: Sequence[sa.Select[Any]], *, within: str | None) -> list[Rows] | None:
        """As the function `fetch`; None when it must be read from the database itself."""

    @abstractmethod
    def check(self) -> str:
        """One sentence on how far it is; raises DafeError with why nothing is read from it."""

    @abstractmethod
    def reads(self) -> Mapping[str, int]:
        """How many reads of much this process did: on the "replica", and on the "primary" although there is one."""


class SqlDatabase(ABC):
    """Threads and processes share it. Errors are those of `app.errors`, except broken constraints (SQLAlchemy's
    IntegrityError): only the caller knows what those mean."""

    fields: Fields
    replica: Replica | None = None

    @abstractmethod
    def read(self, within: str | None = None) -> AbstractContextManager[sa.Connection]:
        """A connection inside one transaction that sees one state of the database.

        `within` a workspace it needs no rows of others, which a server then keeps from it; None needs all.
        """

    @abstractmethod
    def write(self, part: str | None = None, *, within: str | None = None) -> AbstractContextManager[sa.Connection]:
        """A connection inside one transaction; an exception undoes all of it. `within` is that of `read`.

        Nobody else writes meanwhile under the same name of a `part` of the database, and nobody at all where none is
        named: what a transaction looks up before it writes must be written under its name only.
        """

    @abstractmethod
    def change_schema(self) -> AbstractContextManager[sa.Connection]:
        """As `write` without a name, for what may take long."""

    @abstractmethod
    def wipe(self) -> None:
        """As `MetadataStore.wipe`."""

    @abstractmethod
    def owe_wipe(self) -> None:
        """As `MetadataStore.owe_wipe`."""

    @property
    @abstractmethod
    def clock(self) -> sa.ColumnElement[float]:
        """Seconds since 1970 as every process that shares the database reads them: the clocks of machines differ."""

    @property
    @abstractmethod
    def is_wipe_owed(self) -> bool:
        """Whether a `wipe` was asked for and is not done."""

    @abstractmethod
    def close(self) -> None:
        """Free the connections; a second call does nothing."""


def fetch(database: SqlDatabase, *queries: sa.Select[Any], within: str | None = None) -> list[Rows]:
    """The rows of each query, all of one state of the database, which is that of the call or newer; `within` is that of
    `SqlDatabase.read`.

    For what reads much: it is read from the replica where there is one.
    """
    if database.replica is not None:
        rows = database.replica.fetch(queries, within=within)
        if rows is not None:
            return rows
    with database.read(within) as connection:
        return [connection.execute(query).all() for query in queries]
