"""The dialogs of the People page: add somebody, roles, a new password."""

from collections.abc import Sequence

import streamlit as st

from app.domain.access import User
from app.domain.ids import UserId
from components.error_card import shows_errors
from components.formats import plain
from components.identity import refreshed
from components.notice import leave_notice
from components.opened_dialog import Opened, close_dialog, open_dialog, opened_dialog
from components.people_table import DISABLE, ENABLE, NEW_PASSWORD, ROLES
from components.rights_form import Rights, rights_fields, rights_of, save_memberships
from components.session import Session

PAGE = "people"
ADD = "Add"
_TITLES = {ADD: "Add a person", ROLES: "Roles of {name}", NEW_PASSWORD: "New password for {name}"}


def draw_people_dialog(session: Session, users: Sequence[User]) -> None:
    """Draw what is open, if anything; call it last."""
    opened = opened_dialog(PAGE)
    if opened is None:
        return
    user = next((one for one in users if one.id == opened.id), None)
    if opened.kind in {DISABLE, ENABLE}:
        close_dialog(PAGE)
        if user is not None:
            _switch(session, user, opened.kind)
        return
    title = _TITLES[opened.kind].format(name=user.name if user else "")
    st.dialog(plain(title), width="medium", on_dismiss=lambda: close_dialog(PAGE))(_body)(session, opened, user)


def _body(session: Session, opened: Opened, user: User | None) -> None:
    with shows_errors("people dialog"):
        current = refreshed(session)
        opened = opened_dialog(PAGE) or opened
        if opened.result:
            _password(opened.result, user)
        elif opened.kind == ADD:
            _add(current)
        elif user is None:
            st.markdown("This person is not here any more.")
        elif opened.kind == ROLES:
            _roles(current, user)
        else:
            _new_password(current, user)


def _add(session: Session) -> None:
    name = st.text_input("Name", key="people-name", placeholder="Dr Ada Brown", width=300, max_chars=80)
    username = st.text_input("User name", key="people-username", placeholder="a.brown", width=300, max_chars=64)
    workspaces = session.services.workspaces.list(session.actor)
    rights = rights_fields(workspaces, key="people-new", now=Rights(frozenset(), {}))
    pressed = st.button("Add", type="primary", key="people-add-now", disabled=not (name and username))
    if not pressed:
        return
    with shows_errors("add a person"):
        new = session.services.users.add(session.actor, username=username or "", name=name or "", roles=rights.roles)
        save_memberships(session, new.user.id, now={}, wanted=rights.memberships)
        open_dialog(PAGE, ADD, new.user.id, result=new.password)
        st.rerun(scope="app")


def _roles(session: Session, user: User) -> None:
    now = rights_of(session, user.id, user.roles)
    wanted = rights_fields(session.services.workspaces.list(session.actor), key=f"people-{user.id}", now=now)
    st.markdown(":gray[It holds from the person's next click.]")
    if not st.button("Save", type="primary", key="people-save-roles"):
        return
    with shows_errors("set roles"):
        if wanted.roles != now.roles:
            session.services.users.set_roles(session.actor, user_id=user.id, roles=wanted.roles)
        save_memberships(session, user.id, now=now.memberships, wanted=wanted.memberships)
        leave_notice(f"Roles of {user.name} were changed.")
        close_dialog(PAGE)
        st.rerun(scope="app")


def _new_password(session: Session, user: User) -> None:
    st.markdown("The present password stops working and the person is signed out everywhere.")
    if not st.button("Make a new password", type="primary", key="people-reset"):
        return
    with shows_errors("reset a password"):
        password = session.services.users.reset_password(session.actor, user_id=user.id)
        open_dialog(PAGE, NEW_PASSWORD, user.id, result=password)
        st.rerun(scope="app")


def _password(password: str, user: User | None) -> None:
    if user is not None:
        st.markdown(f"{plain(user.name)} signs in as {plain(user.username)} with this password:")
    st.code(password, language=None)
    st.markdown("**Hand this password over in person.** It is shown once and has to be changed at the next sign-in.")
    if st.button("Done", type="primary", key="people-done"):
        close_dialog(PAGE)
        st.rerun(scope="app")


def _switch(session: Session, user: User, kind: str) -> None:
    """Both can be taken back, so they are done at once."""
    user_id = UserId(user.id)
    if kind == DISABLE:
        session.services.users.disable(session.actor, user_id=user_id)
        leave_notice(f"{user.name} was disabled and signed out.")
    else:
        session.services.users.enable(session.actor, user_id=user_id)
        leave_notice(f"{user.name} may sign in again.")
    st.rerun()
