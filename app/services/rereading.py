"""Has documents read again that rules read while the language model was away, once that is back."""

from collections.abc import Callable
from contextlib import suppress

from app.domain.access import Actor
from app.domain.documents import Document, DocumentVersion
from app.domain.jobs import OPEN_STATES, Priority
from app.domain.models import Band
from app.errors import ConflictError, IntegrityError, NotFoundError
from app.security.auditor import Auditor
from app.services.model_in_use import Tried
from app.services.storing import VersionStoring
from app.services.used_models import UsedModels
from backends.metadata.base import MetadataStore
from backends.metadata.base_content import DocumentFilter

_MOST_AT_ONCE = 20
"""Until a document is read again its file is there twice."""


class Rereading:
    def __init__(
        self,
        *,
        metadata: MetadataStore,
        storing: VersionStoring,
        used: UsedModels,
        look: Callable[[], Tried],
        auditor: Auditor,
    ) -> None:
        """`look` gives what is known of the language model now, and has it looked for where that is due."""
        self._metadata = metadata
        self._storing = storing
        self._used = used
        self._look = look
        self._auditor = auditor

    def begin(self) -> None:
        """Queue some of the marked documents, when nothing stands in for a model any more; call it now and then.

        Where rules read alone and are not to be helped they would find the same again: the marks are taken away.
        """
        marked = self._marked(limit=_MOST_AT_ONCE)
        if not marked:
            return
        tried = self._look()
        if not tried.settled or self._used.is_missed(tried.result):
            return
        if tried.model is None or tried.result.band is Band.RULES_ONLY:
            for document in marked:
                self._unmark(document.version)
            return
        open_jobs = self._metadata.jobs.find(reader=None, states=OPEN_STATES)
        room = _MOST_AT_ONCE - sum(job.priority is Priority.BULK for job in open_jobs)
        for document in marked[: max(room, 0)]:
            self._begin(document)

    def _begin(self, document: Document) -> None:
        version = document.version
        actor = Actor(version.uploaded_by, "", channel="worker")
        try:
            with self._auditor.change(
                actor, "worker.reread", workspace_id=version.workspace_id, objects=(version.document_id, version.id)
            ):
                self._storing.read_again(version, created_by=version.uploaded_by, reader=None, priority=Priority.BULK)
        except (ConflictError, NotFoundError):  # Another worker has begun it, or somebody deleted it.
            return
        except IntegrityError:  # Its file is damaged or missing: what was read of it stays, and is not tried for ever.
            self._unmark(version)

    def _unmark(self, version: DocumentVersion) -> None:
        with suppress(NotFoundError):  # Somebody deleted it.
            self._metadata.documents.update_version(version.id, workspace_id=version.workspace_id, to_redo=False)

    def _marked(self, *, limit: int) -> list[Document]:
        """Of every workspace its share of `limit`, one at least."""
        workspaces = self._metadata.workspaces.find()
        share = max(1, limit // max(len(workspaces), 1))
        wanted = DocumentFilter(to_redo=True, limit=share)
        return [
            document
            for workspace in workspaces
            for document in self._metadata.documents.find(wanted, workspace_id=workspace.id, reader=None)[0]
        ]
