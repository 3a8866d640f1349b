"""What verifies the audit log, and what it found, as the health page and dafe doctor show it."""

from app.errors import IntegrityError
from app.installation import Installation
from app.services.audit_checks import AuditChecks
from app.services.health import Level, Part

VERIFICATION = "Audit verification"
_FIX = "Keep the data folder as it is, export the log, and compare it with the second device or the last export."


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
    return Part(VERIFICATION, Level.OPTIONAL, "", lambda: _look(checks, hours), _FIX)


def _look(checks: AuditChecks, hours: float) -> str:
    last = checks.last()
    if last is None:
        return f"Not verified yet; it is every {hours:g} hours." if hours else "Not verified yet, nor is it by itself."
    at = f"{last.at:%Y-%m-%d %H:%M} UTC"
    if last.ok is False:
        raise IntegrityError(f"The audit log was changed, as found at {at}: {last.detail}")
    if last.ok is None:
        return f"Verified at {at}: it cannot be told whether it is sound. {last.detail}"
    return f"Verified at {at}: sound up to event {last.verified_to:,}."
