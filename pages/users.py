"""The Users page: add people, give roles, disable, reset passwords."""

from collections.abc import Sequence

import streamlit as st

from app.domain.access import Permission, Role, User
from app.domain.ids import UserId
from components.banner import banner
from components.empty_state import empty_state
from components.error_card import shows_errors
from components.formats import counted
from components.notice import read_notice
from components.opened_dialog import open_dialog
from components.page_header import page_header
from components.people_dialogs import ADD, PAGE, draw_people_dialog
from components.people_table import people_table
from components.session import Session

TITLE = "People and roles"


def page(session: Session) -> None:
    if not session.may(Permission.MANAGE_USERS):
        page_header(TITLE)
        empty_state("You may not manage people", "It is open to administrators.", key="people", icon=":material/lock:")
        return
    users = session.services.users.list(session.actor)
    with page_header(TITLE, _line(users)):
        st.button(
            "Add a person",
            type="primary",
            icon=":material/person_add:",
            key="people-add",
            on_click=open_dialog,
            args=(PAGE, ADD),
        )
    if notice := read_notice():
        banner("good", notice)
    people_table(users, own_id=session.actor.user_id, on_action=_act)
    with shows_errors("people"):
        draw_people_dialog(session, users)


def _line(users: Sequence[User]) -> str:
    administrators = sum(Role.ADMINISTRATOR in user.roles and not user.disabled for user in users)
    return f"{counted(len(users), 'person', 'people')}, {counted(administrators, 'administrator')}"


def _act(action: str, user_id: UserId) -> None:
    open_dialog(PAGE, action, user_id)
