"""Keeps the files that questions walk over true to what the workspaces hold."""

from contextlib import suppress

from app.domain.ids import VersionId, WorkspaceId
from app.domain.jobs import JobKind, JobState
from app.errors import DafeError
from app.logs import get_logger
from app.pipeline.adjacencies import Adjacencies
from backends.metadata.base import MetadataStore

_log = get_logger("walks")


class WalkUpkeep:
    """For the worker. What is not written now is read from the graph store by who needs it, and written later."""

    def __init__(self, *, metadata: MetadataStore, adjacencies: Adjacencies) -> None:
        self._metadata = metadata
        self._adjacencies = adjacencies

    def refresh(self, workspace_id: WorkspaceId) -> None:
        """At the end of each job: none fails because of these files. Of several deletions in a row the last one does
        it for all."""
        try:
            if self._deletion_waits(workspace_id):
                return
            self._adjacencies.refresh(workspace_id, find_versions=lambda: self._visible(workspace_id))
        except (OSError, DafeError) as error:
            _log.unexpected("walks", error)
            with suppress(OSError):
                self._adjacencies.delete(workspace_id)  # What a version left that went must not stay.

    def refresh_all(self) -> None:
        """At a worker's start: what a killed one left undone, and what an earlier version of the program did not do.
        Raises BackendUnavailableError."""
        for workspace in self._metadata.workspaces.find():
            self.refresh(workspace.id)

    def _deletion_waits(self, workspace_id: WorkspaceId) -> bool:
        waiting = self._metadata.jobs.find(reader=None, workspace_id=workspace_id, states=(JobState.WAITING,))
        return any(job.kind is JobKind.DELETE for job in waiting)

    def _visible(self, workspace_id: WorkspaceId) -> frozenset[VersionId]:
        return frozenset(self._metadata.documents.find_visible(workspace_id=workspace_id, reader=None))
