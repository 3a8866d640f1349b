"""A sentence about what was just done, kept on the page for a moment though the page refreshes itself."""

import time

import streamlit as st

_KEY = "notice"
_KEPT_SECONDS = 12.0


def leave_notice(sentence: str) -> None:
    """For the next runs of this person's page."""
    st.session_state[_KEY] = (sentence, time.monotonic())


def read_notice() -> str:
    """The sentence, or an empty text once it is old."""
    sentence, left_at = st.session_state.get(_KEY, ("", 0.0))
    return sentence if time.monotonic() - left_at < _KEPT_SECONDS else ""
