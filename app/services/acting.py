"""Who acts: a user with the rights of this moment."""

from app.domain.access import Actor, User
from app.domain.ids import UserId
from app.errors import ForbiddenError
from backends.metadata.base import MetadataStore


def actor_of(metadata: MetadataStore, user: User, *, session_id: str | None, address: str = "", channel: str) -> Actor:
    """The user with the memberships of this moment."""
    found = metadata.workspaces.find_members(user_id=user.id)
    return Actor(
        user_id=user.id,
        name=user.name,
        roles=user.roles,
        memberships={one.workspace_id: one.role for one in found},
        session_id=session_id,
        channel=channel,
        address=address,
    )


def worker_for(metadata: MetadataStore, user_id: UserId) -> Actor:
    """For work that somebody asked for and may have lost the right to. Raises NotFoundError and ForbiddenError."""
    user = metadata.users.get(user_id)
    if user.disabled:
        raise ForbiddenError("Whoever asked for it may not sign in any more.")
    return actor_of(metadata, user, session_id=None, channel="worker")
