"""The keys under which the layers of the cache keep results."""

import hashlib
import json
from collections.abc import Mapping

from app.domain.documents import DocumentStatus, DocumentVersion
from app.domain.ids import VersionId, WorkspaceId
from backends.cache.base import Layer

_BEING_READ = frozenset({DocumentStatus.WAITING, DocumentStatus.RUNNING})


def cache_key(layer: Layer, *parts: str) -> str:
    """Another one whenever any of the parts differs."""
    return f"{layer}/{hashlib.sha256(json.dumps(parts).encode()).hexdigest()}"


def corpus_digest(documents: Mapping[VersionId, DocumentVersion]) -> str | None:
    """Stands for what somebody may see, and for how it was read: another one when a document of it is added, replaced,
    removed or read again, or its access changed. None while one of them is being read again: what is found changes."""
    if any(version.status in _BEING_READ for version in documents.values()):
        return None
    parts = [
        [version.id, version.name, version.status, str(version.uploaded_at), str(version.coverage)]
        for _, version in sorted(documents.items())
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def answers_scope(workspace_id: WorkspaceId) -> str:
    """Where answers and what was found for them are kept: removed as a whole when a document of the workspace goes."""
    return f"{workspace_id}/answers"
