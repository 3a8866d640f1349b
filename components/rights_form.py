"""The part of a form that says what a person may do: roles for the installation, a role in each workspace."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from app.domain.access import Role
from app.domain.ids import UserId, WorkspaceId
from app.domain.workspaces import Workspace
from app.services.users import INSTALLATION_ROLES
from app.services.workspaces import MEMBER_ROLES
from components.session import Session
from components.words import ROLE

NO_ACCESS = "No access"
_MEANING = {
    Role.ADMINISTRATOR: "People, workspaces and health; no documents by itself.",
    Role.COMPLIANCE: "The audit log: read, verify, export.",
}


@dataclass(frozen=True, slots=True)
class Rights:
    """`memberships` holds every workspace that can be chosen; None is no access."""

    roles: frozenset[Role]
    memberships: dict[WorkspaceId, Role | None]


def rights_fields(workspaces: Sequence[Workspace], *, key: str, now: Rights) -> Rights:
    st.markdown("**For the installation**")
    roles = frozenset(
        role
        for role in INSTALLATION_ROLES
        if st.checkbox(ROLE[role], value=role in now.roles, key=f"{key}-{role}", help=_MEANING[role])
    )
    memberships: dict[WorkspaceId, Role | None] = {}
    if workspaces:
        st.markdown("**In workspaces**")
    for workspace in workspaces:
        memberships[workspace.id] = role_select(
            workspace.name, now.memberships.get(workspace.id), key=f"{key}-{workspace.id}"
        )
    return Rights(roles, memberships)


def role_select(label: str, now: Role | None, *, key: str) -> Role | None:
    options = [NO_ACCESS, *(ROLE[role] for role in MEMBER_ROLES)]
    chosen = st.selectbox(label, options, index=options.index(ROLE[now] if now else NO_ACCESS), key=key, width=300)
    return next((role for role in MEMBER_ROLES if ROLE[role] == chosen), None)


def rights_of(session: Session, user_id: UserId, roles: Collection[Role]) -> Rights:
    """As they are now."""
    memberships: dict[WorkspaceId, Role | None] = {}
    for workspace in session.services.workspaces.list(session.actor):
        members = session.services.workspaces.members(session.actor, workspace_id=workspace.id)
        memberships[workspace.id] = next((one.role for one in members if one.user.id == user_id), None)
    return Rights(frozenset(roles), memberships)


def save_memberships(
    session: Session,
    user_id: UserId,
    *,
    now: Mapping[WorkspaceId, Role | None],
    wanted: Mapping[WorkspaceId, Role | None],
) -> None:
    """Only what changed, so that the audit log says only that."""
    for workspace_id, role in wanted.items():
        if role != now.get(workspace_id):
            session.services.workspaces.set_member(session.actor, workspace_id=workspace_id, user_id=user_id, role=role)
