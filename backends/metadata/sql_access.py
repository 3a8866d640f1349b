"""Access lists of documents on SQL, and the condition that keeps from a reader what a list keeps from them."""

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa

from app.domain.ids import DocumentId, UserId, WorkspaceId
from app.errors import NotFoundError
from backends.metadata.base_content import AccessRecords
from backends.sql.base import SqlDatabase
from backends.sql.tables import access_lists, access_readers, documents


class SqlAccessRecords(AccessRecords):
    def __init__(self, database: SqlDatabase) -> None:
        self._database = database

    def get(self, document_id: DocumentId, *, workspace_id: WorkspaceId) -> frozenset[UserId] | None:
        mine = (access_lists.c.document_id == document_id) & (access_lists.c.workspace_id == workspace_id)
        same = access_readers.c.document_id == access_lists.c.document_id
        query = sa.select(access_readers.c.user_id).select_from(access_lists.outerjoin(access_readers, same))
        with self._database.read(workspace_id) as connection:
            found = connection.execute(query.where(mine)).scalars().all()
        return frozenset(UserId(one) for one in found if one is not None) if found else None

    def set(self, document_id: DocumentId, readers: Collection[UserId] | None, *, workspace_id: WorkspaceId) -> None:
        with self._database.write(workspace_id, within=workspace_id) as connection:
            mine = (documents.c.id == document_id) & (documents.c.workspace_id == workspace_id)
            if connection.execute(sa.select(documents.c.id).where(mine)).one_or_none() is None:
                raise NotFoundError("This document does not exist: it may have been deleted.", document_id=document_id)
            for table in (access_readers, access_lists):
                connection.execute(table.delete().where(table.c.document_id == document_id))
            if readers is None:
                return
            here = {"document_id": document_id, "workspace_id": workspace_id}
            connection.execute(access_lists.insert().values(here))
            if readers:
                connection.execute(access_readers.insert(), [{**here, "user_id": one} for one in sorted(readers)])


def seen_by(reader: UserId | None, document_id: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    """Documents that have no list, or one with `reader` on it; all of them for None.

    What is hidden is found once a query, not looked up for each row: lists are few beside documents.
    """
    return sa.true() if reader is None else document_id.not_in(hidden_from(reader))


def hidden_from(reader: UserId) -> sa.Select[Any]:
    """The ids of all documents that a list keeps from `reader`, of every workspace."""
    read = sa.select(access_readers.c.document_id).where(access_readers.c.user_id == reader)
    return sa.select(access_lists.c.document_id).where(access_lists.c.document_id.not_in(read))
