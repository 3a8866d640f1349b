"""Workspaces: the boundary of sharing and search."""

from dataclasses import dataclass
from datetime import datetime

from app.domain.access import Role
from app.domain.ids import UserId, WorkspaceId


@dataclass(frozen=True, slots=True)
class Workspace:
    """`refuse_below` and `weak_below` bound the support score (DESIGN.md section 9) for this workspace's answers."""

    id: WorkspaceId
    name: str
    ontology: str = "general"
    """clinical, finance or general."""
    created_at: datetime | None = None
    refuse_below: float = 1.0
    weak_below: float = 1.3


@dataclass(frozen=True, slots=True)
class Membership:
    workspace_id: WorkspaceId
    user_id: UserId
    role: Role
