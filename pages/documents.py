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
from components.document_filters import ATTENTION, document_filters, show_attention
from components.document_table import DETAILS, document_table
from components.documents_empty import documents_empty
from components.formats import counted, number
from components.notice import read_notice
from components.page_header import page_header
from components.progress_card import progress_card, unfinished_jobs
from components.session import Session

_ROWS = 25
_PAGE = "documents-page"


def page(session: Session) -> None:
    _follow_link(session)
    first = _read(session, DocumentFilter(limit=0))
    total = sum(first.counts.values())
    with page_header("Documents", f"{counted(total, 'document')}, newest first" if total else "Nothing here yet"):
        if session.may(Permission.WRITE) and total:
            words, icon = "Add documents", ":material/upload:"
            st.button(words, type="primary", icon=icon, on_click=_add, args=(session,), key="documents-add")
    if notice := read_notice():
        banner("good", notice)
    people: dict[UserId, str] = {}
    if total:
        _cards(session, first)
        people = _list(session)
    elif documents_empty(session):
        _add(session)
    draw_dialog(session, people=people)


def _follow_link(session: Session) -> None:
    """Other pages lead here with ?add=1, ?show=attention or ?open=ID of a document."""
    if st.query_params.get("add"):
        _add(session)
    if document_id := st.query_params.get("open"):
        _act(session, DETAILS, DocumentId(document_id))
    if st.query_params.get("show") == "attention":
        show_attention()
    for name in ("add", "show", "open"):
        st.query_params.pop(name, None)


def _read(session: Session, wanted: DocumentFilter) -> DocumentPage:
    return session.services.documents.list(session.actor, workspace_id=session.workspace_id, document_filter=wanted)


def _cards(session: Session, first: DocumentPage) -> None:
    """What runs beside what needs somebody; nothing where there is neither."""
    waiting = sum(first.counts[status] for status in ATTENTION)
    if not waiting and not unfinished_jobs(session):
        return
    left, right = st.columns(2, gap=16)
    with left:
        progress_card(session, key="documents")
    with right:
        failed = first.counts[DocumentStatus.FAILED]
        attention_card(session, read_attention(session, ATTENTION), total=waiting, failed=failed)


def _list(session: Session) -> dict[UserId, str]:
    """The table; returns the names of those who added what is in it."""
    chosen = document_filters(_first_page)
    start = (int(st.session_state.get(_PAGE) or 1) - 1) * _ROWS
    wanted = DocumentFilter(text=chosen.search, statuses=chosen.statuses, limit=_ROWS, offset=start)
    found = _read(session, wanted)
    chosen.place.markdown(f":gray[{number(len(found.documents))} of {number(found.total)}]", width="content")
    if not found.documents:
        st.markdown(":gray[No document fits. Choose All, or another name.]")
        return {}
    document_table(
        found.documents,
        jobs={job.document_id: job for job in unfinished_jobs(session)},
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
