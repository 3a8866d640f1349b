"""Finds the workspaces whose vectors are not of the embedding model that the settings name, and queues their making."""

from app.domain.ids import WorkspaceId
from app.domain.jobs import OPEN_STATES, JobKind
from app.errors import NotFoundError
from app.pipeline.embedding_spaces import EmbeddingSpaces
from app.services.new_jobs import new_upkeep_job, put_job
from backends.metadata.base import MetadataStore
from backends.queue.base import JobQueue


class EmbeddingUpkeep:
    """For recovery. See decisions/0006."""

    def __init__(self, *, spaces: EmbeddingSpaces, metadata: MetadataStore, queue: JobQueue) -> None:
        self._spaces = spaces
        self._metadata = metadata
        self._queue = queue
        self._looked = False

    def begin(self) -> None:
        """Queue a job for each workspace that does not search the space of the settings; call it now and then.

        At first all are looked through. Raises BackendUnavailableError.
        """
        if not self._looked:
            self._look_through()
            self._looked = True
        used = self._metadata.embeddings.find()
        others = [
            workspace.id
            for workspace in self._metadata.workspaces.find()
            if workspace.id not in used or used[workspace.id].searched != self._spaces.configured
        ]
        served = self._served() if others else set()
        for workspace_id in others:
            try:
                if workspace_id not in used and self._note(workspace_id):
                    continue
                if workspace_id not in served:
                    self._queue_job(workspace_id)
            except NotFoundError:  # Somebody deleted it.
                continue

    def _look_through(self) -> None:
        """What a store lost, or another store never had, is no longer taken for complete, and what is left of other
        spaces in workspaces that do not search them goes."""
        served = self._served()
        for workspace_id, used in self._metadata.embeddings.find().items():
            if used.searched is None:
                continue
            if self._spaces.is_complete(workspace_id, used.searched) is False:
                self._metadata.embeddings.give_up(used.searched, workspace_id=workspace_id)
            elif used.searched == self._spaces.configured and workspace_id not in served:
                self._spaces.vectors.delete_other_spaces(workspace_id=workspace_id)

    def _note(self, workspace_id: WorkspaceId) -> bool:
        """Record a workspace of which nothing is known yet; False where it is not as the settings want it."""
        complete = self._spaces.is_complete(workspace_id)
        if complete is None:  # At the next look.
            return True
        self._metadata.embeddings.switch(self._spaces.configured if complete else None, workspace_id=workspace_id)
        return complete

    def _served(self) -> set[WorkspaceId]:
        open_jobs = self._metadata.jobs.find(reader=None, states=OPEN_STATES)
        return {job.workspace_id for job in open_jobs if job.kind is JobKind.EMBED}

    def _queue_job(self, workspace_id: WorkspaceId) -> None:
        """Of several workers that find it at once one goes on, or none, and then at the next look."""
        job = new_upkeep_job(JobKind.EMBED, workspace_id=workspace_id)
        self._metadata.jobs.add(job)
        waiting = self._metadata.jobs.find(reader=None, workspace_id=workspace_id, states=OPEN_STATES)
        if any(one.kind is JobKind.EMBED and one.id != job.id for one in waiting):
            self._metadata.jobs.stop(job.id)
        else:
            put_job(self._queue, job)
