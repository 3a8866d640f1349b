"""The Audit log page: read, filter, verify and export the log."""

from datetime import UTC, datetime
from functools import partial
from io import BytesIO

import streamlit as st

from app.domain.access import Permission
from app.domain.audit import LastVerification
from app.services.audit import AuditPage
from components.audit_checked import checked_banner
from components.audit_filters import AuditFilters, audit_filters
from components.audit_keeping import keeping_banner, keeping_line
from components.audit_table import audit_table
from components.audit_verdict import Verdict, verdict_banner
from components.empty_state import empty_state
from components.error_card import shows_errors
from components.formats import counted, day, number, plain
from components.identity import refreshed
from components.page_header import page_header
from components.session import Session

_ROWS = 12
_PAGE, _VERDICT = "audit-page", "audit-verdict"


def page(session: Session) -> None:
    if not session.may(Permission.AUDIT):
        page_header("Audit log")
        line = "It is open to compliance officers and administrators."
        empty_state("You may not read the audit log", line, key="audit", icon=":material/lock:")
        return
    _log(session)


@st.fragment
def _log(session: Session) -> None:
    """Filtering and verifying draw this anew and nothing else."""
    with st.container(gap=20), shows_errors("audit"):
        session = refreshed(session)
        people = session.services.audit.people(session.actor)
        top = st.container(gap=20)
        filters = audit_filters(people)
        found = _find(session, filters)
        with top:
            verdict = _header(session, found)
            status = session.services.audit.status(session.actor)
            _verification(verdict, status.last_verification)
            keeping_banner(status)
        if not found.events:
            empty_state(
                "No event fits", "Take a filter away or widen the dates.", key="audit", icon=":material/search_off:"
            )
            return
        names = {str(one.id): one.name for one in session.services.workspaces.list(session.actor)}
        audit_table(found.events, people=people, workspaces=names)
        _pages(found, keeping_line(status))


def _find(session: Session, filters: AuditFilters) -> AuditPage:
    return session.services.audit.list(
        session.actor,
        actor_id=filters.person,
        actions=filters.actions,
        outcomes=filters.outcomes,
        since=filters.since,
        until=filters.until,
        page=st.session_state.get(_PAGE, 1),
        page_size=_ROWS,
    )


def _header(session: Session, found: AuditPage) -> Verdict | None:
    """What verifying by the button found in this session."""
    line = f"{counted(found.kept, 'event')} since {day(found.since)}" if found.since else "No event yet"
    with page_header("Audit log", line):
        st.download_button(
            "Export",
            data=partial(_export, session),
            file_name=f"audit-{datetime.now(UTC):%Y-%m-%d}.zip",
            mime="application/zip",
            icon=":material/download:",
            on_click="ignore",
            key="audit-export",
            help="Every event as it was written, the signed seals, and a program that verifies them anywhere.",
        )
        verify = st.button("Verify the log", type="primary", icon=":material/verified_user:", key="audit-verify")
    if verify:
        result = session.services.audit.verify(session.actor)
        st.session_state[_VERDICT] = Verdict(result, datetime.now(UTC))
    verdict = st.session_state.get(_VERDICT)
    return verdict if isinstance(verdict, Verdict) else None


def _verification(verdict: Verdict | None, last: LastVerification | None) -> None:
    """The newest, and beside it an older finding, which one that could not tell leaves as it is."""
    if verdict is not None and (last is None or last.at <= verdict.at):
        verdict_banner(verdict)
        if verdict.result.ok is False or last is None or last.ok is not False:
            return
    if last is not None:
        checked_banner(last)


def _pages(found: AuditPage, kept: str) -> None:
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.markdown(f":gray[{number(len(found.events))} of {counted(found.total, 'event')}. {plain(kept)}]")
        pages = -(-found.total // _ROWS)
        if pages > 1:
            st.pagination(pages, key=_PAGE)


def _export(session: Session) -> bytes:
    """Runs when the button is pressed, with the rights of that moment."""
    actor = session.actor
    if actor.session_id is not None:
        actor = session.services.sessions.actor_for_session(actor.session_id, address=actor.address)
    content = BytesIO()
    session.services.audit.export(actor, content)
    return content.getvalue()
