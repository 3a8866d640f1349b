"""Export of all facts of a workspace with their documents, pages and quotes."""

from functools import partial

import streamlit as st

from app.domain.access import Actor
from app.domain.jobs import JobState
from app.services.exports import ExportState
from components.error_card import shows_errors
from components.formats import day_and_time, plain
from components.identity import refreshed
from components.progress_card import progress_share
from components.session import Session

_EVERY_SECONDS = 1.5
_FORMATS = (
    ("csv", "CSV", "for spreadsheets", "text/csv"),
    ("graphml", "GraphML", "for graph tools", "application/xml"),
    ("cypher", "Cypher", "for Neo4j", "text/plain"),
    ("jsonld", "JSON-LD", "with provenance", "application/ld+json"),
)


def graph_export(session: Session) -> None:
    """A button a format has its file made; then another one hands it out, which is recorded in the audit log."""
    with st.popover("Export", icon=":material/download:", key="graph-export"), st.container(gap=8):
        st.markdown(":gray[All facts of this workspace, each with document, page and quote.]")
        drawn = _states(session)
        waits = any(not one.job.state.finished for one in drawn.values())

        def body() -> None:
            with shows_errors("export"):
                current = refreshed(session)
                states = _states(current)
                if waits and all(one.job.state.finished for one in states.values()):
                    st.rerun()
                for name, label, purpose, mime in _FORMATS:
                    state = states.get(name)
                    if state is not None and not state.job.state.finished:
                        _running(current, state, label)
                        continue
                    if state is not None:
                        _ended(current, state, label, mime)
                    words = f"Make {label} anew" if state is not None and state.until else f"{label}, {purpose}"
                    if st.button(words, key=f"graph-export-{name}", type="tertiary"):
                        current.services.exports.start(current.actor, workspace_id=current.workspace_id, format=name)
                        st.rerun()

        st.fragment(body, run_every=_EVERY_SECONDS if waits else None)()


def _states(session: Session) -> dict[str, ExportState]:
    found = session.services.exports.list(session.actor, workspace_id=session.workspace_id)
    return {one.format: one for one in found}


def _ended(session: Session, state: ExportState, label: str, mime: str) -> None:
    if state.until is not None:
        st.download_button(
            f"Download {label}",
            data=partial(_content, session, state),
            file_name=f"facts.{state.format}",
            mime=mime,
            on_click="ignore",
            key=f"graph-export-file-{state.format}",
            icon=":material/download:",
            help=f"Made for you, kept until {day_and_time(state.until)}.",
        )
    elif state.job.error:
        st.markdown(f":red[{plain(state.job.error)}]")


def _running(session: Session, state: ExportState, label: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        words = "waits for its turn" if state.job.state is JobState.WAITING else "is being made"
        st.progress(progress_share(state.job), text=f"{label} {words}")
        if st.button("Stop", key=f"graph-export-stop-{state.format}", type="tertiary", icon=":material/stop_circle:"):
            session.services.jobs.stop(session.actor, workspace_id=session.workspace_id, job_id=state.job.id)
            st.rerun()


def _content(session: Session, state: ExportState) -> bytes:
    actor = _actor_now(session)
    exports = session.services.exports
    return exports.download(actor, workspace_id=session.workspace_id, export_id=state.job.id).content


def _actor_now(session: Session) -> Actor:
    """With the rights of this moment: the page may have been drawn long before the button is pressed."""
    if session.actor.session_id is None:
        return session.actor
    return session.services.sessions.actor_for_session(session.actor.session_id, address=session.actor.address)
