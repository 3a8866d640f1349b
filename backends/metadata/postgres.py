"""The metadata store on a PostgreSQL server."""

from backends.metadata.settings import PostgresMetadataSettings
from backends.metadata.sql import SqlMetadataStore
from backends.sql.base import SqlDatabase
from backends.sql.migrating import upgrade
from backends.sql.postgres import PostgresDatabase


class PostgresMetadataStore(SqlMetadataStore):
    """Makes its tables itself, in a database of its own.

    Names of documents, texts, questions and answers are sealed with a key of their workspace, stems are kept as keyed
    hashes; readable are ids, times, numbers, states, people, workspaces, and the SHA-256 of each uploaded file.

    `database` is that of the data folder, where other backends may keep what this store has wiped with its own.
    """

    def __init__(
        self,
        settings: PostgresMetadataSettings,
        *,
        key: bytes,
        database: SqlDatabase | None = None,
        **_ignored: object,
    ) -> None:
        self._local = database
        self._server = PostgresDatabase(settings, key=key, replica=settings.replica)
        try:
            upgrade(self._server)
            self.identity = self._server.require_key()
        except BaseException:
            self._server.close()
            raise
        super().__init__(settings, database=self._server)

    def check(self) -> None:
        super().check()
        self._server.require_key()

    def wipe(self) -> None:
        if self._local is not None:
            self._local.wipe()

    def owe_wipe(self) -> None:
        if self._local is not None:
            self._local.owe_wipe()

    def complete_wiping(self) -> None:
        if self._local is not None and self._local.is_wipe_owed:
            self._local.wipe()
