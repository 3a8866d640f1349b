"""Ways from one page to another."""

from typing import NoReturn

import streamlit as st


def go_to(path: str, **query: str) -> NoReturn:
    """Leave for the page at `path`, such as go_to("documents", show="attention"); ends this run."""
    st.switch_page(st.Page(_elsewhere, title=path, url_path=path), query_params=query)


def _elsewhere() -> None:
    """Pages are told apart by their address alone: app.main registered the one that is drawn."""
