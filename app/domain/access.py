"""Who acts, and what each role may do: the access matrix as data."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from app.domain.ids import UserId, WorkspaceId


class Role(StrEnum):
    """What a person is in one workspace, or in the whole installation (administrator, compliance)."""

    CLINICIAN = "clinician"
    ANALYST = "analyst"
    COMPLIANCE = "compliance"
    ADMINISTRATOR = "administrator"
    OPERATOR = "operator"
    """The command line on the server itself; never given to a person."""


class Permission(StrEnum):
    READ = "read"
    """See documents, passages, facts and health of a workspace."""
    ASK = "ask"
    WRITE = "write"
    """Add, index again and delete documents, stop jobs."""
    AUDIT = "audit"
    """Read, verify and export the audit log."""
    MANAGE_USERS = "manage_users"
    MANAGE_WORKSPACES = "manage_workspaces"
    MANAGE_SYSTEM = "manage_system"
    """Health, settings, model probe."""


WORKSPACE_PERMISSIONS = frozenset({Permission.READ, Permission.ASK, Permission.WRITE})
"""Held per workspace through membership; the others hold for the installation."""

ROLE_PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.CLINICIAN: WORKSPACE_PERMISSIONS,
    Role.ANALYST: WORKSPACE_PERMISSIONS,
    Role.COMPLIANCE: frozenset({Permission.AUDIT}),
    Role.ADMINISTRATOR: frozenset(
        {Permission.MANAGE_USERS, Permission.MANAGE_WORKSPACES, Permission.MANAGE_SYSTEM, Permission.AUDIT}
    ),
    Role.OPERATOR: frozenset(Permission),
}
"""An administrator does not read documents by being administrator (separation of duties): a membership is needed."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts in one call: `roles` hold everywhere, `memberships` per workspace."""

    user_id: UserId
    name: str
    roles: frozenset[Role] = frozenset()
    memberships: dict[WorkspaceId, Role] = field(default_factory=dict)
    session_id: str | None = None
    """None for the command line and the worker."""
    channel: str = "web"
    """web, rest, cli or worker: goes into the audit event."""
    address: str = ""
    """The caller's network address as the gate saw it; empty on the command line."""

    @property
    def reader(self) -> UserId | None:
        """Whose place on access lists counts; None sees documents whatever their lists say."""
        return None if Role.OPERATOR in self.roles else self.user_id

    def may(self, permission: Permission, workspace_id: WorkspaceId | None = None) -> bool:
        """Whether this actor holds `permission`, for workspace permissions in that workspace."""
        if Role.OPERATOR in self.roles:
            return True
        if permission in WORKSPACE_PERMISSIONS:
            role = self.memberships.get(workspace_id) if workspace_id else None
            return role is not None and permission in ROLE_PERMISSIONS[role]
        return any(permission in ROLE_PERMISSIONS[role] for role in self.roles)


@dataclass(frozen=True, slots=True)
class User:
    """A local person. The password hash never leaves the user records."""

    id: UserId
    username: str
    name: str
    roles: frozenset[Role]
    disabled: bool = False
    must_change_password: bool = False
    created_at: datetime | None = None
    last_sign_in_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SignInSession:
    """A server-side session; its secret token is known to the browser only, we keep the SHA-256."""

    id: str
    user_id: UserId
    created_at: datetime
    last_active_at: datetime
    expires_at: datetime
    """Absolute end, whatever the activity."""
    address: str = ""
    agent: str = ""
    revoked_at: datetime | None = None
