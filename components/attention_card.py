"""Documents that need somebody: what happened to each, and the fix."""

from collections.abc import Collection, Sequence

import streamlit as st

from app.domain.access import Permission
from app.domain.documents import Document, DocumentStatus
from backends.metadata.base_content import DocumentFilter
from components.document_dialogs import open_dialog
from components.document_table import DELETE, DETAILS, TRY_AGAIN
from components.formats import counted, number, plain
from components.identity import refreshed
from components.notice import leave_notice
from components.session import Session
from components.words import document_word

_MOST_SHOWN = 3
_STOPPED = "Indexing was stopped; the file is kept."


def read_attention(session: Session, statuses: Collection[DocumentStatus]) -> list[Document]:
    """The newest few of these statuses."""
    wanted = DocumentFilter(statuses=frozenset(statuses), limit=_MOST_SHOWN)
    found = session.services.documents.list(session.actor, workspace_id=session.workspace_id, document_filter=wanted)
    return found.documents


def attention_card(session: Session, documents: Sequence[Document], *, total: int, failed: int) -> None:
    """The first few of `total`, of which so many failed: these can be tried again together."""
    with st.container(border=True, key="attention", gap=12, height="stretch"):
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            st.markdown(f"**Needs attention** :gray[· {number(total)}]", width="content")
            if failed > 1 and session.may(Permission.WRITE):
                words, icon = f"Try all {number(failed)} again", ":material/refresh:"
                st.button(words, type="tertiary", icon=icon, key="try-all", on_click=_try_all, args=(session,))
        if not documents:
            st.markdown(":gray[Nothing.]")
        for document in documents:
            version = document.version
            word = document_word(version)
            with st.container(horizontal=True, vertical_alignment="center"):
                with st.container(gap="xxsmall"):
                    st.markdown(f":{word.colour}[:material/{word.icon}:] {plain(document.name)}")
                    st.markdown(f":gray[{plain(version.error or _STOPPED)}]")
                _fix(session, document)
        if total > len(documents):
            st.markdown(f":gray[{number(total - len(documents))} more: choose Needs attention below.]")


def _try_all(session: Session) -> None:
    current = refreshed(session)
    waiting = current.services.jobs.retry_all(current.actor, workspace_id=current.workspace_id)
    leave_notice(f"{counted(len(waiting), 'document waits', 'documents wait')} to be indexed again.")


def _fix(session: Session, document: Document) -> None:
    action = DETAILS
    if session.may(Permission.WRITE):
        action = DELETE if document.version.status is DocumentStatus.REFUSED else TRY_AGAIN
    if st.button(action, key=f"fix-{document.id}"):
        open_dialog(action, session.workspace_id, document.id)
