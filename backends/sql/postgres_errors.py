"""The errors of PostgreSQL and its client as ours."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import IntegrityError as ConstraintError
from sqlalchemy.exc import TimeoutError as NoConnectionLeftError

from app.errors import BackendUnavailableError, ConfigurationError, DafeError, IntegrityError, InvalidInputError
from backends.sql.fields import invalid_text

_TOO_MANY = "Too many use the database at this moment: try again."
_BUSY = "The database is busy with another process: try again in a moment."
_AWAY = "PostgreSQL did not answer as it should: check that it runs at the configured address, and try again."
_CLOSED = "PostgreSQL keeps this user or machine out: add a hostssl line with scram-sha-256 to its pg_hba.conf."
_UNSAFE = "PostgreSQL asks for the password in an unsafe way: set scram-sha-256 in its configuration and pg_hba.conf."
_COPY = (
    "This PostgreSQL server is a copy that cannot be written: give the host of the one that can, or wait until it takes"
    " over."
)
_UNTRUSTED = (
    "The certificate of the PostgreSQL server is not trusted or has expired: renew it, or name its authority in the"
    " ca_bundle of the database's settings."
)
_BY_STATE: dict[str, tuple[type[DafeError], str]] = {
    "40001": (BackendUnavailableError, _BUSY),
    "40P01": (BackendUnavailableError, _BUSY),
    "55P03": (BackendUnavailableError, _BUSY),
    "53300": (BackendUnavailableError, _TOO_MANY),
    "53100": (
        BackendUnavailableError,
        "The disk of the PostgreSQL server is full: free some room there; nothing was changed.",
    ),
    "42501": (
        ConfigurationError,
        "The user of PostgreSQL may not use or make the tables: make it the owner of the database.",
    ),
    "25006": (BackendUnavailableError, _COPY),
    "25P03": (BackendUnavailableError, "PostgreSQL ended a transaction that stood still for too long: try again."),
    "XX001": (IntegrityError, "PostgreSQL found its files damaged: restore the database from a backup."),
    "XX002": (IntegrityError, "PostgreSQL found its files damaged: restore the database from a backup."),
}
"""By SQLSTATE, as PostgreSQL's manual lists them."""
_BY_TEXT: dict[str, tuple[type[DafeError], str]] = {
    "password authentication failed": (
        ConfigurationError,
        "PostgreSQL refused the user or the password: correct them in the settings.",
    ),
    "no password supplied": (ConfigurationError, "PostgreSQL asks for a password: give it in the settings."),
    "no pg_hba.conf entry": (ConfigurationError, _CLOSED),
    "authentication method requirement": (ConfigurationError, _UNSAFE),
    "certificate verify failed": (ConfigurationError, _UNTRUSTED),
    "does not match host name": (
        ConfigurationError,
        "The certificate of the PostgreSQL server is for another host: give as host the name that stands in it.",
    ),
    "root certificate": (ConfigurationError, "The ca_bundle for PostgreSQL cannot be read: correct its path."),
    "does not support SSL": (ConfigurationError, "The PostgreSQL server offers no TLS: turn its setting ssl on."),
    "session is read-only": (BackendUnavailableError, _COPY),
    "protocol version": (ConfigurationError, "The PostgreSQL server does not offer TLS 1.3: renew it."),
    "does not exist": (
        ConfigurationError,
        "PostgreSQL has no such database: make it, or correct the settings.",
    ),
    "too many connections": (BackendUnavailableError, _TOO_MANY),
    "too many clients": (BackendUnavailableError, _TOO_MANY),
    "remaining connection slots": (BackendUnavailableError, _TOO_MANY),
}
"""What refused a connection comes without SQLSTATE; in another language than English it is only said to be away."""


@contextmanager
def translated_errors(timeout_seconds: float) -> Iterator[None]:
    """Broken constraints stay SQLAlchemy's, without the values that PostgreSQL names with them."""
    try:
        yield
    except ConstraintError as error:
        raise _without_values(error) from None
    except DBAPIError as error:
        raise _translate(error.orig, timeout_seconds) from error
    except NoConnectionLeftError as error:
        raise BackendUnavailableError(_TOO_MANY) from error
    except UnicodeEncodeError:
        # Without the cause: it carries the text.
        raise invalid_text() from None


def _without_values(error: ConstraintError) -> ConstraintError:
    first_line = str(error.orig).partition("\n")[0]
    return ConstraintError(None, None, psycopg.IntegrityError(first_line))


def _translate(error: BaseException | None, timeout_seconds: float) -> DafeError:
    state, text = getattr(error, "sqlstate", None), str(error)
    if state == "57014":
        return BackendUnavailableError(
            f"The database needed longer than {timeout_seconds:g} seconds: try again, or raise timeout_seconds in its"
            " settings."
        )
    if state in {"22021", "22P05"} or (state is None and isinstance(error, psycopg.DataError)):
        return InvalidInputError("The text holds characters that PostgreSQL cannot keep: remove them.")
    if state in _BY_STATE:
        kind, sentence = _BY_STATE[state]
        return kind(sentence)
    if state is not None and not state.startswith(("08", "57P")):
        return BackendUnavailableError("The database did not do what was asked: run dafe doctor and look at the log.")
    for part, (kind, sentence) in _BY_TEXT.items():
        if state is None and part in text:
            return kind(sentence)
    return BackendUnavailableError(_AWAY)
