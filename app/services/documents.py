"""Documents as people handle them: add, list, show with coverage, try again, delete."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from ulid import ULID

from app.domain.access import Actor, Permission
from app.domain.documents import Document, DocumentStatus, DocumentVersion
from app.domain.ids import DocumentId, FileId, UserId, VersionId, WorkspaceId
from app.domain.jobs import Job, JobKind, Priority
from app.domain.names import clean_file_name
from app.errors import ConflictError, InvalidInputError
from app.security.access import authorise
from app.security.auditor import Auditor
from app.services.new_jobs import new_job, put_job
from app.services.storing import VersionStoring
from backends.loaders.base import DocumentLoader
from backends.metadata.base import MetadataStore
from backends.metadata.base_content import DocumentFilter
from backends.queue.base import JobQueue


class SameName(StrEnum):
    """What to do with a file whose name is taken by a document of other content."""

    NEW_VERSION = "new_version"
    SEPARATE = "separate"


class UploadState(StrEnum):
    ADDED = "added"
    ALREADY_HERE = "already_here"
    SAME_NAME = "same_name"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Upload:
    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Uploaded:
    """What became of one file; `document` is None when it was refused, the existing one when it was here already."""

    name: str
    state: UploadState
    document: Document | None
    message: str = ""


@dataclass(frozen=True, slots=True)
class DocumentPage:
    """One page of a list, how many fit in all, and how many the workspace has by status of the newest version."""

    documents: list[Document]
    total: int
    counts: dict[DocumentStatus, int]
    people: dict[UserId, str] = field(default_factory=dict)
    """The names of those who added the documents of this page."""


class DocumentService:
    """Every document of a workspace; indexing itself happens in the worker."""

    def __init__(
        self,
        *,
        metadata: MetadataStore,
        storing: VersionStoring,
        loader: DocumentLoader,
        queue: JobQueue,
        auditor: Auditor,
    ) -> None:
        self._metadata = metadata
        self._storing = storing
        self._loader = loader
        self._queue = queue
        self._auditor = auditor

    def upload(
        self,
        actor: Actor,
        *,
        workspace_id: WorkspaceId,
        files: Sequence[Upload],
        same_name: Mapping[str, SameName] | None = None,
        batch: bool = False,
    ) -> list[Uploaded]:
        """Store files and queue them; archives and e-mails with attachments become one document a file in them.

        One bad file never stops the others: each has its own outcome. A name taken by other content is reported as
        `SAME_NAME` and not stored until `same_name` says for it what to do. Several files and archives are indexed
        after single ones, as are the files of a `batch` that come one by one.
        """
        authorise(actor, Permission.WRITE, workspace_id)
        self._metadata.workspaces.get(workspace_id)
        decisions = {clean_file_name(name): decision for name, decision in (same_name or {}).items()}
        outcomes: list[Uploaded] = []
        for upload in (replace(one, name=clean_file_name(one.name)) for one in files):
            try:
                parts = self._loader.unpack(upload.name, upload.content)
            except InvalidInputError as error:
                outcomes.append(Uploaded(upload.name, UploadState.REFUSED, None, error.message))
                continue
            uploads = [Upload(part.name, part.content) for part in parts]
            archive = upload.name.lower().endswith(".zip")
            if not archive:
                uploads.insert(0, upload)
            priority = Priority.BULK if batch or archive or len(files) > 1 else Priority.NORMAL
            outcomes += [self._add(actor, workspace_id, part, decisions.get(part.name), priority) for part in uploads]
        return outcomes

    def _add(
        self,
        actor: Actor,
        workspace_id: WorkspaceId,
        upload: Upload,
        decision: SameName | None,
        priority: Priority,
    ) -> Uploaded:
        try:
            media_type = self._loader.detect(upload.name, upload.content)
        except InvalidInputError as error:
            return Uploaded(upload.name, UploadState.REFUSED, None, error.message)
        digest = hashlib.sha256(upload.content).hexdigest()
        here = self._first(actor, workspace_id, DocumentFilter(sha256=digest, limit=1))
        if here:
            return Uploaded(upload.name, UploadState.ALREADY_HERE, here, "This file is already here.")
        named = self._first(actor, workspace_id, DocumentFilter(name=upload.name, limit=1))
        if named and decision is None:
            message = "A document of this name with other content is here: add this as its new version, or separately?"
            return Uploaded(upload.name, UploadState.SAME_NAME, named, message)
        previous = named if decision is SameName.NEW_VERSION else None
        version = self._new_version(actor, workspace_id, upload, media_type, digest, previous)
        try:
            document = self._store(actor, version, upload.content, priority)
        except ConflictError as error:
            return Uploaded(upload.name, UploadState.ALREADY_HERE, None, error.message)
        return Uploaded(upload.name, UploadState.ADDED, document)

    def _first(self, actor: Actor, workspace_id: WorkspaceId, wanted: DocumentFilter) -> Document | None:
        """What the actor may not see is not found: an upload tells nothing of it."""
        found, _ = self._metadata.documents.find(wanted, workspace_id=workspace_id, reader=actor.reader)
        return found[0] if found else None

    def _new_version(
        self,
        actor: Actor,
        workspace_id: WorkspaceId,
        upload: Upload,
        media_type: str,
        digest: str,
        previous: Document | None,
    ) -> DocumentVersion:
        version_id = VersionId(str(ULID()))
        return DocumentVersion(
            id=version_id,
            document_id=previous.id if previous else DocumentId(str(ULID())),
            workspace_id=workspace_id,
            number=previous.version.number + 1 if previous else 1,
            name=upload.name,
            media_type=media_type,
            sha256=digest,
            size_bytes=len(upload.content),
            file_id=FileId(version_id),
            uploaded_by=actor.user_id,
            uploaded_at=datetime.now(UTC),
        )

    def _store(self, actor: Actor, version: DocumentVersion, content: bytes, priority: Priority) -> Document:
        with self._auditor.change(
            actor, "documents.upload", workspace_id=version.workspace_id, objects=(version.document_id, version.id)
        ):
            document, _ = self._storing.store(
                version, content, created_by=actor.user_id, reader=actor.reader, priority=priority
            )
        return document

    def list(self, actor: Actor, *, workspace_id: WorkspaceId, document_filter: DocumentFilter) -> DocumentPage:
        authorise(actor, Permission.READ, workspace_id)
        inside: dict[str, Any] = {"workspace_id": workspace_id, "reader": actor.reader}
        documents, total = self._metadata.documents.find(document_filter, **inside)
        counts: dict[DocumentStatus, int] = {}
        for status in DocumentStatus:
            one = DocumentFilter(statuses=frozenset({status}), limit=0)
            counts[status] = self._metadata.documents.find(one, **inside)[1]
        ids = tuple(document.id for document in documents)
        with self._auditor.disclosure(actor, "documents.list", workspace_id=workspace_id, objects=ids):
            return DocumentPage(documents, total, counts, self._people(documents))

    def _people(self, documents: Sequence[Document]) -> dict[UserId, str]:
        added_by = {document.version.uploaded_by for document in documents}
        return {user.id: user.name for user in self._metadata.users.find() if user.id in added_by} if added_by else {}

    def get(self, actor: Actor, *, workspace_id: WorkspaceId, document_id: DocumentId) -> Document:
        authorise(actor, Permission.READ, workspace_id)
        document = self._metadata.documents.get(document_id, workspace_id=workspace_id, reader=actor.reader)
        with self._auditor.disclosure(actor, "documents.get", workspace_id=workspace_id, objects=(document_id,)):
            return document

    def versions(
        self, actor: Actor, *, workspace_id: WorkspaceId, document_id: DocumentId
    ) -> Sequence[DocumentVersion]:
        authorise(actor, Permission.READ, workspace_id)
        self._metadata.documents.get(document_id, workspace_id=workspace_id, reader=actor.reader)
        versions = self._metadata.documents.find_versions(document_id, workspace_id=workspace_id)
        with self._auditor.disclosure(actor, "documents.versions", workspace_id=workspace_id, objects=(document_id,)):
            return versions

    def retry(self, actor: Actor, *, workspace_id: WorkspaceId, document_id: DocumentId) -> Job:
        """Index the newest version again; an indexed one as a new version of the same content, so that its facts stay
        until they are read anew. Raises ConflictError while it is waiting or running."""
        authorise(actor, Permission.WRITE, workspace_id)
        document = self._metadata.documents.get(document_id, workspace_id=workspace_id, reader=actor.reader)
        version, by = document.version, actor.user_id
        if version.status in {DocumentStatus.WAITING, DocumentStatus.RUNNING}:
            raise ConflictError("This document is being indexed already.", document_id=document_id)
        objects = (document_id, version.id)
        with self._auditor.change(actor, "documents.retry", workspace_id=workspace_id, objects=objects):
            if version.status is DocumentStatus.INDEXED:
                return self._storing.read_again(version, created_by=by, reader=actor.reader, priority=Priority.NORMAL)
            self._metadata.documents.update_version(
                version.id, workspace_id=workspace_id, status=DocumentStatus.WAITING
            )
            return self._storing.enqueue(version, created_by=by, priority=Priority.NORMAL)

    def delete(self, actor: Actor, *, workspace_id: WorkspaceId, document_id: DocumentId) -> Sequence[Job]:
        """Remove the document, its text and the answers that cite it at once, and queue the removal of what is derived
        from it, a job a version; when these are done nothing is left."""
        authorise(actor, Permission.WRITE, workspace_id)
        document = self._metadata.documents.get(document_id, workspace_id=workspace_id, reader=actor.reader)
        with self._auditor.change(actor, "documents.delete", workspace_id=workspace_id, objects=(document_id,)):
            for job in self._metadata.jobs.find(reader=None, document_id=document_id):
                self._metadata.jobs.stop(job.id)
            versions = self._metadata.documents.find_versions(document_id, workspace_id=workspace_id)
            jobs = [
                new_job(replace(version, name=""), JobKind.DELETE, created_by=actor.user_id, priority=Priority.URGENT)
                for version in versions
            ]
            for job in jobs:
                self._metadata.jobs.add(job)
            self._metadata.documents.delete(document.id, workspace_id=workspace_id)
            self._metadata.history.delete_citing(document.id, workspace_id=workspace_id)
            for job in jobs:
                put_job(self._queue, job)
        return jobs
