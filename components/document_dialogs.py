"""Which dialog of the Documents page is open; it stays open while the page refreshes behind it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import streamlit as st

from app.domain.documents import Document
from app.domain.ids import DocumentId, UserId, WorkspaceId
from app.errors import NotFoundError
from components.confirm_dialog import confirm_dialog
from components.document_access import access_dialog
from components.document_details import document_details
from components.document_table import ACCESS, DELETE, TRY_AGAIN
from components.document_upload import forget_upload, upload_dialog
from components.formats import counted, plain
from components.identity import refreshed
from components.notice import leave_notice
from components.session import Session

ADD = "Add"
_OPEN = "documents-dialog"
_DRAWER_WIDTH = 470
_STAYS = "Facts that other documents also state stay. The audit log keeps that it was deleted, and by whom."


@dataclass(frozen=True, slots=True)
class _Open:
    kind: str
    document_id: DocumentId | None
    workspace_id: WorkspaceId


def open_dialog(kind: str, workspace_id: WorkspaceId, document_id: DocumentId | None = None) -> None:
    """At the next call of `draw_dialog`: ADD, or what document_table and document_details name, of a document."""
    forget_upload()
    st.session_state[_OPEN] = _Open(kind, document_id, workspace_id)


def close_dialog() -> None:
    forget_upload()
    st.session_state.pop(_OPEN, None)


def draw_dialog(session: Session, *, people: Mapping[UserId, str]) -> None:
    """Draw what is open, if anything; call it last."""
    wanted: _Open | None = st.session_state.get(_OPEN)
    if wanted is None:
        return
    if wanted.workspace_id != session.workspace_id:
        close_dialog()
    elif wanted.document_id is None:
        st.dialog("Add documents", width="medium", on_dismiss=close_dialog)(_add)(session)
    elif wanted.kind == TRY_AGAIN:
        close_dialog()
        _try_again(session, wanted.document_id)
    else:
        document = _get(session, wanted.document_id)
        if wanted.kind == DELETE:
            _ask_delete(session, document)
        elif wanted.kind == ACCESS:
            title = plain(f"Who can see {document.name}?")
            st.dialog(title, width="medium", on_dismiss=close_dialog)(_access)(session, document)
        else:
            drawer = st.dialog(plain(document.name), width=_DRAWER_WIDTH, position="right", on_dismiss=close_dialog)
            drawer(_details)(session, document.id, people)


def _get(session: Session, document_id: DocumentId) -> Document:
    """One that was deleted meanwhile, or kept from this person, is said so once and not asked for again."""
    try:
        return session.services.documents.get(session.actor, workspace_id=session.workspace_id, document_id=document_id)
    except NotFoundError:
        close_dialog()
        raise


def _add(session: Session) -> None:
    sentence = upload_dialog(session)
    if sentence is not None:
        _finish(sentence)


def _access(session: Session, document: Document) -> None:
    sentence = access_dialog(session, document.id, document.name)
    if sentence is not None:
        _finish(sentence)


def _details(session: Session, document_id: DocumentId, people: Mapping[UserId, str]) -> None:
    wish = document_details(session, document_id, people=people)
    if wish is not None:
        open_dialog(wish, session.workspace_id, document_id)
        st.rerun()


def _try_again(session: Session, document_id: DocumentId) -> None:
    session.services.documents.retry(session.actor, workspace_id=session.workspace_id, document_id=document_id)
    st.rerun()


def _ask_delete(session: Session, document: Document) -> None:
    facts = document.version.coverage.triples
    confirm_dialog(
        f"Delete {document.name}?",
        key=f"document-{document.id}",
        verb="Delete",
        goes=f"The file with all its versions, its {counted(facts, 'fact')} and passages, and answers that cite it go.",
        stays=_STAYS,
        act=partial(_delete, session, document),
        on_close=close_dialog,
    )


def _delete(session: Session, document: Document, _reason: str) -> None:
    current = refreshed(session)
    current.services.documents.delete(current.actor, workspace_id=current.workspace_id, document_id=document.id)
    leave_notice(f"{document.name} was deleted.")


def _finish(sentence: str) -> None:
    if sentence:
        leave_notice(sentence)
    close_dialog()
    st.rerun()
