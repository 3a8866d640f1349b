"""Finds what a killed process left half done, and has it completed."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from hashlib import sha256
from itertools import count
from threading import Event

from ulid import ULID

from app.domain.documents import Document, DocumentStatus, DocumentVersion
from app.domain.ids import FileId, JobId, VersionId
from app.domain.jobs import OPEN_STATES, Job, JobKind, JobState
from app.errors import BackendUnavailableError, ConflictError, NotFoundError
from app.logs import get_logger
from app.pipeline.indexing import layout_id
from app.services.export_files import is_export
from app.services.new_jobs import new_job, put_job
from app.services.removing import Remover
from backends.files.base import FileStore
from backends.metadata.base import MetadataStore
from backends.metadata.base_content import DocumentFilter
from backends.queue.base import JobQueue

_EVERY_SECONDS = 10.0
_FILES_AGAIN = 6
"""The look at which files are looked through again: an upload that waits for the database has ended by then."""
_UNFINISHED = frozenset({DocumentStatus.WAITING, DocumentStatus.RUNNING})
_log = get_logger("recovery")


class Recovery:
    """What is missing at two looks in a row is missing: at one it may just be being written."""

    def __init__(
        self,
        *,
        metadata: MetadataStore,
        files: FileStore,
        queue: JobQueue,
        remover: Remover,
        each_time: Sequence[Callable[[], None]] = (),
        at_first: Callable[[], None] = lambda: None,
        every_seconds: float = _EVERY_SECONDS,
    ) -> None:
        """`each_time` is called at each look, `at_first` at the end of the first alone."""
        self._metadata = metadata
        self._files = files
        self._queue = queue
        self._remover = remover
        self._each_time = each_time
        self._at_first = at_first
        self._every_seconds = every_seconds
        self._unserved: set[VersionId] = set()
        self._unknown: set[FileId] = set()
        self._replaced = False

    def serve(self, *, stop: Event) -> None:
        """Look at once, then again and again until `stop` is set; files are looked through twice in all."""
        looks: list[Callable[[], None]] = [self.carry_jobs, self.serve_versions]
        looks += [self.complete_replacing, self.complete_wiping, *self._each_time]
        self._look([*looks, self.delete_unknown_files, self._at_first])
        for number in count(1):
            if stop.wait(self._every_seconds):
                return
            self._look([*looks, self.delete_unknown_files] if number == _FILES_AGAIN else looks)

    def carry_jobs(self) -> None:
        """Jobs that no message carries are queued again; at once, because a message too many does no harm."""
        waiting = {job.id: job for job in self._metadata.jobs.find(reader=None, states=OPEN_STATES)}
        for job_id in sorted(waiting.keys() - self._queue.find() if waiting else ()):
            put_job(self._queue, waiting[job_id])

    def serve_versions(self) -> None:
        """Versions that wait while no job is to index them get one, or the state in which their last job ended."""
        served = {job.version_id for job in self._metadata.jobs.find(reader=None, states=OPEN_STATES)}
        unserved = {version.id: version for version in self._unfinished_versions() if version.id not in served}
        for version_id in sorted(self._unserved & unserved.keys()):
            self._serve(unserved[version_id])
        self._unserved = set(unserved)

    def complete_replacing(self) -> None:
        """What replaced versions left in installations that did not remove it at once goes; looked for until that was
        done, once in a process, because nothing new comes: a job that replaces a version ends when it is gone."""
        if self._replaced:
            return
        served = {job.document_id for job in self._metadata.jobs.find(reader=None, states=OPEN_STATES)}
        indexed = [
            [version for version in versions if version.status is DocumentStatus.INDEXED]
            for versions in self._all_versions(self._documents())
            if versions and versions[0].document_id not in served
        ]
        self._remover.replace_versions(*(max(found, key=lambda one: one.number) for found in indexed if found))
        self._replaced = True

    def complete_wiping(self) -> None:
        """What a job could not wipe, because the database was busy or the disk full, or left to the last one: now,
        unless one is in hand or next. Those that wait for a server may do so for days, and making vectors anew takes
        hours."""
        found = self._metadata.jobs.find(reader=None, states=OPEN_STATES)
        open_jobs = [job for job in found if job.kind.is_of_a_document]
        if all(job.state is JobState.WAITING and job.waits > 0 for job in open_jobs):
            self._metadata.complete_wiping()

    def delete_unknown_files(self) -> None:
        """Files of uploads that were cut off before anything was recorded of them."""
        stored = {file_id for file_id in self._files.find() if not is_export(file_id)}
        unknown = stored - self._known_files() if stored else set()
        for file_id in sorted(unknown & self._unknown):
            self._files.delete(file_id)
        self._unknown = unknown

    def _look(self, looks: list[Callable[[], None]]) -> None:
        for look in looks:
            try:
                look()
            except BackendUnavailableError:
                continue
            except Exception as error:  # noqa: BLE001 - the boundary of the thread, whose other looks go on
                _log.unexpected("recovery", error)

    def _serve(self, version: DocumentVersion) -> None:
        """A job that ended without its version's state: the process was killed in between."""
        known = self._metadata.jobs.find(reader=None, document_id=version.document_id)
        jobs = [job for job in known if _indexes(job, version)]
        last = jobs[0] if jobs else None
        try:
            if last is not None and last.state is JobState.STOPPED:
                self._set_status(version, DocumentStatus.STOPPED)
            elif last is not None and last.state is JobState.FAILED:
                self._set_status(version, DocumentStatus.FAILED, last.error)
            elif last is None or last.state is JobState.DONE:
                job = new_job(version, JobKind.INDEX, created_by=version.uploaded_by)
                job = replace(job, id=_id_after(last, version))
                self._metadata.jobs.add(job)
                put_job(self._queue, job)
        except (NotFoundError, ConflictError):
            return

    def _set_status(self, version: DocumentVersion, status: DocumentStatus, error: str | None = None) -> None:
        self._metadata.documents.update_version(
            version.id, workspace_id=version.workspace_id, status=status, error=error
        )

    def _unfinished_versions(self) -> list[DocumentVersion]:
        wanted = DocumentFilter(statuses=_UNFINISHED)
        return [
            document.version
            for workspace in self._metadata.workspaces.find()
            for document in self._metadata.documents.find(wanted, workspace_id=workspace.id, reader=None)[0]
        ]

    def _all_versions(self, documents: Sequence[Document]) -> list[Sequence[DocumentVersion]]:
        """Of each document that has more than one."""
        return [
            self._metadata.documents.find_versions(document.id, workspace_id=document.workspace_id)
            for document in documents
            if document.version.number > 1
        ]

    def _documents(self) -> list[Document]:
        return [
            document
            for workspace in self._metadata.workspaces.find()
            for document in self._metadata.documents.find(DocumentFilter(), workspace_id=workspace.id, reader=None)[0]
        ]

    def _known_files(self) -> set[FileId]:
        documents = self._documents()
        versions = [document.version for document in documents]
        versions += [version for found in self._all_versions(documents) for version in found]
        return {file_id for version in versions for file_id in (version.file_id, layout_id(version.id))}


def _id_after(last: Job | None, version: DocumentVersion) -> JobId:
    """The same in every process: of several that look at once only one can add it."""
    before = last.id if last is not None else version.id
    chance = sha256(f"{version.id} after {before}".encode()).digest()[:10]
    return JobId(str(ULID(ULID.from_datetime(version.uploaded_at).bytes[:6] + chance)))


def _indexes(job: Job, version: DocumentVersion) -> bool:
    return job.kind is JobKind.INDEX and job.version_id == version.id
