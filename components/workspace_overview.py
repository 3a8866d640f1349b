"""A workspace in numbers and states, as Home shows it."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import streamlit as st

from app.domain.answers import AskedQuestion
from app.domain.models import Band
from app.services.workspaces import WorkspaceSummary
from components.formats import counted, number
from components.session import Session
from components.tables import key_values
from components.words import NOT_SET_UP, NOTHING_INDEXED, ROLE, WORKING

_WEEK = timedelta(days=7)
_FACTS = {
    Band.MODEL_LED: "Language model, checked",
    Band.RULES_AND_MODEL: "Rules and language model",
    Band.RULES_ONLY: "Rules, checked in the text",
}


def workspace_metrics(summary: WorkspaceSummary, asked: Sequence[AskedQuestion]) -> None:
    since = datetime.now(UTC) - _WEEK
    recent = [one for one in asked if one.asked_at >= since]
    refused = sum(one.answer.refused for one in recent)
    figures = (
        ("Documents", summary.documents, f"{number(summary.indexed)} indexed"),
        ("Facts with a quote", summary.triples, counted(summary.entities, "entity", "entities")),
        ("Passages", summary.chunks, f"on {counted(summary.pages, 'page')}"),
        ("Asked this week", len(recent), f"{number(refused)} not in documents"),
    )
    with st.grid(4, min_column_width=150):
        for label, value, note in figures:
            st.metric(label, number(value), note, border=True, delta_color="off", delta_arrow="off")


def workspace_state(session: Session, summary: WorkspaceSummary) -> None:
    probe = session.services.health.probe(session.actor)
    role = session.actor.memberships.get(session.workspace_id)
    rows = [
        ("Search and answers", (WORKING if summary.indexed else NOTHING_INDEXED).badge),
        ("Language model", (NOT_SET_UP if probe.model is None else WORKING).badge),
        ("Facts come from", _FACTS[probe.band]),
        ("Your role here", ROLE[role] if role else "–"),
    ]
    key_values(rows, alt="State of this workspace")
