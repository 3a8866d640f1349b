"""The Documents page: add, watch, find, open, try again, delete."""

from functools import partial

import streamlit as st

from app.domain.access import Permission
from app.domain.documents import DocumentStatus
from app.domain.ids import DocumentId, UserId
from app.services.documents import DocumentPage
from backends.metadata.base_content import DocumentFilter
from components.attention_card import attention_card, read_attention
from components.banner import banner
from components.document_dialogs import ADD, draw_dialog, open_dialog
from components.document_table import document_table
from components.documents_empty import documents_empty
from components.formats import counted, number, plain
from components.notice import read_notice
from components.page_header import page_header
from components.progress_card import progress_card, unfinished_jobs
from components.session import Session

_ALL, _ATTENTION = "All", "Needs attention"
_SHOWN: dict[str, frozenset[DocumentStatus]] = {
    _ALL: frozenset(),
    "Indexed": frozenset({DocumentStatus.INDEXED}),
    "Running": frozenset({DocumentStatus.WAITING, DocumentStatus.RUNNING}),
    _ATTENTION: frozenset({DocumentStatus.FAILED, DocumentStatus.REFUSED, DocumentStatus.STOPPED}),
}
_ROWS = 25
_SHOW, _SEARCH, _PAGE = "documents-show", "documents-search", "documents-page"


def page(session: Session) -> None:
    _follow_link(session)
    first = _read(session, DocumentFilter(limit=0))
    total = sum(first.counts.values())
    with page_header("Documents", f"{counted(total, 'document')}, newest first" if total else "Nothing here yet"):
        if session.may(Permission.WRITE) and total:
            st.button("Add documents", type="primary", icon=":material/upload:", on_click=_add, args=(session,))
    if notice := read_notice():
        banner("good", notice)
    if total:
        _cards(session, first)
        people = _list(session)
    else:
        people = {}
        if documents_empty(session):
            _add(session)
    draw_dialog(session, people=people)


def _follow_link(session: Session) -> None:
    """Other pages lead here with ?add=1 or ?show=attention."""
    if st.query_params.get("add"):
        _add(session)
    if st.query_params.get("show") == "attention":
        st.session_state[_SHOW] = _ATTENTION
    st.query_params.clear()


def _read(session: Session, wanted: DocumentFilter) -> DocumentPage:
    return session.services.documents.list(session.actor, workspace_id=session.workspace_id, document_filter=wanted)


def _cards(session: Session, first: DocumentPage) -> None:
    """What runs beside what needs somebody; nothing where there is neither."""
    waiting = sum(first.counts[status] for status in _SHOWN[_ATTENTION])
    if not waiting and not unfinished_jobs(session):
        return
    left, right = st.columns(2, gap=16)
    with left:
        progress_card(session, key="documents")
    with right:
        attention_card(session, read_attention(session, _SHOWN[_ATTENTION]), total=waiting)


def _list(session: Session) -> dict[UserId, str]:
    with st.container(horizontal=True, vertical_alignment="center", gap=12):
        search = st.text_input(
            "Search",
            key=_SEARCH,
            placeholder="Search by name",
            icon=":material/search:",
            width=300,
            label_visibility="collapsed",
            on_change=_first_page,
        )
        show = st.segmented_control(
            "Show",
            list(_SHOWN),
            default=None if _SHOW in st.session_state else _ALL,
            required=True,
            key=_SHOW,
            label_visibility="collapsed",
            on_change=_first_page,
        )
        place = st.container(width="stretch", horizontal_alignment="right")
    start = (int(st.session_state.get(_PAGE) or 1) - 1) * _ROWS
    wanted = DocumentFilter(text=search or "", statuses=_SHOWN[show or _ALL], limit=_ROWS, offset=start)
    found = _read(session, wanted)
    place.markdown(f":gray[{number(len(found.documents))} of {number(found.total)}]", width="content")
    if not found.documents:
        st.markdown(f":gray[No document fits {plain(search or show or _ALL)}.]")
        return {}
    jobs = {job.document_id: job for job in unfinished_jobs(session)}
    document_table(
        found.documents,
        jobs=jobs,
        people=found.people,
        may_write=session.may(Permission.WRITE),
        on_action=partial(_act, session),
    )
    pages = -(-found.total // _ROWS)
    if pages > 1:
        with st.container(horizontal_alignment="right"):
            st.pagination(pages, key=_PAGE)
    return found.people


def _first_page() -> None:
    st.session_state.pop(_PAGE, None)


def _act(session: Session, action: str, document_id: DocumentId) -> None:
    open_dialog(action, session.workspace_id, document_id)


def _add(session: Session) -> None:
    open_dialog(ADD, session.workspace_id)
