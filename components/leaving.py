"""How a page is left for good: signing out, and noticing that the session is over."""

from components.browser_part import browser_part
from components.identity import SIGN_IN, SIGN_OUT

_WATCHED = "/_stcore/health"
"""Any path behind the gate will do: without a session it answers 401."""


def sign_out() -> None:
    """The browser posts the sign-out form, so that no link of another site can do it."""
    browser_part("signing_out")(key="signing-out", data={"action": SIGN_OUT})


def leave_when_session_ends() -> None:
    """The browser asks now and then whether the session is still open, and goes to the sign-in page when it is not.

    Asking is no activity: it does not keep the session open.
    """
    browser_part("session_watch")(key="session-watch", data={"watched": _WATCHED, "sign_in": SIGN_IN})
