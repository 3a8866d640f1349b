"""Keeps the files that questions walk over true to what the workspaces hold."""

from app.domain.ids import WorkspaceId
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
        """After each job: no job fails because of these files."""
        try:
            visible = self._metadata.documents.find_visible(workspace_id=workspace_id, reader=None)
            self._adjacencies.refresh(workspace_id=workspace_id, versions=frozenset(visible))
        except (OSError, DafeError) as error:
            _log.unexpected("walks", error)
