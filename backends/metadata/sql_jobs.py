"""Job records on SQL; a lease is a time until which one worker owns a running job."""

from collections.abc import Collection
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError as ConstraintError

from app.domain.ids import DocumentId, JobId, UserId, WorkspaceId
from app.domain.jobs import Job, JobKind, JobState, Priority, Stage
from app.errors import ConflictError, NotFoundError
from backends.metadata.base_content import JobRecords
from backends.metadata.sql_access import seen_by
from backends.sql.base import SqlDatabase
from backends.sql.fields import Fields
from backends.sql.tables import jobs

_FIELDS = [column for column in jobs.c if column.name not in {"worker", "lease_until"}]


class SqlJobRecords(JobRecords):
    def __init__(self, database: SqlDatabase) -> None:
        self._database = database
        self._fields = database.fields

    def add(self, job: Job) -> None:
        row = new_row(job, self._fields)
        try:
            with self._database.write(job.id, within=job.workspace_id) as connection:
                connection.execute(jobs.insert().values(row))
        except ConstraintError as error:
            raise ConflictError("This job exists already.", job_id=job.id) from error

    def get(self, job_id: JobId, *, reader: UserId | None) -> Job:
        with self._database.read() as connection:
            return self._get(connection, job_id, reader)

    def find(
        self,
        *,
        reader: UserId | None,
        workspace_id: WorkspaceId | None = None,
        document_id: DocumentId | None = None,
        states: Collection[JobState] = (),
        kinds: Collection[JobKind] = (),
        created_by: UserId | None = None,
        limit: int | None = None,
    ) -> list[Job]:
        query = sa.select(*_FIELDS).where(_seen_by(reader))
        query = query.order_by(jobs.c.created_at.desc(), jobs.c.id.desc()).limit(limit)
        if workspace_id is not None:
            query = query.where(jobs.c.workspace_id == workspace_id)
        if document_id is not None:
            query = query.where(jobs.c.document_id == document_id)
        if states:
            query = query.where(jobs.c.state.in_(sorted(states)))
        if kinds:
            query = query.where(jobs.c.kind.in_(sorted(kinds)))
        if created_by is not None:
            query = query.where(jobs.c.created_by == created_by)
        with self._database.read(workspace_id) as connection:
            return [self._job(row) for row in connection.execute(query)]

    def claim(self, job_id: JobId, *, worker: str, lease_seconds: float) -> Job | None:
        now = self._database.clock
        held = jobs.c.state.in_([JobState.RUNNING, JobState.STOPPING])
        # Much further ahead than a lease was written before the clock was set back.
        current = sa.func.coalesce(jobs.c.lease_until, 0).between(now, now + 2 * lease_seconds)
        over = ~current | (jobs.c.worker == worker)
        free = (jobs.c.state == JobState.WAITING) | (held & over)
        stopping = jobs.c.state == JobState.STOPPING
        taken = {
            "state": sa.case((stopping, JobState.STOPPING), else_=JobState.RUNNING),
            "attempts": jobs.c.attempts + 1,
            "worker": worker,
            "lease_until": now + lease_seconds,
            "updated_at": datetime.now(UTC),
            "error": None,
        }
        with self._database.write(job_id) as connection:
            if connection.execute(jobs.update().where(jobs.c.id == job_id, free).values(taken)).rowcount == 0:
                return None
            return self._get(connection, job_id)

    def record(
        self,
        job_id: JobId,
        *,
        worker: str,
        lease_seconds: float,
        stage: Stage,
        done: int,
        total: int,
        eta_seconds: float | None,
        attempts: int | None = None,
    ) -> bool:
        mine = (jobs.c.id == job_id) & (jobs.c.worker == worker) & (jobs.c.state == JobState.RUNNING)
        progress: dict[str, Any] = {} if attempts is None else {"attempts": attempts}
        progress |= {
            "stage": stage,
            "done": done,
            "total": total,
            "eta_seconds": eta_seconds,
            "lease_until": self._database.clock + lease_seconds,
            "updated_at": datetime.now(UTC),
        }
        with self._database.write(job_id) as connection:
            return connection.execute(jobs.update().where(mine).values(progress)).rowcount == 1

    def finish(
        self,
        job_id: JobId,
        *,
        worker: str,
        state: JobState,
        error: str | None = None,
        attempts: int | None = None,
        waits: int | None = None,
    ) -> bool:
        mine = (jobs.c.id == job_id) & (jobs.c.worker == worker)
        # A job that is to stop is not put back: it would go on.
        ending = [] if state is JobState.WAITING else [JobState.STOPPING]
        mine &= jobs.c.state.in_([JobState.RUNNING, *ending])
        counted = {"attempts": attempts, "waits": waits}
        values = _ended(state, error) | {name: count for name, count in counted.items() if count is not None}
        with self._database.write(job_id) as connection:
            return connection.execute(jobs.update().where(mine).values(values)).rowcount == 1

    def stop(self, job_id: JobId) -> Job:
        with self._database.write(job_id) as connection:
            job = self._get(connection, job_id)
            values: dict[str, Any] = {}
            if job.state is JobState.WAITING:
                values = _ended(JobState.STOPPED, None)
            elif job.state is JobState.RUNNING:
                values = {"state": JobState.STOPPING, "updated_at": datetime.now(UTC)}
            if values:
                connection.execute(jobs.update().where(jobs.c.id == job_id).values(values))
            return self._get(connection, job_id)

    def retry(self, job_id: JobId, *, attempts: int | None = None) -> Job:
        waiting: dict[str, Any] = {"state": JobState.WAITING, "error": None, "eta_seconds": None, "waits": 0}
        waiting |= {"updated_at": datetime.now(UTC)} | ({} if attempts is None else {"attempts": attempts})
        with self._database.write(job_id) as connection:
            job = self._get(connection, job_id)
            if job.state not in {JobState.STOPPED, JobState.FAILED}:
                raise ConflictError("Only a stopped or failed job can be tried again.", job_id=job_id)
            connection.execute(jobs.update().where(jobs.c.id == job_id).values(waiting))
            return self._get(connection, job_id)

    def _get(self, connection: sa.Connection, job_id: JobId, reader: UserId | None = None) -> Job:
        wanted = sa.select(*_FIELDS).where(jobs.c.id == job_id, _seen_by(reader))
        row = connection.execute(wanted).one_or_none()
        if row is None:
            raise NotFoundError("This job does not exist any more.", job_id=job_id)
        return self._job(row)

    def _job(self, row: sa.Row[Any]) -> Job:
        values = dict(row._mapping)
        values |= {"kind": JobKind(row.kind), "state": JobState(row.state), "stage": Stage(row.stage)}
        values["priority"] = Priority(row.priority)
        return Job(**values | {"document_name": self._fields.open(row.document_name, **_place(row))})


def new_row(job: Job, fields: Fields) -> dict[str, Any]:
    """Of a job that no worker has had yet."""
    return asdict(job) | {"document_name": fields.seal(job.document_name, **_place(job))}


def _seen_by(reader: UserId | None) -> sa.ColumnElement[bool]:
    """An export is its owner's alone: how far it is tells how much they may see."""
    seen = seen_by(reader, jobs.c.document_id)
    return seen if reader is None else seen & ((jobs.c.kind != JobKind.EXPORT) | (jobs.c.created_by == reader))


def _ended(state: JobState, error: str | None) -> dict[str, Any]:
    now = datetime.now(UTC)
    return {"state": state, "error": error, "worker": None, "lease_until": None, "eta_seconds": None, "updated_at": now}


def _place(job: Job | sa.Row[Any]) -> dict[str, str]:
    return {"workspace_id": job.workspace_id, "column": "jobs.document_name", "record": job.id}
