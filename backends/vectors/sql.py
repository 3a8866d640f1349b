"""Vectors in the encrypted database, searched exactly over a matrix kept in this process."""

from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock

import numpy as np
import sqlalchemy as sa

from app.domain.ids import ChunkId, VersionId, WorkspaceId
from backends.sql.engine import Database
from backends.sql.expressions import among, unindexed
from backends.sql.tables_derived import vector_removals
from backends.sql.tables_derived import vectors as table
from backends.vectors.base import Match, Vectors, VectorStore
from backends.vectors.matrix import VectorMatrix, check_shape, in_order
from backends.vectors.settings import SqlVectorSettings


@dataclass(slots=True)
class _Loaded:
    matrix: VectorMatrix
    last_number: int
    removals: int


class SqlVectorStore(VectorStore):
    """Before each search the matrix is brought up to date: new rows are added to it, after a removal it is read anew.

    So a search sees what any process has committed before it began.
    """

    def __init__(
        self,
        settings: SqlVectorSettings,
        *,
        database: Database,
        embedding_name: str,
        dimension: int,
        **_ignored: object,
    ) -> None:
        self._database = database
        self._space = f"{embedding_name}/{dimension}"
        self._dimension = dimension
        self._loaded: dict[WorkspaceId, _Loaded] = {}
        self._lock = Lock()

    def upsert(
        self, chunk_ids: Sequence[ChunkId], vectors: Vectors, *, workspace_id: WorkspaceId, version_id: VersionId
    ) -> None:
        check_shape(chunk_ids, vectors, dimension=self._dimension)
        if not chunk_ids:
            return
        fixed = {"space": self._space, "workspace_id": workspace_id, "version_id": version_id}
        values = [
            {**fixed, "chunk_id": id_, "vector": row.astype("<f4").tobytes()}
            for id_, row in zip(chunk_ids, vectors, strict=True)
        ]
        with self._database.write() as connection:
            same = (table.c.workspace_id == workspace_id) & (table.c.space == self._space)
            if connection.execute(table.delete().where(same, among(table.c.chunk_id, chunk_ids))).rowcount:
                _count_removal(connection, workspace_id)
            connection.execute(table.insert(), values)

    def search(
        self, vector: Vectors, *, workspace_id: WorkspaceId, permitted: frozenset[VersionId], limit: int
    ) -> list[Match]:
        with self._lock:
            matrix = self._refresh(workspace_id)
            return matrix.search(vector, permitted=permitted, limit=limit)

    def get(
        self, chunk_ids: Sequence[ChunkId], *, workspace_id: WorkspaceId, permitted: frozenset[VersionId]
    ) -> tuple[list[ChunkId], Vectors]:
        mine = (table.c.workspace_id == workspace_id) & (table.c.space == self._space)
        query = sa.select(table.c.chunk_id, table.c.vector).where(mine, among(table.c.chunk_id, chunk_ids))
        with self._database.read() as connection:
            rows = connection.execute(query.where(among(unindexed(table.c.version_id), permitted))).all()
        found = {ChunkId(row.chunk_id): np.frombuffer(row.vector, dtype="<f4") for row in rows}
        return in_order(chunk_ids, found, dimension=self._dimension)

    def _refresh(self, workspace_id: WorkspaceId) -> VectorMatrix:
        removals_of = sa.select(vector_removals.c.count).where(vector_removals.c.workspace_id == workspace_id)
        with self._database.read() as connection:
            removals = connection.execute(removals_of).scalar() or 0
            loaded = self._loaded.get(workspace_id)
            if loaded is None or loaded.removals != removals:
                loaded = _Loaded(VectorMatrix(self._dimension), 0, removals)
            new = sa.select(table.c.number, table.c.chunk_id, table.c.version_id, table.c.vector)
            new = new.where(table.c.workspace_id == workspace_id, table.c.space == self._space)
            rows = connection.execute(new.where(table.c.number > loaded.last_number).order_by("number")).all()
        if rows:
            block = np.frombuffer(b"".join(row.vector for row in rows), dtype="<f4").reshape(len(rows), -1)
            loaded.matrix.append([row.chunk_id for row in rows], [row.version_id for row in rows], block)
            loaded.last_number = rows[-1].number
        self._loaded[workspace_id] = loaded
        return loaded.matrix

    def delete_versions(self, version_ids: Sequence[VersionId], *, workspace_id: WorkspaceId) -> None:
        self._delete(workspace_id, among(table.c.version_id, version_ids))

    def delete_workspace(self, workspace_id: WorkspaceId) -> None:
        self._delete(workspace_id, sa.true())

    def delete_other_spaces(self, *, workspace_id: WorkspaceId) -> None:
        mine = table.c.workspace_id == workspace_id
        with self._database.read() as connection:  # From an index, without touching the vectors.
            spaces = set(connection.execute(sa.select(table.c.space).where(mine).distinct()).scalars())
        if others := spaces - {self._space}:
            self._delete(workspace_id, table.c.space.in_(sorted(others)))

    def _delete(self, workspace_id: WorkspaceId, condition: sa.ColumnElement[bool]) -> None:
        with self._database.write() as connection:
            gone = table.delete().where(table.c.workspace_id == workspace_id, condition)
            if connection.execute(gone).rowcount:
                _count_removal(connection, workspace_id)
        with self._lock:
            self._loaded.pop(workspace_id, None)

    def count(self, *, workspace_id: WorkspaceId, permitted: frozenset[VersionId]) -> int:
        scope = (table.c.workspace_id == workspace_id) & (table.c.space == self._space)
        query = sa.select(sa.func.count()).select_from(table).where(scope, among(table.c.version_id, permitted))
        with self._database.read() as connection:
            return connection.execute(query).scalar_one()

    def close(self) -> None:
        with self._lock:
            self._loaded.clear()


def _count_removal(connection: sa.Connection, workspace_id: WorkspaceId) -> None:
    mine = vector_removals.c.workspace_id == workspace_id
    more = vector_removals.update().where(mine).values(count=vector_removals.c.count + 1)
    if connection.execute(more).rowcount == 0:
        connection.execute(vector_removals.insert().values(workspace_id=workspace_id, count=1))
