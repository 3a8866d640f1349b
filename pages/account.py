"""The Account page: one's own password and sessions."""

import streamlit as st

from app.domain.access import SignInSession
from app.errors import DafeError
from app.logs import get_logger
from components.banner import banner
from components.formats import moment, plain
from components.leaving import leave_when_session_ends, sign_out
from components.page_header import page_header, section
from components.session import Session
from components.words import ROLE

_log = get_logger("ui")
_CHANGED = "account-changed"
_FORM = "change-password"
_MOST_SHOWN = 10
_BROWSERS = {"Edg/": "Edge", "Firefox/": "Firefox", "Chrome/": "Chrome", "Safari/": "Safari"}
_SYSTEMS = {
    "Windows": "Windows",
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Android": "Android",
    "Mac OS": "macOS",
    "Linux": "Linux",
}


def page(session: Session) -> None:
    page_header("Account", _roles(session))
    if st.session_state.pop(_CHANGED, False):
        banner("good", "Your password was changed.", "Your other sessions were signed out.")
    left, right = st.columns(2, gap=32)
    with left:
        section("Change password")
        _password_form(session)
    with right:
        section("Where you are signed in")
        _sessions(session)


def first_password(session: Session) -> None:
    """Before anything else for somebody who still has a password that another person knows."""
    page_header("Choose your password", f"Signed in as {session.actor.name}")
    with st.container(width=400):
        banner("note", "Your password was given to you.", "Choose your own to go on; nobody else will know it.")
    _password_form(session)
    if st.button("Sign out", type="tertiary", icon=":material/logout:"):
        sign_out()
    leave_when_session_ends()


def _roles(session: Session) -> str:
    roles = [ROLE[role] for role in sorted(session.actor.roles)]
    here = session.actor.memberships.get(session.workspace.id) if session.workspace else None
    return ", ".join([session.actor.name, *roles, *([ROLE[here]] if here else [])])


def _password_form(session: Session) -> None:
    with st.form(_FORM, width=400, enter_to_submit=True):
        old = st.text_input("Present password", type="password", autocomplete="current-password", key="account-old")
        new = st.text_input("New password", type="password", autocomplete="new-password", key="account-new")
        again = st.text_input("New password again", type="password", autocomplete="new-password", key="account-again")
        sent = st.form_submit_button("Change password", type="primary")
        if not sent:
            return
        if new != again:
            st.error("The two new passwords differ: type the new one twice.", icon=":material/error:")
            return
        try:
            session.services.users.change_own_password(session.actor, old=old or "", new=new or "")
        except DafeError as error:
            st.error(plain(_log.sentence("change password", error)), icon=":material/error:")
            return
    st.session_state[_CHANGED] = True
    st.rerun()


def _sessions(session: Session) -> None:
    for one in session.services.sessions.list_own(session.actor)[:_MOST_SHOWN]:
        with st.container(border=True, horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            with st.container(gap=None, width="content"):
                st.markdown(f"**{plain(_browser(one))}**")
                st.markdown(f":gray[{plain(f'{one.address}, {_since(one)}')}]")
            if one.id == session.actor.session_id:
                st.badge("This session", icon=":material/check:", color="green")
            elif st.button("Sign out", key=f"end-{one.id}"):
                session.services.sessions.revoke(session.actor, session_id=one.id)
                st.rerun()


def _since(one: SignInSession) -> str:
    at = moment(one.created_at)
    return f"since {at[:1].lower()}{at[1:]}"


def _browser(one: SignInSession) -> str:
    browser = next((name for mark, name in _BROWSERS.items() if mark in one.agent), "Another program")
    system = next((name for mark, name in _SYSTEMS.items() if mark in one.agent), "")
    return f"{browser} on {system}" if system else browser
