"""The edges of every workspace in this process: mapped from files, with what came since."""

from collections.abc import Callable, Collection
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from threading import Lock

import numpy as np

from app.domain.ids import VersionId, WorkspaceId
from app.pipeline.adjacency import Adjacency
from app.pipeline.adjacency_building import Edges, assemble, edges_of, join, read_edges
from app.pipeline.adjacency_files import AdjacencyFiles
from backends.graph.base import GraphStore

_WORTH_WRITING = 0.02
_LEAST_WORTH_WRITING = 2_000
"""Edges that came since the files were written, and their share of those there, from which they are written anew."""
_REPLACED_AT_MOST = 5


@dataclass(slots=True)
class _Place:
    lock: Lock = field(default_factory=Lock)
    adjacency: Adjacency | None = None


class Adjacencies:
    """Threads may share it. Rights are a mask over one adjacency, so that a question never loads a graph: only the
    edges of versions that nobody here has walked over, and that are not in the files yet, are read from the store."""

    def __init__(
        self,
        graph: GraphStore,
        *,
        key: bytes,
        files: AdjacencyFiles | None = None,
        alone: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        """`key` codes names; without `files` everything stays in memory; `alone` keeps other processes from writing
        meanwhile."""
        self._graph = graph
        self._key = key
        self._files = files
        self._alone = alone
        self._lock = Lock()
        self._places: dict[WorkspaceId, _Place] = {}

    @property
    def key(self) -> bytes:
        return self._key

    def get(self, *, workspace_id: WorkspaceId, permitted: frozenset[VersionId]) -> Adjacency:
        """One that has the edges of all the permitted versions, and perhaps of others."""
        place = self._place(workspace_id)
        with place.lock:
            held = self._up_to_date(workspace_id, place.adjacency)
            if missing := permitted - held.versions:
                held = _with(held, self._read(workspace_id, missing))
            place.adjacency = held
            return held

    def refresh(self, workspace_id: WorkspaceId, *, find_versions: Callable[[], frozenset[VersionId]]) -> None:
        """Write the files anew where it is worth it: for many new edges, or because a version in them is none of those
        found, which are all that the workspace has. Raises OSError, and then the last files stay."""
        if self._files is None:
            return
        with self._alone():
            versions = find_versions()
            if not versions:
                self._files.delete(workspace_id)
                self.forget(workspace_id)
                return
            held = self.get(workspace_id=workspace_id, permitted=versions)
            if not (held.versions - versions or _is_worth_writing(held)):
                return
            edges = _edges_of(held, but=held.versions - versions)
            self._files.write(workspace_id, assemble(edges))

    def forget(self, workspace_id: WorkspaceId) -> None:
        """Drop what is in memory of a workspace."""
        with self._lock:
            self._places.pop(workspace_id, None)

    def delete(self, workspace_id: WorkspaceId) -> None:
        """Remove everything of a workspace that was deleted."""
        if self._files is not None:
            with self._alone():  # Else a refresh under way would write them again.
                self._files.delete(workspace_id)
        self.forget(workspace_id)

    def _place(self, workspace_id: WorkspaceId) -> _Place:
        with self._lock:
            return self._places.setdefault(workspace_id, _Place())

    def _up_to_date(self, workspace_id: WorkspaceId, held: Adjacency | None) -> Adjacency:
        """`held` while it is from the last files; else these, looked for again where they were replaced meanwhile."""
        files, generation = self._files, ""
        for _ in range(_REPLACED_AT_MOST):
            generation = files.current(workspace_id) if files is not None else ""
            if held is not None and held.generation == generation:
                return held
            if files is None or not generation:
                break
            if (part := files.open(workspace_id, generation)) is not None:
                return Adjacency((part,), generation)
            if files.current(workspace_id) == generation:
                break  # Damaged: read from the store, and written anew by the worker.
        return Adjacency((assemble(_no_edges()),), generation)

    def _read(self, workspace_id: WorkspaceId, versions: Collection[VersionId]) -> Edges:
        return read_edges(self._graph, workspace_id=workspace_id, versions=versions, key=self._key)


def _with(held: Adjacency, edges: Edges) -> Adjacency:
    first, *recent = held.parts
    if recent:
        edges = join(_edges_of_recent(held), edges)
    if not held.generation and (not first.versions or len(edges.chunks) > first.edges):
        return Adjacency((assemble(join(edges_of(first), edges)),), held.generation)
    return Adjacency((first, assemble(edges, after=first)), held.generation)


def _edges_of(held: Adjacency, *, but: Collection[VersionId]) -> Edges:
    edges = edges_of(held.parts[0], but=but)
    return join(edges, _edges_of_recent(held, but=but)) if len(held.parts) > 1 else edges


def _edges_of_recent(held: Adjacency, *, but: Collection[VersionId] = ()) -> Edges:
    first, recent = held.parts
    return edges_of(recent, but=but, names=np.concatenate([first.name_codes, recent.name_codes]))


def _is_worth_writing(held: Adjacency) -> bool:
    in_files = held.parts[0].edges if held.generation else 0
    new = sum(part.edges for part in held.parts) - in_files
    return new > max(_LEAST_WORTH_WRITING, _WORTH_WRITING * in_files)


def _no_edges() -> Edges:
    none = np.zeros(0, dtype=np.int64)
    return Edges((), none.astype("S1"), none.astype(np.int32), none, none.astype(np.uint64), none.astype(np.float32))
