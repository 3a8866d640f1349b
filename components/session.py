"""What a page is given: who looks, in which workspace, and the services."""

from dataclasses import dataclass

from app.container import Services
from app.domain.access import Actor, Permission
from app.domain.ids import WorkspaceId
from app.domain.workspaces import Workspace
from app.errors import NotFoundError


@dataclass(frozen=True, slots=True)
class Session:
    """Made anew by app.main for each rerun, with the actor's rights as they are at that moment."""

    actor: Actor
    services: Services
    workspaces: tuple[Workspace, ...]
    """Those the person is a member of, by name; the administrator sees all in Administration, not here."""
    workspace: Workspace | None
    """The one chosen in the sidebar; None for somebody who is in none."""
    theme: str = "light"
    """"light" or "dark"."""

    def may(self, permission: Permission) -> bool:
        """For what to draw; services check again."""
        return self.actor.may(permission, self.workspace.id if self.workspace else None)

    @property
    def workspace_id(self) -> WorkspaceId:
        """Raises NotFoundError where there is no workspace: pages that need one draw an empty state before."""
        if self.workspace is None:
            raise NotFoundError("You are in no workspace yet: ask an administrator to add you to one.")
        return self.workspace.id
