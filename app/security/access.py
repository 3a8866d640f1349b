"""The one check every service method makes before it does anything."""

from app.domain.access import WORKSPACE_PERMISSIONS, Actor, Permission
from app.domain.ids import WorkspaceId
from app.errors import ForbiddenError, NotFoundError


def authorise(actor: Actor, permission: Permission, workspace_id: WorkspaceId | None = None) -> None:
    """Return when `actor` holds `permission`, for reading, asking and writing in `workspace_id`.

    Raises ForbiddenError; NotFoundError where the actor has no membership in the workspace, so that nobody learns which
    workspaces exist. `details["permission"]` marks both as refusals of access (see `app.security.refusals`).
    """
    if actor.may(permission, workspace_id):
        return
    if permission in WORKSPACE_PERMISSIONS and workspace_id not in actor.memberships:
        raise NotFoundError(
            "This workspace does not exist, or you are not a member of it; ask an administrator to be added.",
            permission=permission.value,
        )
    raise ForbiddenError(
        "Your role does not allow this; ask an administrator if you need it.", permission=permission.value
    )
