"""Puts the shipped sample documents into a workspace."""

from collections.abc import Sequence

from app.domain.access import Actor, Permission
from app.domain.ids import WorkspaceId
from app.errors import NotFoundError
from app.sample_sets import SampleSet, find_sample_sets
from app.security.access import authorise
from app.services.documents import DocumentService, Upload, Uploaded


class SampleService:
    def __init__(self, *, documents: DocumentService) -> None:
        self._documents = documents

    def list(self, actor: Actor) -> Sequence[SampleSet]:
        """What is shipped, by name; the same for everybody."""
        del actor
        return find_sample_sets()

    def load(self, actor: Actor, *, workspace_id: WorkspaceId, name: str) -> Sequence[Uploaded]:
        """Upload a set's documents; those already there stay as they are."""
        authorise(actor, Permission.WRITE, workspace_id)
        for sample_set in find_sample_sets():
            if sample_set.name == name:
                files = [Upload(path.name, path.read_bytes()) for path in sample_set.files]
                return self._documents.upload(actor, workspace_id=workspace_id, files=files)
        raise NotFoundError("There is no sample set of this name.")
