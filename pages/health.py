"""The Health page: every part of the installation and whether it works."""

from datetime import UTC, datetime

import streamlit as st

from app.domain.access import Permission
from components.empty_state import empty_state
from components.error_card import shows_errors
from components.formats import viewer_zone
from components.health_table import health_banner, health_table
from components.identity import refreshed
from components.model_card import model_card
from components.page_header import page_header, section
from components.session import Session

_AGAIN_AFTER_SECONDS = 60


def page(session: Session) -> None:
    if not session.may(Permission.MANAGE_SYSTEM):
        page_header("Health")
        empty_state(
            "You may not see the installation", "It is open to administrators.", key="health", icon=":material/lock:"
        )
        return
    _checks(session)


@st.fragment(run_every=_AGAIN_AFTER_SECONDS)
def _checks(session: Session) -> None:
    with st.container(gap=20), shows_errors("health"):
        session = refreshed(session)
        checks = session.services.health.checks(session.actor)
        now = datetime.now(UTC).astimezone(viewer_zone())
        with page_header("Health", f"Checked at {now:%H:%M:%S}, again every minute"):
            st.button("Run all checks", icon=":material/refresh:", key="health-again")
        health_banner(checks)
        health_table(checks)
        _model(session)


def _model(session: Session) -> None:
    section("Language model")
    result = session.services.health.probe(session.actor)
    with st.container(width=720, gap=12):
        model_card(result, set_by_hand=bool(session.services.settings.model_band))
        if result.model is not None and st.button("Test it again", icon=":material/science:", key="health-probe"):
            session.services.health.probe_again(session.actor)
            st.rerun(scope="fragment")
