"""The permitted set: what an actor may see of a workspace, computed here and nowhere else."""

from app.domain.access import Actor
from app.domain.documents import DocumentVersion
from app.domain.ids import DocumentId, VersionId, WorkspaceId
from backends.metadata.base import MetadataStore
from backends.metadata.base_content import DocumentFilter


def permitted_versions(metadata: MetadataStore, actor: Actor, workspace_id: WorkspaceId) -> dict[VersionId, DocumentId]:
    """The finished, visible version of every document that the actor may see. One query."""
    return metadata.documents.find_visible(workspace_id=workspace_id, reader=actor.reader)


def permitted_documents(
    metadata: MetadataStore, actor: Actor, workspace_id: WorkspaceId
) -> dict[VersionId, DocumentVersion]:
    """The same with names and dates, for who shows them."""
    visible = permitted_versions(metadata, actor, workspace_id)
    documents, _ = metadata.documents.find(DocumentFilter(), workspace_id=workspace_id, reader=actor.reader)
    found = {document.version.id: document.version for document in documents if document.version.id in visible}
    for version_id, document_id in visible.items():
        if version_id not in found:
            for version in metadata.documents.find_versions(document_id, workspace_id=workspace_id):
                if version.id == version_id:
                    found[version_id] = version
    return found
