"""What verifies the audit log, and what it found, as the health page and dafe doctor show it."""

from datetime import UTC, datetime, timedelta

from app.domain.audit import LOG_CHANGED, WHAT_TO_KEEP
from app.errors import BackendUnavailableError, IntegrityError
from app.installation import Installation
from app.services.audit_checks import AuditChecks
from app.services.health import Level, Part

VERIFICATION = "Audit verification"
_OVERDUE = 2
"""Times the interval after which the last sound verification is too old."""


def checks_of(installation: Installation) -> AuditChecks:
    return AuditChecks(
        log=installation.log,
        keys=installation.keys,
        seals=installation.seals,
        folder=installation.settings.data_dir,
        metadata=installation.metadata,
    )


def verification_part(installation: Installation) -> Part:
    """Optional: with a log that was changed everything goes on, and people are to be told."""
    checks, hours = checks_of(installation), installation.settings.audit_verify_hours
    return Part(VERIFICATION, Level.OPTIONAL, "", lambda: _look(checks, hours), "")


def _look(checks: AuditChecks, hours: float) -> str:
    last = checks.last()
    at = f"{last.at:%Y-%m-%d %H:%M} UTC" if last else ""
    if last is not None and last.ok is False:
        raise IntegrityError(f"{LOG_CHANGED}, as found at {at}: {last.detail} {WHAT_TO_KEEP}")
    if last is not None and last.ok is None:
        raise BackendUnavailableError(
            f"Verified at {at}: it cannot be told whether the log is sound. {last.detail} Run dafe audit verify."
        )
    since = last.sound_at if last else checks.due_since()
    if hours and since is not None and datetime.now(UTC) - since > _OVERDUE * timedelta(hours=hours):
        raise BackendUnavailableError(
            f"Not found sound since {since:%Y-%m-%d %H:%M} UTC, although it is verified every {hours:g} hours: see"
            " dafe jobs list, and run dafe audit verify."
        )
    when = f"it is every {hours:g} hours" if hours else "it is not by itself"
    return (
        f"Verified at {at}: sound up to event {last.verified_to:,}; {when}." if last else f"Not verified yet; {when}."
    )
