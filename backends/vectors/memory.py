"""Vectors in this process."""

from collections.abc import Sequence
from threading import Lock

import numpy as np

from app.domain.ids import ChunkId, VersionId, WorkspaceId
from backends.vectors.base import Match, Vectors, VectorStore
from backends.vectors.matrix import VectorMatrix, check_shape, in_order
from backends.vectors.settings import MemoryVectorSettings

_Row = tuple[VersionId, Vectors]


class MemoryVectorStore(VectorStore):
    """Threads may share it."""

    def __init__(self, settings: MemoryVectorSettings, *, dimension: int, **_ignored: object) -> None:
        self._dimension = dimension
        self._rows: dict[WorkspaceId, dict[ChunkId, _Row]] = {}
        self._matrices: dict[WorkspaceId, VectorMatrix] = {}
        self._lock = Lock()

    def upsert(
        self, chunk_ids: Sequence[ChunkId], vectors: Vectors, *, workspace_id: WorkspaceId, version_id: VersionId
    ) -> None:
        check_shape(chunk_ids, vectors, dimension=self._dimension)
        with self._lock:
            rows = self._rows.setdefault(workspace_id, {})
            rows.update(zip(chunk_ids, ((version_id, row.copy()) for row in vectors), strict=True))
            self._matrices.pop(workspace_id, None)

    def search(
        self, vector: Vectors, *, workspace_id: WorkspaceId, permitted: frozenset[VersionId], limit: int
    ) -> list[Match]:
        with self._lock:
            matrix = self._matrices.get(workspace_id)
            if matrix is None:
                matrix = self._matrices[workspace_id] = self._build(workspace_id)
        return matrix.search(vector, permitted=permitted, limit=limit)

    def get(
        self, chunk_ids: Sequence[ChunkId], *, workspace_id: WorkspaceId, permitted: frozenset[VersionId]
    ) -> tuple[list[ChunkId], Vectors]:
        with self._lock:
            rows = self._rows.get(workspace_id, {})
            found = {id_: rows[id_][1] for id_ in chunk_ids if id_ in rows and rows[id_][0] in permitted}
        return in_order(chunk_ids, found, dimension=self._dimension)

    def _build(self, workspace_id: WorkspaceId) -> VectorMatrix:
        matrix = VectorMatrix(self._dimension)
        rows = self._rows.get(workspace_id, {})
        if rows:
            matrix.append(list(rows), [row[0] for row in rows.values()], np.stack([row[1] for row in rows.values()]))
        return matrix

    def delete_versions(self, version_ids: Sequence[VersionId], *, workspace_id: WorkspaceId) -> None:
        gone = set(version_ids)
        with self._lock:
            rows = self._rows.get(workspace_id, {})
            self._rows[workspace_id] = {id_: row for id_, row in rows.items() if row[0] not in gone}
            self._matrices.pop(workspace_id, None)

    def delete_workspace(self, workspace_id: WorkspaceId) -> None:
        with self._lock:
            self._rows.pop(workspace_id, None)
            self._matrices.pop(workspace_id, None)

    def delete_other_spaces(self, *, workspace_id: WorkspaceId) -> None:
        """There are none: each object holds its own."""

    def count(self, *, workspace_id: WorkspaceId, permitted: frozenset[VersionId]) -> int:
        with self._lock:
            return sum(row[0] in permitted for row in self._rows.get(workspace_id, {}).values())

    def close(self) -> None:
        """Nothing is held open."""
