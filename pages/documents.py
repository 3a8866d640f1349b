"""The Documents page: add, watch, find, open, try again, delete."""

import streamlit as st

from components.session import Session


def page(session: Session) -> None:
    st.title("Documents", anchor=False)
