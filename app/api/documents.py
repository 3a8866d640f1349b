"""Routes: documents of a workspace."""

from typing import Annotated

from fastapi import APIRouter, File, Query, UploadFile
from pydantic import BaseModel, Field

from app.api.auth import CurrentActor, CurrentServices
from app.domain.documents import DocumentStatus
from app.domain.ids import DocumentId, UserId, WorkspaceId
from app.services.access import DocumentAccess
from app.services.documents import SameName, Upload
from app.views import DocumentView, JobView
from backends.metadata.base_content import DocumentFilter

router = APIRouter(prefix="/workspaces/{workspace_id}/documents", tags=["documents"])


class UploadedView(BaseModel):
    """`state` is added, already_here, same_name (say what to do with `same_name` and send it again) or refused."""

    name: str
    state: str
    document: DocumentView | None
    message: str


class DocumentList(BaseModel):
    documents: list[DocumentView]
    total: int


class VersionView(BaseModel):
    id: str
    number: int
    name: str
    status: str
    size_bytes: int
    sha256: str


class Readers(BaseModel):
    """`user_ids` null: everybody in the workspace. Whoever sets a list stays on it."""

    user_ids: list[UserId] | None = Field(max_length=1_000)


class PersonView(BaseModel):
    id: str
    name: str


class AccessView(BaseModel):
    """`user_ids` null: everybody in the workspace. `people` are those who can be on the list."""

    user_ids: list[str] | None
    people: list[PersonView]

    @classmethod
    def of(cls, access: DocumentAccess) -> "AccessView":
        return cls(
            user_ids=None if access.user_ids is None else sorted(access.user_ids),
            people=[PersonView(id=id_, name=name) for id_, name in access.people.items()],
        )


@router.post("", status_code=202)
def upload_documents(
    workspace_id: WorkspaceId,
    actor: CurrentActor,
    services: CurrentServices,
    files: Annotated[list[UploadFile], File()],
    same_name: SameName | None = None,
) -> list[UploadedView]:
    """Store files and queue them for indexing."""
    uploads = [Upload(file.filename or "unnamed", file.file.read()) for file in files]
    decisions = {upload.name: same_name for upload in uploads} if same_name else None
    outcomes = services.documents.upload(actor, workspace_id=workspace_id, files=uploads, same_name=decisions)
    return [
        UploadedView(
            name=one.name,
            state=one.state.value,
            document=DocumentView.of(one.document) if one.document else None,
            message=one.message,
        )
        for one in outcomes
    ]


@router.get("")
def list_documents(
    workspace_id: WorkspaceId,
    actor: CurrentActor,
    services: CurrentServices,
    text: str = "",
    status: Annotated[list[DocumentStatus] | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    offset: Annotated[int, Query(ge=0)] = 0,
) -> DocumentList:
    wanted = DocumentFilter(text=text, statuses=frozenset(status or ()), limit=limit, offset=offset)
    page = services.documents.list(actor, workspace_id=workspace_id, document_filter=wanted)
    return DocumentList(documents=[DocumentView.of(one) for one in page.documents], total=page.total)


@router.get("/{document_id}")
def get_document(
    workspace_id: WorkspaceId, document_id: DocumentId, actor: CurrentActor, services: CurrentServices
) -> DocumentView:
    return DocumentView.of(services.documents.get(actor, workspace_id=workspace_id, document_id=document_id))


@router.get("/{document_id}/versions")
def list_versions(
    workspace_id: WorkspaceId, document_id: DocumentId, actor: CurrentActor, services: CurrentServices
) -> list[VersionView]:
    """Newest first."""
    return [
        VersionView(
            id=one.id,
            number=one.number,
            name=one.name,
            status=one.status.value,
            size_bytes=one.size_bytes,
            sha256=one.sha256,
        )
        for one in services.documents.versions(actor, workspace_id=workspace_id, document_id=document_id)
    ]


@router.get("/{document_id}/access")
def get_access(
    workspace_id: WorkspaceId, document_id: DocumentId, actor: CurrentActor, services: CurrentServices
) -> AccessView:
    """Who may see the document."""
    return AccessView.of(services.access.get(actor, workspace_id=workspace_id, document_id=document_id))


@router.put("/{document_id}/access")
def set_access(
    workspace_id: WorkspaceId,
    document_id: DocumentId,
    readers: Readers,
    actor: CurrentActor,
    services: CurrentServices,
) -> AccessView:
    """To everybody else the document, with all that comes from it, is as if it did not exist."""
    return AccessView.of(
        services.access.set(actor, workspace_id=workspace_id, document_id=document_id, user_ids=readers.user_ids)
    )


@router.post("/{document_id}/retry", status_code=202)
def retry_document(
    workspace_id: WorkspaceId, document_id: DocumentId, actor: CurrentActor, services: CurrentServices
) -> JobView:
    """Index the newest version again."""
    return JobView.of(services.documents.retry(actor, workspace_id=workspace_id, document_id=document_id))


@router.delete("/{document_id}", status_code=202)
def delete_document(
    workspace_id: WorkspaceId, document_id: DocumentId, actor: CurrentActor, services: CurrentServices
) -> list[JobView]:
    """The document no longer answers at once; the jobs remove what is left of it."""
    jobs = services.documents.delete(actor, workspace_id=workspace_id, document_id=document_id)
    return [JobView.of(job) for job in jobs]
