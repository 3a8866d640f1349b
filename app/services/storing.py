"""Stores a version of a document and queues its reading: whatever is cut off leaves nothing that claims to be there."""

from contextlib import suppress
from dataclasses import replace

from ulid import ULID

from app.domain.documents import Coverage, Document, DocumentStatus, DocumentVersion
from app.domain.ids import FileId, UserId, VersionId
from app.domain.jobs import Job, JobKind, Priority
from app.errors import BackendUnavailableError, DafeError, IntegrityError, NotFoundError
from app.pipeline.indexing import layout_id
from app.services.new_jobs import new_job, put_job
from backends.files.base import FileStore
from backends.metadata.base import MetadataStore
from backends.queue.base import JobQueue


class VersionStoring:
    """The file first, then the row, then the job. `created_by` is who the job is done for."""

    def __init__(self, *, metadata: MetadataStore, files: FileStore, queue: JobQueue) -> None:
        self._metadata = metadata
        self._files = files
        self._queue = queue

    def store(
        self,
        version: DocumentVersion,
        content: bytes,
        *,
        created_by: UserId,
        reader: UserId | None,
        priority: Priority,
        rereads: bool = False,
    ) -> tuple[Document, Job]:
        """What is refused leaves no file, as far as it can be told that no row knows of it. Raises as `add_version`."""
        try:
            self._files.put(version.file_id, content)
            document = self._metadata.documents.add_version(version, reader=reader, rereads=rereads)
        except DafeError:
            with suppress(BackendUnavailableError):  # Recovery finds the file later.
                if not self._is_recorded(version):
                    self._files.delete(version.file_id)
                    self._files.delete(layout_id(version.id))
            raise
        return document, self.enqueue(version, created_by=created_by, priority=priority)

    def read_again(
        self, version: DocumentVersion, *, created_by: UserId, reader: UserId | None, priority: Priority
    ) -> Job:
        """A new version of the same content, which takes the place of this one, at once, when it is read: until then
        its facts stay as they are.

        Raises ConflictError when somebody else has just begun it, IntegrityError for a damaged or missing file.
        """
        new_id = VersionId(str(ULID()))
        again = replace(
            version,
            id=new_id,
            number=version.number + 1,
            file_id=FileId(new_id),
            status=DocumentStatus.WAITING,
            error=None,
            coverage=Coverage(),
            title=None,
            to_redo=False,
        )
        try:
            content = self._files.get(version.file_id)
        except NotFoundError as error:
            raise IntegrityError("The stored file is missing: add it again.", version_id=version.id) from error
        with suppress(NotFoundError, IntegrityError):  # A missing or damaged one is made anew.
            self._files.put(layout_id(new_id), self._files.get(layout_id(version.id)))
        _, job = self.store(again, content, created_by=created_by, reader=reader, priority=priority, rereads=True)
        return job

    def enqueue(self, version: DocumentVersion, *, created_by: UserId, priority: Priority) -> Job:
        job = new_job(version, JobKind.INDEX, created_by=created_by, priority=priority)
        self._metadata.jobs.add(job)
        put_job(self._queue, job)
        return job

    def _is_recorded(self, version: DocumentVersion) -> bool:
        known = self._metadata.documents.find_versions(version.document_id, workspace_id=version.workspace_id)
        return any(one.id == version.id for one in known)
