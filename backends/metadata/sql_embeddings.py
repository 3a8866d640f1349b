"""Embedding spaces in use, on SQL."""

from typing import Any

import sqlalchemy as sa

from app.domain.embeddings import EmbeddingSpace, EmbeddingUse
from app.domain.ids import VersionId, WorkspaceId
from app.errors import NotFoundError
from backends.metadata.base_embeddings import EmbeddingRecords
from backends.sql.base import SqlDatabase
from backends.sql.tables import embeddings_used as table
from backends.sql.tables import workspaces


class SqlEmbeddingRecords(EmbeddingRecords):
    def __init__(self, database: SqlDatabase) -> None:
        self._database = database

    def get(self, workspace_id: WorkspaceId) -> EmbeddingUse | None:
        mine = sa.select(table).where(table.c.workspace_id == workspace_id)
        with self._database.read(workspace_id) as connection:
            row = connection.execute(mine).one_or_none()
        return None if row is None else _use(row)

    def find(self) -> dict[WorkspaceId, EmbeddingUse]:
        with self._database.read() as connection:
            rows = connection.execute(sa.select(table)).all()
        return {WorkspaceId(row.workspace_id): _use(row) for row in rows}

    def switch(self, space: EmbeddingSpace | None, *, workspace_id: WorkspaceId) -> None:
        values = _NOTHING if space is None else {"name": space.name, "dimension": space.dimension}
        mine = table.update().where(table.c.workspace_id == workspace_id).values(values)
        # Alone, as the workspace's deletion is: nothing is recorded of one that is gone.
        with self._database.write(within=workspace_id) as connection:
            known = sa.select(workspaces.c.id).where(workspaces.c.id == workspace_id)
            if connection.execute(known).first() is None:
                raise NotFoundError("This workspace does not exist any more.", workspace_id=workspace_id)
            if connection.execute(mine).rowcount == 0:
                connection.execute(table.insert().values(workspace_id=workspace_id, **values))

    def give_up(self, space: EmbeddingSpace, *, workspace_id: WorkspaceId) -> None:
        same = (table.c.name == space.name) & (table.c.dimension == space.dimension)
        self._update(_NOTHING, same, workspace_id=workspace_id)

    def note_writing(self, version_id: VersionId | None, *, workspace_id: WorkspaceId) -> None:
        self._update({"writing": version_id}, workspace_id=workspace_id)

    def _update(self, values: dict[str, Any], *wanted: sa.ColumnElement[bool], workspace_id: WorkspaceId) -> None:
        mine = table.update().where(table.c.workspace_id == workspace_id, *wanted).values(values)
        with self._database.write(workspace_id, within=workspace_id) as connection:
            connection.execute(mine)


_NOTHING: dict[str, Any] = {"name": None, "dimension": None}


def _use(row: sa.Row[Any]) -> EmbeddingUse:
    space = None if row.name is None else EmbeddingSpace(row.name, row.dimension)
    return EmbeddingUse(space, None if row.writing is None else VersionId(row.writing))
