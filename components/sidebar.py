"""The sidebar: pages this person may use, the workspace, and what belongs to the person."""

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st
from streamlit.navigation.page import Page

from app.domain.workspaces import Workspace
from components.formats import plain
from components.leaving import leave_when_session_ends, sign_out
from components.navigation import go_to
from components.session import Session

WORKSPACE_KEY = "workspace"
_ACCOUNT, _HELP, _SIGN_OUT = "Account", "Help", "Sign out"


@dataclass(frozen=True, slots=True)
class Link:
    """A page in the sidebar under the heading `group`; those without a heading come first."""

    page: Page
    group: str


def chosen_workspace(workspaces: Sequence[Workspace]) -> Workspace | None:
    """The one chosen in the sidebar at the last run, else that of the address, else the first."""
    chosen = st.session_state.get(WORKSPACE_KEY, st.query_params.get(WORKSPACE_KEY))
    fitting = [one for one in workspaces if one.id == chosen]
    return next(iter([*fitting, *workspaces]), None)


def draw_sidebar(session: Session, links: Sequence[Link]) -> None:
    with st.sidebar:
        with st.container(key="sidenav", gap=12):
            group = ""
            for link in links:
                if link.group != group:
                    group = link.group
                    st.markdown(f":small[:gray[{group}]]")
                st.page_link(link.page, width="stretch")
        st.space("xxsmall")
        with st.container(key="sidefoot", gap=12):
            if session.workspace is not None:
                _workspace_select(session.workspaces, session.workspace)
            _person_menu(session)
        leave_when_session_ends()


def _workspace_select(workspaces: Sequence[Workspace], current: Workspace) -> None:
    """The address keeps the choice by its id: a name would stay in the history of the browser."""
    names = {one.id: one.name for one in workspaces}
    if st.session_state.get(WORKSPACE_KEY) not in names:
        st.session_state[WORKSPACE_KEY] = current.id
    st.query_params[WORKSPACE_KEY] = st.selectbox(
        "Workspace", list(names), format_func=lambda one: names[one], key=WORKSPACE_KEY
    )


def _person_menu(session: Session) -> None:
    chosen = st.menu_button(
        plain(session.actor.name),
        [_ACCOUNT, _HELP, _SIGN_OUT],
        key="person-menu",
        type="tertiary",
        icon=":material/account_circle:",
        width="stretch",
    )
    if chosen == _SIGN_OUT:
        sign_out()
    elif chosen:
        go_to(chosen.lower())
