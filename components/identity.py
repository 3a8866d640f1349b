"""Who looks at a page: what the gate wrote into the socket's handshake, checked again at every run."""

from dataclasses import replace

import streamlit as st

from app.container import Services
from app.domain.access import Actor
from app.errors import NotSignedInError
from components.session import Session

SESSION_HEADER = "x-dafe-session"
"""As the gate writes it (a test holds the two together: the gate and the pages do not know each other)."""
SIGN_IN = "/session/sign-in"
SIGN_OUT = "/session/sign-out"


def read_session_id() -> str:
    """The id of the sign-in session that the gate let in; empty where no gate stands in front.

    The gate removes a client's own header of this name, and headers are those of this socket's handshake, so that
    nobody can name another's session.
    """
    return st.context.headers.get(SESSION_HEADER) or ""


def current_actor(services: Services) -> Actor:
    """The person with the rights of this moment. Raises NotSignedInError."""
    session_id = read_session_id()
    if not session_id:
        raise NotSignedInError("Sign in first.")
    return services.sessions.actor_for_session(session_id, address=st.context.ip_address or "")


def refreshed(session: Session) -> Session:
    """The same session with the rights of this moment, for parts that refresh themselves. Raises NotSignedInError."""
    return replace(session, actor=current_actor(session.services))
