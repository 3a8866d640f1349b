"""The records as a whole on SQL: rows with their texts opened, and sealed again for the store that they go to."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError as ConstraintError

from app.domain.ids import WorkspaceId
from app.errors import ConflictError
from backends.metadata.base_moving import Key, MovableRecords, Record
from backends.sql.base import SqlDatabase
from backends.sql.tables import (
    access_lists,
    access_readers,
    chunk_stems,
    chunks,
    documents,
    embeddings_used,
    failures,
    jobs,
    memberships,
    models_used,
    question_documents,
    questions,
    sessions,
    users,
    versions,
    workspaces,
)

_KINDS = {table.name: table for table in (users, workspaces, models_used)}
_WORKSPACE_KINDS = {
    table.name: table
    for table in (
        memberships,
        documents,
        versions,
        access_lists,
        access_readers,
        jobs,
        questions,
        question_documents,
    )
}
_TABLES = _KINDS | _WORKSPACE_KINDS
_NOT_MOVED = (sessions, failures, chunk_stems, chunks, embeddings_used)
_SEALED = {
    "documents": ("name",),
    "versions": ("name", "coverage", "title"),
    "jobs": ("document_name",),
    "questions": ("text", "answer"),
}
_INDEXED = {"documents": ("name_key", "name")}
"""A column that only helps to find a row, and the text whose folded form it is made of."""
_WRITTEN_TOGETHER = 500


class SqlMovableRecords(MovableRecords):
    kinds = tuple(_KINDS)
    workspace_kinds = tuple(_WORKSPACE_KINDS)

    def __init__(self, database: SqlDatabase, *, wipe: Callable[[], None]) -> None:
        self._database = database
        self._fields = database.fields
        self._wipe = wipe

    def key(self, kind: str, record: Record) -> Key:
        return tuple(record[column.name] for column in _TABLES[kind].primary_key)

    def read(
        self,
        kind: str,
        *,
        workspace_id: WorkspaceId | None,
        after: Key | None = None,
        until: Key | None = None,
        limit: int | None = None,
    ) -> list[Record]:
        table = _TABLES[kind]
        key = tuple(table.primary_key)
        query = sa.select(table).where(_of(table, workspace_id)).order_by(*key).limit(limit)
        if after is not None:
            query = query.where(sa.tuple_(*key) > sa.tuple_(*map(sa.literal, after)))
        if until is not None:
            query = query.where(sa.tuple_(*key) <= sa.tuple_(*map(sa.literal, until)))
        with self._database.read(workspace_id) as connection:
            rows = [dict(row) for row in connection.execute(query).mappings()]
        return [self._opened(kind, row) for row in rows]

    def write(
        self, kind: str, records: Sequence[Record], *, gone: Sequence[Key] = (), workspace_id: WorkspaceId | None
    ) -> None:
        table = _TABLES[kind]
        key = tuple(table.primary_key)
        replaced = [*gone, *(self.key(kind, record) for record in records)]
        rows = [self._kept(kind, record) for record in records]
        with _unique_names(), self._database.write(within=workspace_id) as connection:
            for start in range(0, len(replaced), _WRITTEN_TOGETHER):
                same = sa.tuple_(*key).in_(replaced[start : start + _WRITTEN_TOGETHER])
                connection.execute(table.delete().where(same, _of(table, workspace_id)))
            for start in range(0, len(rows), _WRITTEN_TOGETHER):
                connection.execute(table.insert(), rows[start : start + _WRITTEN_TOGETHER])

    def forget_sign_ins(self) -> None:
        with self._database.write() as connection:
            for table in (sessions, failures):
                connection.execute(table.delete())

    def clear(self) -> None:
        with self._database.write() as connection:
            for table in (*_NOT_MOVED, *_TABLES.values()):
                connection.execute(table.delete())
        self._wipe()

    def _opened(self, kind: str, row: dict[str, Any]) -> Record:
        hidden = _INDEXED.get(kind, ())[:1]
        record = {name: value for name, value in row.items() if name not in hidden}
        for column in _SEALED.get(kind, ()):
            if record[column] is not None:
                record[column] = self._fields.open(record[column], **_place(kind, column, row))
        return record

    def _kept(self, kind: str, record: Record) -> dict[str, Any]:
        row = dict(record)
        for column in _SEALED.get(kind, ()):
            if row[column] is not None:
                row[column] = self._fields.seal(row[column], **_place(kind, column, record))
        if kind in _INDEXED:
            index, text = _INDEXED[kind]
            place = {"workspace_id": record["workspace_id"], "column": f"{kind}.{index}"}
            folded = record[text].casefold()
            row[index] = self._fields.index([folded], **place)[folded]
        return row


@contextmanager
def _unique_names() -> Iterator[None]:
    try:
        yield
    except ConstraintError:
        # Without the cause: it carries what was written.
        raise ConflictError("The other store holds something else of the same name or number.") from None


def _of(table: sa.Table, workspace_id: WorkspaceId | None) -> sa.ColumnElement[bool]:
    if workspace_id is None:
        return sa.true()
    if table is question_documents:
        asked = sa.select(questions.c.id).where(questions.c.workspace_id == workspace_id)
        return question_documents.c.question_id.in_(asked)
    return table.c.workspace_id == workspace_id


def _place(kind: str, column: str, row: Record) -> dict[str, str]:
    return {"workspace_id": row["workspace_id"], "column": f"{kind}.{column}", "record": row["id"]}
