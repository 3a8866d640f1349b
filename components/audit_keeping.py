"""How well the audit log is kept: sealed by whom it should be, and copied to the second device."""

from app.domain.audit import AuditStatus
from components.banner import banner
from components.formats import moment, number


def keeping_banner(status: AuditStatus) -> None:
    """Nothing is drawn while all is well."""
    if status.sealing:
        banner("warning", "The log is not being sealed.", status.sealing)
    if not status.second_device_ok:
        advice = "Everything goes on; what is written meanwhile is copied when it works again."
        banner("warning", "The second device does not keep up.", f"{status.second_device} {advice}")


def keeping_line(status: AuditStatus) -> str:
    """Plain text: how far, when, and whether the second device is in step."""
    if status.sealed_at is None:
        return "Not sealed yet."
    at = moment(status.sealed_at)
    sealed = f"Sealed to event {number(status.sealed_to)}, {at[0].lower()}{at[1:]}"
    return (
        f"{sealed}; the second device is in step." if status.second_device and status.second_device_ok else f"{sealed}."
    )
