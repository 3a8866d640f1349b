"""The Health page: every part of the installation and whether it works."""

import streamlit as st

from components.session import Session


def page(session: Session) -> None:
    st.title("Health", anchor=False)
