"""The Graph page: find an entity, expand it, open a fact's quote."""

import streamlit as st

from components.session import Session


def page(session: Session) -> None:
    st.title("Graph", anchor=False)
