"""The row of filters above the audit log."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time

import streamlit as st

from app.domain.audit import Outcome
from components.audit_words import ACTION
from components.formats import viewer_zone

_DATE = (r"^(\d{4}-\d{2}-\d{2})?$", "Write the date as 2026-11-22.")
_FINISHED = (Outcome.DONE, Outcome.REFUSED, Outcome.FAILED)
_RESULTS: dict[str, tuple[Outcome, ...]] = {
    "Any result": _FINISHED,
    "Allowed": (Outcome.DONE,),
    "Refused": (Outcome.REFUSED,),
    "Failed": (Outcome.FAILED,),
    "Begun": (Outcome.INTENT,),
}
_PAGE = "audit-page"


@dataclass(frozen=True, slots=True)
class AuditFilters:
    """What is to be listed; times are those of the viewer's day."""

    person: str
    actions: tuple[str, ...]
    outcomes: tuple[Outcome, ...]
    since: datetime | None
    until: datetime | None


def audit_filters(people: Mapping[str, str]) -> AuditFilters:
    with st.container(horizontal=True, vertical_alignment="bottom", gap=15):
        by_name = sorted(people, key=lambda one: people[one].casefold())
        person = st.selectbox(
            "Person",
            ["", *by_name, "operator", "unknown"],
            format_func=lambda one: people.get(one) or {"": "Anyone", "operator": "Operator"}.get(one, "Unknown user"),
            key="audit-person",
            width=180,
            on_change=_first_page,
        )
        action = st.selectbox(
            "Action",
            ["", *sorted(ACTION, key=lambda one: ACTION[one])],
            format_func=lambda one: ACTION[one] if one else "Any action",
            key="audit-action",
            width=210,
            on_change=_first_page,
        )
        since, until = _day("From"), _day("To")
        result = st.selectbox(
            "Result",
            list(_RESULTS),
            key="audit-result",
            width=150,
            on_change=_first_page,
            help="A change is written when it begins and again when it ends; beginnings are listed under Begun.",
        )
    return AuditFilters(
        person=person or "",
        actions=(action,) if action else (),
        outcomes=_RESULTS[result or "Any result"],
        since=datetime.combine(since, time.min, viewer_zone()).astimezone() if since else None,
        until=datetime.combine(until, time.max, viewer_zone()).astimezone() if until else None,
    )


def _day(label: str) -> date | None:
    text = st.text_input(
        label,
        key=f"audit-{label.lower()}",
        placeholder="YYYY-MM-DD",
        width=130,
        validate=_DATE,
        on_change=_first_page,
    )
    try:
        return date.fromisoformat((text or "").strip()) if text else None
    except ValueError:
        return None


def _first_page() -> None:
    st.session_state.pop(_PAGE, None)
