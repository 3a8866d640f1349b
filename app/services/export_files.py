"""The files that exports make, encrypted among the uploads until their time is over."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from app.domain.ids import DocumentId, FileId, JobId, VersionId, WorkspaceId
from app.domain.jobs import Job
from backends.files.base import FileStore

_PREFIX = "export."


@dataclass(frozen=True, slots=True)
class Export:
    """`versions` are all that could be seen when it was made: names are chosen over all of them."""

    format: str
    versions: frozenset[VersionId]
    documents: tuple[DocumentId, ...]
    content: bytes


def is_export(file_id: FileId) -> bool:
    return file_id.startswith(_PREFIX)


def of_workspace(file_id: FileId, workspace_id: WorkspaceId) -> bool:
    return file_id.startswith(f"{_PREFIX}{workspace_id}.")


class ExportFiles:
    """One file for each job that makes an export."""

    def __init__(self, files: FileStore) -> None:
        self._files = files

    def put(self, export: Export, *, workspace_id: WorkspaceId, job_id: JobId) -> None:
        head = {"format": export.format, "versions": sorted(export.versions), "documents": list(export.documents)}
        self._files.put(_file_id(workspace_id, job_id), json.dumps(head).encode() + b"\n" + export.content)

    def get(self, workspace_id: WorkspaceId, job_id: JobId) -> Export:
        """Raises NotFoundError when it is not there, or not any more."""
        written, _, content = self._files.get(_file_id(workspace_id, job_id)).partition(b"\n")
        head = json.loads(written)
        documents = tuple(DocumentId(one) for one in head["documents"])
        return Export(head["format"], frozenset(VersionId(one) for one in head["versions"]), documents, content)

    def delete(self, workspace_id: WorkspaceId, job_id: JobId) -> None:
        self._files.delete(_file_id(workspace_id, job_id))

    def delete_workspace(self, workspace_id: WorkspaceId) -> None:
        """Every export of the workspace: what they hold is not known without reading them."""
        for file_id in self._files.find():
            if of_workspace(file_id, workspace_id):
                self._files.delete(file_id)

    def find(self) -> Iterator[tuple[WorkspaceId, JobId]]:
        for file_id in self._files.find():
            if is_export(file_id):
                workspace_id, _, job_id = file_id.removeprefix(_PREFIX).partition(".")
                yield WorkspaceId(workspace_id), JobId(job_id)


def _file_id(workspace_id: WorkspaceId, job_id: JobId) -> FileId:
    return FileId(f"{_PREFIX}{workspace_id}.{job_id}")


def format_of(job: Job) -> str:
    """The ending of the name of the file that it makes."""
    return job.document_name.rpartition(".")[2]
