"""Export of all facts of a workspace with their documents, pages and quotes."""

from functools import partial

import streamlit as st

from app.domain.access import Actor
from components.session import Session

_FORMATS = (
    ("csv", "CSV, for spreadsheets", "csv", "text/csv"),
    ("graphml", "GraphML, for graph tools", "graphml", "application/xml"),
    ("cypher", "Cypher, for Neo4j", "cypher", "text/plain"),
    ("jsonld", "JSON-LD, with provenance", "jsonld", "application/ld+json"),
)


def graph_export(session: Session) -> None:
    """A button a format; the file is made, and recorded in the audit log, when one is pressed."""
    with st.popover("Export", icon=":material/download:", key="graph-export"), st.container(gap=8):
        st.markdown(":gray[All facts of this workspace, each with document, page and quote.]")
        for name, label, ending, mime in _FORMATS:
            st.download_button(
                label,
                data=partial(_export, session, name),
                file_name=f"facts.{ending}",
                mime=mime,
                on_click="ignore",
                key=f"graph-export-{name}",
                type="tertiary",
            )


def _export(session: Session, name: str) -> bytes:
    actor = _actor_now(session)
    return session.services.graph.export(actor, workspace_id=session.workspace_id, format=name)


def _actor_now(session: Session) -> Actor:
    """With the rights of this moment: the page may have been drawn long before the button is pressed."""
    if session.actor.session_id is None:
        return session.actor
    return session.services.sessions.actor_for_session(session.actor.session_id, address=session.actor.address)
