"""The Help page: the guides that ship with the program."""

import streamlit as st

from components.session import Session


def page(session: Session) -> None:
    st.title("Help", anchor=False)
