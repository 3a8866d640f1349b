"""The Workspaces page: add, rename, delete, and who is a member."""

import streamlit as st

from components.session import Session


def page(session: Session) -> None:
    st.title("Workspaces", anchor=False)
