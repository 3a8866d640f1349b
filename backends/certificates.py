"""Which servers are trusted, and what is wrong with a certificate that is not."""

import ssl
from pathlib import Path

from app.errors import ConfigurationError

_EXPIRED, _OTHER_HOST, _OTHER_ADDRESS = 10, 62, 64
"""OpenSSL's numbers (X509_V_ERR_…)."""


def trusted_certificates(ca_bundle: Path | None, *, settings: str) -> ssl.SSLContext:
    """Those of the bundle instead of the system's, where one is named; `settings` is what an error calls them."""
    try:
        return ssl.create_default_context(cafile=ca_bundle)
    except OSError as error:
        said = f"The ca_bundle of the {settings} settings cannot be read: correct its path."
        raise ConfigurationError(said) from error


def certificate_error(server: str, error: BaseException, *, settings: str) -> ConfigurationError | None:
    """What to say when `error` comes from a certificate that was refused, else None."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLCertVerificationError):
        cause = cause.__cause__ or cause.__context__
    if cause is None:
        return None
    said = f"The certificate of the {server} server"
    if cause.verify_code == _EXPIRED:
        return ConfigurationError(f"{said} has expired: renew it there.")
    if cause.verify_code in {_OTHER_HOST, _OTHER_ADDRESS}:
        return ConfigurationError(f"{said} is for another host: use the name it bears in the {settings} settings.")
    return ConfigurationError(f"{said} is not trusted: name who signed it in ca_bundle of the {settings} settings.")
