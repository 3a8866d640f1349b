"""The Home page: what is here, what is running, what to do next."""

from collections.abc import Sequence

import streamlit as st

from app.domain.access import Permission
from app.domain.answers import AskedQuestion
from app.services.workspaces import WorkspaceSummary
from components.empty_state import empty_state
from components.formats import counted, moment, plain
from components.navigation import go_to
from components.next_steps import Step, next_steps
from components.page_header import page_header, section
from components.progress_card import progress_card
from components.session import Session
from components.tables import key_values
from components.words import answer_word
from components.workspace_overview import workspace_metrics, workspace_state

_MOST_RECENT = 5
_READ_HISTORY = 100
_LOOK_EVERY_SECONDS = 3.0
"""Home stays open on many screens; who waits for a document has the Documents page."""


def page(session: Session) -> None:
    if session.workspace is None:
        _without_workspace(session)
        return
    summary = session.services.workspaces.summary(session.actor, workspace_id=session.workspace.id)
    asked = session.services.questions.history(session.actor, workspace_id=session.workspace.id, limit=_READ_HISTORY)
    _header(session, summary)
    workspace_metrics(summary, asked)
    left, right = st.columns([1.42, 1], gap=32)
    with left:
        section("Next for you")
        step = next_steps(_steps(session, summary, asked))
        if asked:
            section("Recent questions")
            rows = [(plain(one.text), answer_word(one.answer).badge) for one in asked[:_MOST_RECENT]]
            key_values(rows, alt="Your newest questions and how well their answers are supported")
    with right:
        section("Running now")
        progress_card(session, key="home", heading="", every_seconds=_LOOK_EVERY_SECONDS, page_shows_stages=False)
        section("This workspace")
        workspace_state(session, summary)
    if step:
        go_to(step.path, **dict(step.query))


def _without_workspace(session: Session) -> None:
    page_header("Home", f"Signed in as {session.actor.name}")
    manages = session.may(Permission.MANAGE_WORKSPACES)
    line = (
        "Workspaces hold documents. Add one, and add people to it."
        if manages
        else "Ask an administrator to add you to one; then its documents, facts and questions appear here."
    )
    words = "Open workspaces" if manages else ""
    if empty_state(
        "You are in no workspace yet", line, key="workspace", primary=words, icon=":material/folder_shared:"
    ):
        go_to("workspaces")


def _header(session: Session, summary: WorkspaceSummary) -> None:
    changed = f", last changed {_lower(moment(summary.updated_at))}" if summary.updated_at else ""
    name = session.workspace.name if session.workspace else ""
    with page_header(name, counted(summary.documents, "document") + changed):
        add = session.may(Permission.WRITE) and st.button("Add documents", icon=":material/upload:")
        ask = session.may(Permission.ASK) and st.button("Ask a question", icon=":material/forum:", type="primary")
    if add:
        go_to("documents", add="1")
    if ask:
        go_to("ask")


def _steps(session: Session, summary: WorkspaceSummary, asked: Sequence[AskedQuestion]) -> list[Step]:
    steps = []
    if summary.attention and session.may(Permission.WRITE):
        title = f"Look at {counted(summary.attention, 'document')} that could not be indexed"
        query = (("show", "attention"),)
        steps.append(Step("error", title, "Each says what happened and what to do.", "Look", "documents", query))
    if not summary.documents and session.may(Permission.WRITE):
        line = "PDF, Word, Excel, e-mail, HL7, FHIR and more, or samples."
        steps.append(Step("upload", "Add your first documents", line, "Add", "documents", (("add", "1"),)))
    if summary.indexed and not asked:
        line = "Every sentence of the answer opens the place where it is written."
        steps.append(Step("forum", "Ask your first question", line, "Ask", "ask"))
    if summary.triples:
        line = f"Follow {counted(summary.triples, 'fact')} from one person or thing to the next."
        steps.append(Step("hub", "See how things are connected", line, "Explore", "graph"))
    if summary.indexed and asked:
        steps.append(Step("forum", "Ask another question", "Your last questions are below.", "Ask", "ask"))
    steps.append(Step("menu_book", "Read the guide", "How answers are made, and how to check them.", "Read", "help"))
    return steps


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
