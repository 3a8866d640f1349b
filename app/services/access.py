"""Who may see a document: everybody in its workspace, or the people on its list."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from app.domain.access import Actor, Permission
from app.domain.ids import DocumentId, UserId, WorkspaceId
from app.errors import InvalidInputError
from app.security.access import authorise
from app.security.auditor import Auditor
from app.services.export_files import ExportFiles
from backends.files.base import FileStore
from backends.metadata.base import MetadataStore


@dataclass(frozen=True, slots=True)
class DocumentAccess:
    """`user_ids` None: everybody in the workspace. `people` are those who can be on the list, by id."""

    user_ids: frozenset[UserId] | None
    people: Mapping[UserId, str]


class AccessService:
    """Whoever may add and delete documents may say who sees one, of those that they see themselves."""

    def __init__(self, *, metadata: MetadataStore, files: FileStore, auditor: Auditor) -> None:
        self._metadata = metadata
        self._exports = ExportFiles(files)
        self._auditor = auditor

    def get(self, actor: Actor, *, workspace_id: WorkspaceId, document_id: DocumentId) -> DocumentAccess:
        authorise(actor, Permission.WRITE, workspace_id)
        self._metadata.documents.get(document_id, workspace_id=workspace_id, reader=actor.reader)
        access = DocumentAccess(
            self._metadata.access.get(document_id, workspace_id=workspace_id), self._people(workspace_id)
        )
        with self._auditor.disclosure(actor, "access.get", workspace_id=workspace_id, objects=(document_id,)):
            return access

    def set(
        self,
        actor: Actor,
        *,
        workspace_id: WorkspaceId,
        document_id: DocumentId,
        user_ids: Collection[UserId] | None,
    ) -> DocumentAccess:
        """Whoever sets a list stays on it. None ends it. Takes effect at everybody's next call.

        Raises InvalidInputError for people who are no members, and for a list with nobody on it.
        """
        authorise(actor, Permission.WRITE, workspace_id)
        self._metadata.documents.get(document_id, workspace_id=workspace_id, reader=actor.reader)
        people = self._people(workspace_id)
        wanted = None if user_ids is None else frozenset(user_ids) | ({actor.reader} if actor.reader else set())
        if wanted is not None and not wanted:
            raise InvalidInputError("Name at least one person, or everybody in the workspace.")
        if wanted is not None and not wanted <= people.keys():
            raise InvalidInputError("Only members of the workspace can be on the list.")
        objects = (document_id, *sorted(wanted or ()))
        details = {"everybody": wanted is None}
        with self._auditor.change(actor, "access.set", workspace_id=workspace_id, objects=objects, details=details):
            self._metadata.access.set(document_id, wanted, workspace_id=workspace_id)
            self._exports.delete_workspace(workspace_id)
        return DocumentAccess(wanted, people)

    def _people(self, workspace_id: WorkspaceId) -> dict[UserId, str]:
        """The members, by name."""
        members = {one.user_id for one in self._metadata.workspaces.find_members(workspace_id=workspace_id)}
        users = [user for user in self._metadata.users.find() if user.id in members]
        return {user.id: user.name for user in sorted(users, key=lambda user: user.name.casefold())}
