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
        banner("warning", "It cannot be told whether the log is intact.", f"Verified {_at(last)}. {last.detail}")
    else:
        verified = f"Verified{' by itself' if last.by_itself else ''} {_at(last)}"
        line = plain(f"{verified}: sound up to event {number(last.verified_to)}.")
        st.markdown(f":gray[:material/verified_user: {line}]")


def _at(last: LastVerification) -> str:
    """ "today 03:12"."""
    at = moment(last.at)
    return f"{at[0].lower()}{at[1:]}"
