"""What is done again and again, on SQL: the jobs of its kind are the record."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from app.domain.jobs import OPEN_STATES, Job
from backends.metadata.base_schedules import ScheduleRecords
from backends.metadata.sql_jobs import new_row
from backends.sql.base import SqlDatabase
from backends.sql.tables import jobs

_CLOCKS_DIFFER = timedelta(hours=1)


class SqlScheduleRecords(ScheduleRecords):
    def __init__(self, database: SqlDatabase) -> None:
        self._database = database

    def add(self, job: Job, *, every: timedelta, since: datetime) -> bool:
        with self._database.read() as connection:  # Asked over and over: it is seldom due, and then nobody waits.
            if self._due_at(connection, job, every, since) is None:
                return False
        with self._database.write(f"schedule {job.kind}") as connection:
            now = self._due_at(connection, job, every, since)
            if now is not None:
                connection.execute(jobs.insert().values(new_row(replace(job, created_at=now), self._database.fields)))
        return now is not None

    def _due_at(self, connection: sa.Connection, job: Job, every: timedelta, since: datetime) -> datetime | None:
        """Now, where it is due."""
        now = datetime.fromtimestamp(connection.execute(sa.select(self._database.clock)).scalar_one(), UTC)
        after, before = now - every, now + _CLOCKS_DIFFER
        if after < since < before:
            return None
        recent = (jobs.c.created_at > after) & (jobs.c.created_at < before)
        served = sa.select(jobs.c.id).where(jobs.c.kind == job.kind, recent | jobs.c.state.in_(OPEN_STATES)).limit(1)
        return now if connection.execute(served).first() is None else None
