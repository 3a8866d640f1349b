"""Numbers over the whole installation, on SQL."""

from collections.abc import Mapping

import sqlalchemy as sa

from app.domain.documents import DocumentStatus
from app.domain.jobs import JobKind, JobState, Priority
from backends.metadata.base_counts import CountRecords
from backends.sql.base import SqlDatabase
from backends.sql.tables import documents, jobs, versions


class SqlCountRecords(CountRecords):
    def __init__(self, database: SqlDatabase) -> None:
        self._database = database

    def jobs(self) -> Mapping[tuple[JobKind, JobState, Priority], int]:
        parts = (jobs.c.kind, jobs.c.state, jobs.c.priority)
        counted = sa.select(*parts, sa.func.count().label("number")).group_by(*parts)
        with self._database.read() as connection:
            rows = connection.execute(counted).all()
        return {(JobKind(row.kind), JobState(row.state), Priority(row.priority)): row.number for row in rows}

    def documents(self) -> Mapping[DocumentStatus, int]:
        newest = documents.join(versions, versions.c.id == documents.c.newest_version_id)
        counted = sa.select(versions.c.status, sa.func.count().label("number")).select_from(newest)
        with self._database.read() as connection:
            rows = connection.execute(counted.group_by(versions.c.status)).all()
        return {DocumentStatus(row.status): row.number for row in rows}
