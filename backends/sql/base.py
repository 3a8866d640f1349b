"""What the SQL adapters need of a database, whichever it is."""

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager

import sqlalchemy as sa

from backends.sql.fields import Fields


class SqlDatabase(ABC):
    """Threads and processes share it. Errors are those of `app.errors`, except broken constraints (SQLAlchemy's
    IntegrityError): only the caller knows what those mean."""

    fields: Fields

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
