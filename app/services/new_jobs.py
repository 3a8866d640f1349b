"""Makes the record of a job before it is stored and queued."""

from datetime import UTC, datetime

from ulid import ULID

from app.domain.documents import DocumentVersion
from app.domain.ids import JobId, UserId
from app.domain.jobs import Job, JobKind


def new_job(version: DocumentVersion, kind: JobKind, *, created_by: UserId) -> Job:
    """One that waits to be done with this version."""
    return Job(
        id=JobId(str(ULID())),
        kind=kind,
        workspace_id=version.workspace_id,
        document_id=version.document_id,
        version_id=version.id,
        document_name=version.name,
        created_by=created_by,
        created_at=datetime.now(UTC),
    )
