"""The keys under which the layers of the cache keep results."""

import hashlib
import json

from app.domain.ids import VersionId, WorkspaceId
from backends.cache.base import Layer


def cache_key(layer: Layer, *parts: str) -> str:
    """Another one whenever any of the parts differs."""
    return f"{layer}/{hashlib.sha256(json.dumps(parts).encode()).hexdigest()}"


def corpus_digest(permitted: frozenset[VersionId]) -> str:
    """Stands for what somebody may see: another one when a document of it is added, replaced, removed or read again,
    which makes a new version, or when its access changed."""
    return hashlib.sha256(json.dumps(sorted(permitted)).encode()).hexdigest()


def answers_scope(workspace_id: WorkspaceId) -> str:
    """Where answers and what was found for them are kept: removed as a whole when a document of the workspace goes."""
    return f"{workspace_id}/answers"
