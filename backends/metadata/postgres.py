"""The metadata store on a PostgreSQL server."""

from backends.metadata.settings import PostgresMetadataSettings
from backends.metadata.sql import SqlMetadataStore
from backends.sql.migrating import upgrade
from backends.sql.postgres import PostgresDatabase


class PostgresMetadataStore(SqlMetadataStore):
    """Makes its tables itself, in a database of its own.

    Names of documents, texts, questions and answers are sealed with a key of their workspace, stems are kept as keyed
    hashes; readable are ids, times, numbers, states, people and workspaces.
    """

    def __init__(self, settings: PostgresMetadataSettings, *, key: bytes, **_ignored: object) -> None:
        self._server = PostgresDatabase(settings, key=key)
        try:
            upgrade(self._server)
            self._server.require_key()
        except BaseException:
            self._server.close()
            raise
        super().__init__(settings, database=self._server)

    def check(self) -> None:
        super().check()
        self._server.require_key()
