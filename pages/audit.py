"""The Audit log page: read, filter, verify and export the log."""

import streamlit as st

from components.session import Session


def page(session: Session) -> None:
    st.title("Audit log", anchor=False)
