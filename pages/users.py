"""The Users page: add people, give roles, disable, reset passwords."""

import streamlit as st

from components.session import Session


def page(session: Session) -> None:
    st.title("Users", anchor=False)
