"""What verifying the audit log came to the last time, whoever asked for it."""

import streamlit as st

from app.domain.audit import LastVerification
from components.audit_verdict import after_findings
from components.banner import banner
from components.formats import moment, number, plain


def checked_banner(last: LastVerification) -> None:
    """One gray line while the log is sound."""
    if last.ok is False:
        banner("bad", "The log was changed.", f"Found {_at(last)}. {last.detail} {after_findings(last.verified_to)}")
    elif last.ok is None:
        banner(
            "warning",
            "It cannot be told whether the log is intact.",
            f"Verified {_at(last)}. {last.detail} Verify it again.",
        )
    else:
        verified = f"Verified{' by itself' if last.by_itself else ''} {_at(last)}, sound up to event"
        line = plain(f"{verified} {number(last.verified_to)}. {_complete(last)}")
        st.markdown(f":gray[:material/verified_user: {line}]")


def _complete(last: LastVerification) -> str:
    """When every event was read: day by day only the new ones are."""
    if last.complete_at is None:
        return "Verify the log to have every event read."
    return f"Every event was last read {_lower(moment(last.complete_at))}."


def _at(last: LastVerification) -> str:
    """ "today 03:12"."""
    return _lower(moment(last.at))


def _lower(text: str) -> str:
    return f"{text[0].lower()}{text[1:]}"
