"""The Workspaces page: add, rename, delete, and who is a member."""

import streamlit as st

from app.domain.access import Permission
from app.domain.ids import WorkspaceId
from app.domain.workspaces import Workspace
from components.banner import banner
from components.empty_state import empty_state
from components.error_card import shows_errors
from components.formats import counted
from components.notice import read_notice
from components.opened_dialog import open_dialog
from components.page_header import page_header
from components.session import Session
from components.workspace_dialogs import ADD, PAGE, draw_workspace_dialog
from components.workspace_table import workspace_table

TITLE = "Workspaces"


def page(session: Session) -> None:
    if not session.may(Permission.MANAGE_WORKSPACES):
        page_header(TITLE)
        line = "It is open to administrators."
        empty_state("You may not manage workspaces", line, key="workspaces", icon=":material/lock:")
        return
    workspaces = session.services.workspaces.list(session.actor)
    line = f"{counted(len(workspaces), 'workspace')}; only members see what is in one"
    with page_header(TITLE, line):
        st.button(
            "Add a workspace",
            type="primary",
            icon=":material/add:",
            key="workspaces-add",
            on_click=open_dialog,
            args=(PAGE, ADD),
        )
    if notice := read_notice():
        banner("good", notice)
    if workspaces:
        workspace_table(workspaces, members=_counts(session, workspaces), on_action=_act)
    else:
        line = "Documents, facts and questions belong to a workspace; its members share them."
        empty_state("No workspace yet", line, key="workspaces", icon=":material/folder_shared:")
    with shows_errors("workspaces"):
        draw_workspace_dialog(session, workspaces)


def _counts(session: Session, workspaces: list[Workspace]) -> dict[WorkspaceId, int]:
    if not session.may(Permission.MANAGE_USERS):
        return {}
    service = session.services.workspaces
    return {one.id: len(service.members(session.actor, workspace_id=one.id)) for one in workspaces}


def _act(action: str, workspace_id: WorkspaceId) -> None:
    open_dialog(PAGE, action, workspace_id)
