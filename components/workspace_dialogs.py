"""The dialogs of the Workspaces page: add, rename, members, delete."""

from collections.abc import Sequence

import streamlit as st

from app.domain.access import Role, User
from app.domain.ids import UserId
from app.domain.workspaces import Workspace
from app.services.workspaces import ONTOLOGIES, Member
from components.confirm_dialog import confirm_dialog
from components.error_card import shows_errors
from components.formats import plain
from components.identity import refreshed
from components.notice import leave_notice
from components.opened_dialog import close_dialog, open_dialog, opened_dialog
from components.rights_form import role_select
from components.session import Session
from components.workspace_table import DELETE, KIND, MEMBERS, RENAME

PAGE = "workspaces"
ADD = "Add"
_TITLES = {ADD: "Add a workspace", RENAME: "Rename {name}", MEMBERS: "Members of {name}"}
_GOES = "All its documents, facts, passages, questions and answers go, for everybody."
_STAYS = "The people stay. The audit log keeps that it was deleted, and by whom."


def draw_workspace_dialog(session: Session, workspaces: Sequence[Workspace]) -> None:
    """Draw what is open, if anything; call it last."""
    opened = opened_dialog(PAGE)
    if opened is None:
        return
    workspace = next((one for one in workspaces if one.id == opened.id), None)
    if workspace is None and opened.kind != ADD:
        _close()
    elif workspace is not None and opened.kind == DELETE:
        _ask_delete(session, workspace)
    else:
        title = _TITLES[opened.kind].format(name=workspace.name if workspace else "")
        st.dialog(plain(title), width="medium", on_dismiss=_close)(_body)(session, opened.kind, workspace)


def _body(session: Session, kind: str, workspace: Workspace | None) -> None:
    with shows_errors("workspace dialog"):
        current = refreshed(session)
        if workspace is None:
            _add(current)
        elif kind == RENAME:
            _rename(current, workspace)
        else:
            _members(current, workspace)


def _add(session: Session) -> None:
    name = st.text_input("Name", key="workspace-name", width=300, max_chars=80, placeholder="Cardiology")
    kind = st.selectbox(
        "Kind",
        ONTOLOGIES,
        format_func=lambda one: KIND[one],
        key="workspace-kind",
        width=300,
        help="What its documents are about: it decides which types of entities and relations are looked for.",
    )
    if not st.button("Add", type="primary", key="workspace-add-now", disabled=not name):
        return
    with shows_errors("add a workspace"):
        added = session.services.workspaces.add(session.actor, name=name or "", ontology=kind)
        leave_notice(f"{added.name} was added. Nobody can open it before you make them a member.")
        open_dialog(PAGE, MEMBERS, added.id)
        st.rerun(scope="app")


def _rename(session: Session, workspace: Workspace) -> None:
    name = st.text_input("Name", value=workspace.name, key=f"workspace-{workspace.id}-name", width=300, max_chars=80)
    if not st.button("Rename", type="primary", key="workspace-rename-now", disabled=not name):
        return
    with shows_errors("rename a workspace"):
        session.services.workspaces.rename(session.actor, workspace_id=workspace.id, name=name or "")
        leave_notice(f"{workspace.name} is called {name} now.")
        _finish()


def _members(session: Session, workspace: Workspace) -> None:
    """Those who are in it, and one more to add."""
    members = session.services.workspaces.members(session.actor, workspace_id=workspace.id)
    wanted: dict[UserId, Role | None] = {}
    if not members:
        st.markdown(":gray[Nobody is a member yet.]")
    for member in members:
        wanted[member.user.id] = role_select(
            member.user.name, member.role, key=f"member-{workspace.id}-{member.user.id}"
        )
    new = _one_more(session, workspace, members)
    if new is not None:
        wanted[new[0]] = new[1]
    if not st.button("Save", type="primary", key="workspace-save-members"):
        return
    with shows_errors("set members"):
        now = {member.user.id: member.role for member in members}
        for user_id, role in wanted.items():
            if role != now.get(user_id):
                session.services.workspaces.set_member(
                    session.actor, workspace_id=workspace.id, user_id=user_id, role=role
                )
        leave_notice(f"Members of {workspace.name} were changed.")
        _finish()


def _one_more(session: Session, workspace: Workspace, members: Sequence[Member]) -> tuple[UserId, Role | None] | None:
    here = {member.user.id for member in members}
    others: dict[UserId, User] = {
        user.id: user for user in session.services.users.list(session.actor) if user.id not in here
    }
    with st.container(horizontal=True, vertical_alignment="bottom", gap=12):
        user_id = st.selectbox(
            "Add a person",
            list(others),
            index=None,
            format_func=lambda one: f"{others[one].name} ({others[one].username})",
            placeholder="Choose somebody",
            key=f"member-{workspace.id}-new",
            width=300,
        )
        role = role_select("Role", Role.CLINICIAN, key=f"member-{workspace.id}-new-role")
    return (user_id, role) if user_id else None


def _ask_delete(session: Session, workspace: Workspace) -> None:
    def delete(_reason: str) -> None:
        current = refreshed(session)
        current.services.workspaces.delete(current.actor, workspace_id=workspace.id)
        leave_notice(f"{workspace.name} was deleted.")

    confirm_dialog(
        f"Delete {workspace.name}?",
        key=f"workspace-{workspace.id}",
        verb="Delete",
        goes=_GOES,
        stays=_STAYS,
        act=delete,
        on_close=_close,
    )


def _close() -> None:
    close_dialog(PAGE)


def _finish() -> None:
    _close()
    st.rerun(scope="app")
