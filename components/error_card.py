"""What people see when something went wrong: what happened and what to do, never a trace."""

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from app.errors import DafeError, NotSignedInError
from app.logs import get_logger
from components.formats import plain
from components.identity import SIGN_IN

_UNEXPECTED = "Something unexpected happened"
_log = get_logger("ui")


def error_card(message: str, *, title: str = "This did not work") -> None:
    """`message` says what happened, what was kept and what to do."""
    with st.container(border=True, gap=12):
        st.markdown(f":red[:material/error:] &nbsp;**{plain(title)}**")
        st.markdown(plain(message))


def session_ended_card() -> None:
    """In place of a page once the session is over."""
    with st.container(border=True, width=400, gap=12):
        st.title("Your session ended", anchor=False)
        st.markdown("You were away for a while, or signed out elsewhere. Nothing that was saved is lost.")
        st.html(f'<a href="{SIGN_IN}" target="_self">Sign in again</a>')


@contextmanager
def shows_errors(action: str) -> Iterator[None]:
    """Draw a card in place of what `with` holds when that raises; `action` names it in the log.

    Put it round whole pages (app.main does) and inside every fragment and dialog, whose reruns app.main does not see.
    """
    try:
        yield
    except NotSignedInError:
        session_ended_card()
    except DafeError as error:
        error_card(_log.sentence(action, error))
    except Exception as error:  # noqa: BLE001 - the boundary of the interface: nobody is shown a trace
        reference = _log.unexpected(action, error)
        error_card(f"Nothing was changed. Try again, and give reference {reference} if it repeats.", title=_UNEXPECTED)
