"""Documents, chunks and jobs for the suite of the metadata stores."""

from datetime import UTC, datetime, timedelta
from typing import Any

from app.domain.documents import Chunk, DocumentVersion, Sentence, Span
from app.domain.ids import ChunkId, DocumentId, FileId, JobId, UserId, VersionId, WorkspaceId
from app.domain.jobs import Job, JobKind

HERE, OTHER = WorkspaceId("here"), WorkspaceId("other")
NOW = datetime(2026, 3, 1, 12, 0, 0, 250, tzinfo=UTC)


def version(
    id_: str,
    *,
    document_id: str | None = None,
    workspace_id: WorkspaceId = HERE,
    number: int = 1,
    name: str | None = None,
    minute: int = 0,
    **fields: Any,
) -> DocumentVersion:
    values: dict[str, Any] = {
        "document_id": DocumentId(document_id or f"d-{id_}"),
        "workspace_id": workspace_id,
        "number": number,
        "name": name or f"{id_}.pdf",
        "media_type": "application/pdf",
        "sha256": f"sha-{id_}",
        "size_bytes": 5,
        "file_id": FileId(f"f-{id_}"),
        "uploaded_by": UserId("ann"),
        "uploaded_at": NOW + timedelta(minutes=minute),
    }
    return DocumentVersion(id=VersionId(id_), **{**values, **fields})


def chunk(
    id_: str,
    *,
    version_id: str = "v1",
    workspace_id: WorkspaceId = HERE,
    ordinal: int = 0,
    stems: tuple[str, ...] = ("stroke", "bleed", "stroke"),
    **fields: Any,
) -> Chunk:
    values: dict[str, Any] = {
        "document_id": DocumentId(f"d-{version_id}"),
        "page": 2,
        "span": Span(10, 31),
        "text": "A stroke, a bleeding.",
        "topic": "Letter / History",
        "sentences": (Sentence(Span(10, 31), row=True),),
    }
    return Chunk(
        id=ChunkId(id_),
        workspace_id=workspace_id,
        version_id=VersionId(version_id),
        ordinal=ordinal,
        stems=stems,
        **{**values, **fields},
    )


def job(id_: str, *, workspace_id: WorkspaceId = HERE, document_id: str = "d1", minute: int = 0, **fields: Any) -> Job:
    return Job(
        id=JobId(id_),
        kind=fields.pop("kind", JobKind.INDEX),
        workspace_id=workspace_id,
        document_id=DocumentId(document_id),
        version_id=VersionId("v1"),
        document_name="letter.pdf",
        created_by=UserId("ann"),
        created_at=NOW + timedelta(minutes=minute),
        **fields,
    )
