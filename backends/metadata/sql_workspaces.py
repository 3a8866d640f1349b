"""Workspaces and memberships on SQL."""

from dataclasses import asdict
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError as ConstraintError

from app.domain.access import Role
from app.domain.ids import UserId, WorkspaceId
from app.domain.workspaces import Membership, Workspace
from app.errors import ConflictError, NotFoundError
from backends.metadata.base_people import WorkspaceRecords
from backends.sql.base import SqlDatabase
from backends.sql.tables import (
    access_lists,
    access_readers,
    chunk_stems,
    chunks,
    documents,
    embeddings_used,
    jobs,
    memberships,
    question_documents,
    questions,
    versions,
    workspaces,
)

_HELD = (
    chunks,
    versions,
    documents,
    access_lists,
    access_readers,
    jobs,
    questions,
    memberships,
    embeddings_used,
)
_FIELDS = [column for column in workspaces.c if column.name != "name_key"]


class SqlWorkspaceRecords(WorkspaceRecords):
    def __init__(self, database: SqlDatabase) -> None:
        self._database = database

    def add(self, workspace: Workspace) -> None:
        try:
            with self._database.write(workspace.id) as connection:
                connection.execute(workspaces.insert().values(_row(workspace)))
        except ConstraintError as error:
            raise ConflictError("A workspace of this name exists: choose another name.") from error

    def get(self, workspace_id: WorkspaceId) -> Workspace:
        query = sa.select(*_FIELDS).where(workspaces.c.id == workspace_id)
        with self._database.read() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            raise NotFoundError("This workspace does not exist.", workspace_id=workspace_id)
        return Workspace(**row._mapping)

    def find(self, *, name: str | None = None) -> list[Workspace]:
        query = sa.select(*_FIELDS).order_by(workspaces.c.name_key)
        if name is not None:
            query = query.where(workspaces.c.name_key == name.casefold())
        with self._database.read() as connection:
            return [Workspace(**row._mapping) for row in connection.execute(query)]

    def update(self, workspace: Workspace) -> None:
        change = workspaces.update().where(workspaces.c.id == workspace.id).values(_row(workspace))
        try:
            with self._database.write(workspace.id) as connection:
                if connection.execute(change).rowcount == 0:
                    raise NotFoundError("This workspace does not exist.", workspace_id=workspace.id)
        except ConstraintError as error:
            raise ConflictError("A workspace of this name exists: choose another name.") from error

    def delete(self, workspace_id: WorkspaceId) -> None:
        with self._database.write(within=workspace_id) as connection:  # Alone: a worker may be writing its chunks.
            asked = sa.select(questions.c.id).where(questions.c.workspace_id == workspace_id)
            connection.execute(question_documents.delete().where(question_documents.c.question_id.in_(asked)))
            numbers = sa.select(chunks.c.number).where(chunks.c.workspace_id == workspace_id)
            connection.execute(chunk_stems.delete().where(chunk_stems.c.chunk_number.in_(numbers)))
            for table in _HELD:
                connection.execute(table.delete().where(table.c.workspace_id == workspace_id))
            connection.execute(workspaces.delete().where(workspaces.c.id == workspace_id))

    def set_member(self, membership: Membership) -> None:
        with self._database.write(membership.workspace_id, within=membership.workspace_id) as connection:
            connection.execute(memberships.delete().where(*_same(membership.user_id, membership.workspace_id)))
            connection.execute(memberships.insert().values(asdict(membership)))

    def remove_member(self, user_id: UserId, *, workspace_id: WorkspaceId) -> None:
        with self._database.write(workspace_id, within=workspace_id) as connection:
            connection.execute(memberships.delete().where(*_same(user_id, workspace_id)))
            listed = (access_readers.c.user_id == user_id) & (access_readers.c.workspace_id == workspace_id)
            connection.execute(access_readers.delete().where(listed))

    def find_members(
        self, *, workspace_id: WorkspaceId | None = None, user_id: UserId | None = None
    ) -> list[Membership]:
        query = sa.select(memberships).order_by(memberships.c.workspace_id, memberships.c.user_id)
        if workspace_id is not None:
            query = query.where(memberships.c.workspace_id == workspace_id)
        if user_id is not None:
            query = query.where(memberships.c.user_id == user_id)
        with self._database.read(workspace_id) as connection:
            rows = connection.execute(query).all()
        return [Membership(row.workspace_id, row.user_id, Role(row.role)) for row in rows]


def _row(workspace: Workspace) -> dict[str, Any]:
    return {**asdict(workspace), "name_key": workspace.name.casefold()}


def _same(user_id: UserId, workspace_id: WorkspaceId) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    return memberships.c.user_id == user_id, memberships.c.workspace_id == workspace_id
