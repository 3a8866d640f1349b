"""The Ask page: a question on top, below it the answer with the source of every sentence beside it."""

import streamlit as st

from app.domain.access import Permission
from components.ask_answer import answer_area
from components.ask_box import ask_box, mode_row
from components.ask_examples import examples, no_documents
from components.ask_history import open_history
from components.ask_state import AskState, ask_state, take_next
from components.empty_state import empty_state
from components.formats import counted
from components.page_header import page_header
from components.session import Session


def page(session: Session) -> None:
    if session.workspace is None or not session.may(Permission.ASK):
        page_header("Ask")
        empty_state(
            "There is no workspace in which you may ask",
            "Answers come from the documents of a workspace. Ask an administrator to add you to one.",
            key="ask-workspace",
            icon=":material/lock:",
        )
        return
    state = ask_state(session)
    take_next(session, state)
    state.follow()
    indexed = session.services.workspaces.count_indexed(session.actor, workspace_id=session.workspace_id)
    _header(session, state, indexed)
    if indexed == 0 and state.answer is None and state.running is None:
        no_documents(session)
        return
    with st.container():
        ask_box(state)
        mode_row(state)
    if state.question:
        answer_area(session, state)
    else:
        examples(session)


def _header(session: Session, state: AskState, indexed: int) -> None:
    line = f"From the {counted(indexed, 'document')} you may open" if indexed else "No document is indexed yet"
    with page_header("Ask", line):
        if st.button("History", icon=":material/history:", key="ask-history"):
            open_history(session)
        if st.button("New question", icon=":material/add:", key="ask-new", disabled=not state.question):
            state.forget()
            st.rerun()
