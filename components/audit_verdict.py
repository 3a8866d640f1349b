"""What verifying the audit log found, as a banner."""

from dataclasses import dataclass
from datetime import datetime

from app.domain.audit import WHAT_TO_KEEP, AuditVerification
from app.services.audit_checks import sentence
from components.banner import banner
from components.formats import number, viewer_zone

_SHIELD = ":material/verified_user:"


@dataclass(frozen=True, slots=True)
class Verdict:
    result: AuditVerification
    at: datetime


def verdict_banner(verdict: Verdict) -> None:
    result, at = verdict.result, f"{verdict.at.astimezone(viewer_zone()):%H:%M}"
    if result.ok:
        line = f"All {number(result.events)} events were checked at {at} and none was changed, removed or added."
        banner("good", "The log is intact.", line, icon=_SHIELD)
    elif result.ok is None:
        banner("warning", "It cannot be told whether the log is intact.", result.doubt)
    else:
        banner("bad", "The log was changed.", f"{sentence(result)} {after_findings(result.verified_to)}")


def after_findings(verified_to: int) -> str:
    """What is sound all the same, and what to do."""
    sound = (
        ("", "Event 1 is sound. ")[verified_to] if verified_to < 2 else f"Events 1 to {number(verified_to)} are sound. "
    )
    return f"{sound}{WHAT_TO_KEEP}"
