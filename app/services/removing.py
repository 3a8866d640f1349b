"""Takes a deleted document out of every store, so that no trace of it stays."""

from dataclasses import replace

from app.domain.documents import DocumentVersion
from app.domain.ids import FileId
from app.domain.jobs import Job
from app.pipeline.indexing import Indexer
from backends.cache.base import CacheStore
from backends.files.base import FileStore
from backends.metadata.base import MetadataStore


class Remover:
    """Every step can be done again, and the records go last: a run that was cut off is completed by the next."""

    def __init__(self, *, indexer: Indexer, metadata: MetadataStore, files: FileStore, cache: CacheStore) -> None:
        self._indexer = indexer
        self._metadata = metadata
        self._files = files
        self._cache = cache

    def remove(self, job: Job) -> None:
        """Facts, vectors, files, cached results, answers that cite it, and the records of every version, wherever the
        deletion stopped; then what the database still holds of them in freed places.

        Raises BackendUnavailableError.
        """
        here = {"workspace_id": job.workspace_id}
        version = gone(job)
        known = self._metadata.documents.find_versions(job.document_id, **here)
        for version_id in sorted({job.version_id, *(one.id for one in known)}):
            self._indexer.remove(replace(version, id=version_id))
            self._files.delete(FileId(version_id))
        self._cache.delete_scope(f"{job.workspace_id}/{job.document_id}")
        self._metadata.history.delete_citing(job.document_id, **here)
        self._metadata.documents.delete(job.document_id, **here)
        self._metadata.wipe()


def gone(job: Job) -> DocumentVersion:
    """What is left to know of a deleted version: its ids."""
    return DocumentVersion(
        id=job.version_id,
        document_id=job.document_id,
        workspace_id=job.workspace_id,
        number=0,
        name="",
        media_type="",
        sha256="",
        size_bytes=0,
        file_id=FileId(job.version_id),
        uploaded_by=job.created_by,
        uploaded_at=job.created_at,
    )
