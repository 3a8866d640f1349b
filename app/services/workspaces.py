"""Workspaces and who may use them."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from ulid import ULID

from app.domain.access import Actor, Permission, Role, User
from app.domain.documents import DocumentStatus
from app.domain.ids import FileId, UserId, WorkspaceId
from app.domain.jobs import JobKind, JobState
from app.domain.workspaces import Membership, Workspace
from app.errors import BackendUnavailableError, InvalidInputError, NotFoundError
from app.pipeline.indexing import layout_id
from app.security.access import authorise
from app.security.auditor import Auditor
from app.services.export_files import ExportFiles, of_workspace
from app.services.permitted import permitted_versions
from backends.cache.base import CacheStore
from backends.files.base import FileStore
from backends.graph.base import GraphStore
from backends.metadata.base import MetadataStore
from backends.metadata.base_content import DocumentFilter
from backends.vectors.base import VectorStore

ONTOLOGIES = ("clinical", "finance", "general")
MEMBER_ROLES = (Role.CLINICIAN, Role.ANALYST)
_LONGEST_NAME = 80


@dataclass(frozen=True, slots=True)
class Member:
    user: User
    role: Role


@dataclass(frozen=True, slots=True)
class WorkspaceSummary:
    """`attention` counts failed, refused and stopped documents."""

    documents: int
    indexed: int
    running: int
    attention: int
    pages: int
    chunks: int
    entities: int
    triples: int
    updated_at: datetime | None


class WorkspaceService:
    def __init__(
        self,
        *,
        metadata: MetadataStore,
        graph: GraphStore,
        vectors: VectorStore,
        cache: CacheStore,
        files: FileStore,
        auditor: Auditor,
        on_delete: Callable[[WorkspaceId], None] = lambda _workspace_id: None,
    ) -> None:
        self._metadata = metadata
        self._graph = graph
        self._vectors = vectors
        self._cache = cache
        self._files = files
        self._auditor = auditor
        self._on_delete = on_delete

    def list(self, actor: Actor) -> list[Workspace]:
        """Those the actor is a member of or manages, by name."""
        everything = actor.may(Permission.MANAGE_WORKSPACES)
        return [one for one in self._metadata.workspaces.find() if everything or one.id in actor.memberships]

    def get(self, actor: Actor, *, workspace_id: WorkspaceId) -> Workspace:
        if not actor.may(Permission.MANAGE_WORKSPACES):
            authorise(actor, Permission.READ, workspace_id)
        return self._metadata.workspaces.get(workspace_id)

    def summary(self, actor: Actor, *, workspace_id: WorkspaceId) -> WorkspaceSummary:
        """What the actor may see, counted."""
        authorise(actor, Permission.READ, workspace_id)
        permitted = frozenset(permitted_versions(self._metadata, actor, workspace_id))
        documents, total = self._metadata.documents.find(
            DocumentFilter(), workspace_id=workspace_id, reader=actor.reader
        )
        running = self._metadata.jobs.find(
            reader=actor.reader, workspace_id=workspace_id, states=(JobState.WAITING, JobState.RUNNING)
        )
        counts = self._graph.count(workspace_id=workspace_id, permitted=permitted)
        bad = {DocumentStatus.FAILED, DocumentStatus.REFUSED, DocumentStatus.STOPPED}
        return WorkspaceSummary(
            documents=total,
            indexed=len(permitted),
            running=sum(job.kind is not JobKind.EXPORT for job in running),
            attention=sum(document.version.status in bad for document in documents),
            pages=sum(document.version.coverage.pages for document in documents),
            chunks=self._metadata.chunks.count(workspace_id=workspace_id, permitted=permitted),
            entities=counts.entities,
            triples=counts.triples,
            updated_at=max((document.version.uploaded_at for document in documents), default=None),
        )

    def count_indexed(self, actor: Actor, *, workspace_id: WorkspaceId) -> int:
        """How many documents can be searched: what `summary` says too, and costs more for."""
        authorise(actor, Permission.READ, workspace_id)
        return len(permitted_versions(self._metadata, actor, workspace_id))

    def add(self, actor: Actor, *, name: str, ontology: str = "general") -> Workspace:
        """Raises ConflictError for a taken name."""
        authorise(actor, Permission.MANAGE_WORKSPACES)
        if ontology not in ONTOLOGIES:
            raise InvalidInputError(f"Choose {', '.join(ONTOLOGIES[:-1])} or {ONTOLOGIES[-1]} as kind of workspace.")
        workspace = Workspace(WorkspaceId(str(ULID())), _checked(name), ontology, datetime.now(UTC))
        with self._auditor.change(actor, "workspaces.add", workspace_id=workspace.id):
            self._metadata.workspaces.add(workspace)
        return workspace

    def rename(self, actor: Actor, *, workspace_id: WorkspaceId, name: str) -> Workspace:
        authorise(actor, Permission.MANAGE_WORKSPACES)
        renamed = replace(self._metadata.workspaces.get(workspace_id), name=_checked(name))
        with self._auditor.change(actor, "workspaces.rename", workspace_id=workspace_id):
            self._metadata.workspaces.update(renamed)
        return renamed

    def delete(self, actor: Actor, *, workspace_id: WorkspaceId) -> None:
        """Remove it and everything in it, for good."""
        authorise(actor, Permission.MANAGE_WORKSPACES)
        self._metadata.workspaces.get(workspace_id)
        with self._auditor.change(actor, "workspaces.delete", workspace_id=workspace_id):
            documents, _ = self._metadata.documents.find(DocumentFilter(), workspace_id=workspace_id, reader=None)
            versions = [
                version
                for document in documents
                for version in self._metadata.documents.find_versions(document.id, workspace_id=workspace_id)
            ]
            gone = {version.id for version in versions}
            for job in self._metadata.jobs.find(reader=None, workspace_id=workspace_id):
                self._metadata.jobs.stop(job.id)
                gone.add(job.version_id)
            self._graph.delete_workspace(workspace_id)
            self._vectors.delete_workspace(workspace_id)
            self._cache.delete_scope(workspace_id)
            ours = {version.file_id for version in versions} | {FileId(one) for one in gone} | set(map(layout_id, gone))
            for file_id in self._files.find():
                if file_id in ours or of_workspace(file_id, workspace_id):
                    self._files.delete(file_id)
            # Last, so that a deletion that was cut off can be repeated.
            self._metadata.workspaces.delete(workspace_id)
            self._on_delete(workspace_id)
            with suppress(BackendUnavailableError):  # The worker wipes when it can be done.
                # Again: until now a question could be answered, and vectors could be made anew.
                self._cache.delete_scope(workspace_id)
                self._vectors.delete_workspace(workspace_id)
                self._metadata.wipe()

    def members(self, actor: Actor, *, workspace_id: WorkspaceId) -> Sequence[Member]:
        authorise(actor, Permission.MANAGE_USERS)
        self._metadata.workspaces.get(workspace_id)
        users = {user.id: user for user in self._metadata.users.find()}
        found = [
            Member(users[one.user_id], one.role)
            for one in self._metadata.workspaces.find_members(workspace_id=workspace_id)
            if one.user_id in users
        ]
        ids = tuple(member.user.id for member in found)
        with self._auditor.disclosure(actor, "workspaces.members", workspace_id=workspace_id, objects=ids):
            return sorted(found, key=lambda member: member.user.username)

    def set_member(self, actor: Actor, *, workspace_id: WorkspaceId, user_id: UserId, role: Role | None) -> None:
        """None ends the membership. Takes effect at the person's next call."""
        authorise(actor, Permission.MANAGE_USERS)
        if role is not None and role not in MEMBER_ROLES:
            raise InvalidInputError("In a workspace a person is clinician or analyst.")
        self._metadata.workspaces.get(workspace_id)
        if all(user.id != user_id for user in self._metadata.users.find()):
            raise NotFoundError("This user does not exist.")
        details = {"role": role.value if role else "none"}
        with self._auditor.change(
            actor, "workspaces.set_member", workspace_id=workspace_id, objects=(user_id,), details=details
        ):
            if role is None:
                self._metadata.workspaces.remove_member(user_id, workspace_id=workspace_id)
                ExportFiles(self._files).delete_workspace(workspace_id)
            else:
                self._metadata.workspaces.set_member(Membership(workspace_id, user_id, role))


def _checked(name: str) -> str:
    name = " ".join(name.split())
    if not 1 <= len(name) <= _LONGEST_NAME or not name.isprintable():
        raise InvalidInputError(f"Give the workspace a name of at most {_LONGEST_NAME} characters.")
    return name
