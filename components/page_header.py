"""The top of every page: its title, one gray line, and at most two buttons."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from components.formats import plain


def page_header(title: str, line: str = "") -> DeltaGenerator:
    """Draw title and line; returns the place at the right for at most two buttons, the primary one last:

        with page_header("Documents", "1,284 documents, newest first"):
            add = st.button("Add documents", type="primary", icon=":material/upload:")

    `title` and `line` are plain text; `line` has at most 48 characters: a count, a date, a scope.
    """
    row = st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center")
    with row.container(key="pagetitle", gap=None, width="content"):
        st.title(plain(title), anchor=False)
        if line:
            st.markdown(f":gray[{plain(line)}]")
    return row.container(horizontal=True, horizontal_alignment="right", width="content")


def section(title: str) -> None:
    """The heading of a part of a page."""
    st.header(plain(title), anchor=False)
