"""The job queue in the encrypted database."""

from backends.queue.leased import LeasedJobQueue
from backends.queue.settings import SqliteQueueSettings
from backends.queue.sql_leases import SqlLeases
from backends.sql.engine import Database


class SqliteJobQueue(LeasedJobQueue):
    """Its workers are processes of one machine."""

    def __init__(self, settings: SqliteQueueSettings, *, database: Database, **_ignored: object) -> None:
        leases = SqlLeases(database, lease_seconds=settings.lease_seconds)
        super().__init__(settings, leases, names=database.path.parent / "workers")
