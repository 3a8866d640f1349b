"""Takes deleted documents and replaced versions out of every store, so that no trace of their text stays."""

from collections.abc import Sequence
from dataclasses import replace

from app.domain.documents import DocumentVersion
from app.domain.ids import FileId
from app.domain.jobs import OPEN_STATES, Job, JobKind, JobState
from app.pipeline.cache_keys import answers_scope
from app.pipeline.indexing import Indexer
from app.services.export_files import ExportFiles
from backends.cache.base import CacheStore
from backends.files.base import FileStore
from backends.metadata.base import MetadataStore


class Remover:
    """Every step can be done again, and the records go last: a run that was cut off is completed by the next."""

    def __init__(self, *, indexer: Indexer, metadata: MetadataStore, files: FileStore, cache: CacheStore) -> None:
        self._indexer = indexer
        self._metadata = metadata
        self._files = files
        self._exports = ExportFiles(files)
        self._cache = cache

    def remove(self, job: Job) -> None:
        """Facts, vectors, files, cached results, answers that cite it, and the records of every version, wherever the
        deletion stopped; then what the database still holds of them in freed places. Of several deletions in a row the
        last one does that for all.

        Raises BackendUnavailableError.
        """
        here = {"workspace_id": job.workspace_id}
        version = gone(job)
        known = self._metadata.documents.find_versions(job.document_id, **here)
        for version_id in sorted({job.version_id, *(one.id for one in known)}):
            self._indexer.remove(replace(version, id=version_id))
            self._files.delete(FileId(version_id))
        self._delete_cached(version)
        self._metadata.history.delete_citing(job.document_id, workspace_id=job.workspace_id)
        self._metadata.documents.delete(job.document_id, **here)
        self._wipe()

    def replace_versions(self, *versions: DocumentVersion) -> None:
        """What versions earlier than these held: facts, vectors, files, titles, cached results, answers that cite them.
        The record stays of which versions there were. Once more changes nothing. What the database still holds of them
        in freed places goes with the last job of several.

        Raises BackendUnavailableError.
        """
        earlier = {version.id: self._earlier(version) for version in versions}
        # The file goes last: with it everything is gone.
        stored = set(self._files.find()) if any(earlier.values()) else set()
        replaced = {one.file_id for found in earlier.values() for one in found if one.file_id in stored}
        if not replaced:
            return
        for version in versions:
            self._forget([one for one in earlier[version.id] if one.file_id in replaced], version)
        self._wipe_once(versions)
        for file_id in sorted(replaced):
            self._files.delete(file_id)

    def _earlier(self, version: DocumentVersion) -> list[DocumentVersion]:
        known = self._metadata.documents.find_versions(version.document_id, workspace_id=version.workspace_id)
        return [one for one in known if one.number < version.number]

    def _forget(self, replaced: Sequence[DocumentVersion], version: DocumentVersion) -> None:
        if not replaced:
            return
        for one in replaced:
            self._indexer.remove(one)
            self._metadata.documents.update_version(one.id, workspace_id=version.workspace_id, title="")
        self._delete_cached(version)
        self._metadata.history.delete_citing(version.document_id, workspace_id=version.workspace_id, keep=version.id)

    def _delete_cached(self, version: DocumentVersion) -> None:
        """All answers and exports of the workspace: what they show is not known without reading them."""
        self._cache.delete_scope(f"{version.workspace_id}/{version.document_id}")
        self._cache.delete_scope(answers_scope(version.workspace_id))
        self._exports.delete_workspace(version.workspace_id)

    def _wipe(self) -> None:
        """Unless a deletion waits: it will."""
        waiting = self._metadata.jobs.find(reader=None, states=(JobState.WAITING,))
        if all(job.kind is not JobKind.DELETE for job in waiting):
            self._metadata.wipe()

    def _wipe_once(self, versions: Sequence[DocumentVersion]) -> None:
        """While there are jobs for other documents the wipe is only noted: it writes the whole database anew, and
        whoever comes last does it for all."""
        mine = {version.document_id for version in versions}
        open_jobs = self._metadata.jobs.find(reader=None, states=OPEN_STATES)
        if any(job.document_id not in mine and job.kind.is_of_a_document for job in open_jobs):
            self._metadata.owe_wipe()
        else:
            self._wipe()


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
