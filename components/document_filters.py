"""The row above the table of documents: find by name, show by state."""

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app.domain.documents import DocumentStatus

ATTENTION = frozenset({DocumentStatus.FAILED, DocumentStatus.REFUSED, DocumentStatus.STOPPED})
_ALL, _ATTENTION = "All", "Needs attention"
_SHOWN: dict[str, frozenset[DocumentStatus]] = {
    _ALL: frozenset(),
    "Indexed": frozenset({DocumentStatus.INDEXED}),
    "Running": frozenset({DocumentStatus.WAITING, DocumentStatus.RUNNING}),
    _ATTENTION: ATTENTION,
}
_SHOW, _SEARCH = "documents-show", "documents-search"


@dataclass(frozen=True, slots=True)
class Chosen:
    """`statuses` empty means all; `place` is the row's right end, for how many were found."""

    search: str
    statuses: frozenset[DocumentStatus]
    place: DeltaGenerator


def show_attention() -> None:
    """Begin with those that need somebody."""
    st.session_state[_SHOW] = _ATTENTION


def document_filters(on_change: Callable[[], None]) -> Chosen:
    if _SHOW not in st.session_state:
        st.session_state[_SHOW] = _ALL
    with st.container(horizontal=True, vertical_alignment="center", gap=12):
        search = st.text_input(
            "Search",
            key=_SEARCH,
            placeholder="Search by name",
            icon=":material/search:",
            width=300,
            label_visibility="collapsed",
            on_change=on_change,
        )
        show = st.segmented_control(
            "Show", list(_SHOWN), required=True, key=_SHOW, label_visibility="collapsed", on_change=on_change
        )
        place = st.container(width="stretch", horizontal_alignment="right")
    return Chosen((search or "").strip(), _SHOWN[show or _ALL], place)
