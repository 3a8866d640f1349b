"""The metadata store on SQL."""

import sqlalchemy as sa

from backends.metadata.base import MetadataStore
from backends.metadata.sql_access import SqlAccessRecords
from backends.metadata.sql_chunks import SqlChunkRecords
from backends.metadata.sql_counts import SqlCountRecords
from backends.metadata.sql_documents import SqlDocumentRecords
from backends.metadata.sql_embeddings import SqlEmbeddingRecords
from backends.metadata.sql_history import SqlHistoryRecords
from backends.metadata.sql_jobs import SqlJobRecords
from backends.metadata.sql_models import SqlModelRecords
from backends.metadata.sql_moving import SqlMovableRecords
from backends.metadata.sql_schedules import SqlScheduleRecords
from backends.metadata.sql_sessions import SqlSessionRecords
from backends.metadata.sql_users import SqlUserRecords
from backends.metadata.sql_workspaces import SqlWorkspaceRecords
from backends.settings import BackendSettings
from backends.sql.base import SqlDatabase


class SqlMetadataStore(MetadataStore):
    """Its tables are made by `backends.sql.migrating.upgrade`, not here."""

    def __init__(self, settings: BackendSettings, *, database: SqlDatabase, **_ignored: object) -> None:
        self._database = database
        self.replica = database.replica
        self.documents = SqlDocumentRecords(database)
        self.access = SqlAccessRecords(database)
        self.chunks = SqlChunkRecords(database)
        self.history = SqlHistoryRecords(database)
        self.jobs = SqlJobRecords(database)
        self.schedules = SqlScheduleRecords(database)
        self.workspaces = SqlWorkspaceRecords(database)
        self.users = SqlUserRecords(database)
        self.sessions = SqlSessionRecords(database)
        self.models = SqlModelRecords(database)
        self.embeddings = SqlEmbeddingRecords(database)
        self.counts = SqlCountRecords(database)
        self.movable = SqlMovableRecords(database, wipe=self.wipe)

    def check(self) -> None:
        with self._database.read() as connection:
            connection.execute(sa.text("SELECT count(*) FROM workspaces"))

    def wipe(self) -> None:
        self._database.wipe()

    def owe_wipe(self) -> None:
        self._database.owe_wipe()

    def complete_wiping(self) -> None:
        if self._database.is_wipe_owed:
            self._database.wipe()

    def close(self) -> None:
        self._database.close()
