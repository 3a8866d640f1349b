"""Which dialog of a page is open, and about whom; it stays open while the page is drawn anew behind it."""

from dataclasses import dataclass

import streamlit as st


@dataclass(frozen=True, slots=True)
class Opened:
    kind: str
    id: str
    """Of the person or workspace it is about; empty for a new one."""
    result: str = ""
    """What it has to show now that it has done its work, such as a password that is shown once."""


def open_dialog(page: str, kind: str, id_: str = "", *, result: str = "") -> None:
    st.session_state[_key(page)] = Opened(kind, id_, result)


def close_dialog(page: str) -> None:
    st.session_state.pop(_key(page), None)


def opened_dialog(page: str) -> Opened | None:
    opened = st.session_state.get(_key(page))
    return opened if isinstance(opened, Opened) else None


def _key(page: str) -> str:
    return f"{page}-dialog"
