"""The Documents page of a workspace without documents."""

import streamlit as st

from app.domain.access import Permission
from components.empty_state import empty_state
from components.formats import counted
from components.notice import leave_notice
from components.session import Session


def documents_empty(session: Session) -> bool:
    """Whether somebody wants to add documents; the samples are added here."""
    may_write = session.may(Permission.WRITE)
    samples = [one for one in session.services.samples.list(session.actor) if may_write]
    ontology = session.workspace.ontology if session.workspace else ""
    fitting = next((one for one in samples if one.ontology == ontology), samples[0] if samples else None)
    choice = empty_state(
        "No documents yet",
        "Add reports, letters, guidelines or tables: their facts and answers appear here, each with its source.",
        key="documents",
        primary="Add documents" if may_write else "",
        second=f"Add {counted(len(fitting.files), 'sample document')}" if fitting else "",
        icon=":material/description:",
    )
    if choice == "second" and fitting:
        uploaded = session.services.samples.load(session.actor, workspace_id=session.workspace_id, name=fitting.name)
        leave_notice(
            f"{counted(len(uploaded), 'sample document')} were added. They can be searched once they are indexed."
        )
        st.rerun()
    return choice == "primary"
