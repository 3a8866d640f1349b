"""Every error raised on purpose, grouped by what the caller can do about it.

A message says what happened and what to do, in one sentence that anybody may see: no document text, no personal data,
no secret. Ids go into `details`.
"""


class DafeError(Exception):
    """The root: catch it where errors are shown, nowhere else."""

    def __init__(self, message: str, **details: str | int | None) -> None:
        super().__init__(message)
        self.message = message
        self.details = details


class NotFoundError(DafeError):
    """What was asked for does not exist, or may not be seen by this actor: the two look alike on purpose."""


class ForbiddenError(DafeError):
    """The actor lacks a permission; asking again will not help."""


class NotSignedInError(DafeError):
    """There is no session, or it ended; sign in again."""


class InvalidInputError(DafeError):
    """The request or the file cannot be used as it is; change it."""


class ConflictError(DafeError):
    """The thing exists already or changed meanwhile; read again and decide."""


class BackendUnavailableError(DafeError):
    """A server or process did not answer; trying again later may help."""


class ModelOutputError(DafeError):
    """A language model did not answer in the agreed form; nothing of the answer was used."""


class MissingDependencyError(DafeError):
    """An optional package or program is not installed; the message names it."""


class ConfigurationError(DafeError):
    """A setting is wrong or unsafe; the message names it."""


class IntegrityError(DafeError):
    """Stored data does not match its proof (audit chain, key, checksum); stop and look."""


class CancelledError(DafeError):
    """The person stopped the work; what was kept is said in the message."""


FAILURES = (BackendUnavailableError, ModelOutputError, MissingDependencyError, ConfigurationError, IntegrityError)
"""Nothing that the caller did: whoever shows one logs it and names the reference of the line."""
