"""Which servers are trusted, how we show who we are, and what is wrong where a certificate is refused."""

import ssl
from pathlib import Path

from pydantic import Field, model_validator

from app.errors import ConfigurationError
from backends.settings import BackendSettings

_EXPIRED, _OTHER_HOST, _OTHER_ADDRESS = 10, 62, 64
"""OpenSSL's numbers (X509_V_ERR_…)."""
_OURS_REFUSED = frozenset(
    "TLSV13_ALERT_CERTIFICATE_REQUIRED SSLV3_ALERT_HANDSHAKE_FAILURE TLSV1_ALERT_UNKNOWN_CA"
    " SSLV3_ALERT_BAD_CERTIFICATE SSLV3_ALERT_UNSUPPORTED_CERTIFICATE SSLV3_ALERT_CERTIFICATE_REVOKED"
    " SSLV3_ALERT_CERTIFICATE_EXPIRED SSLV3_ALERT_CERTIFICATE_UNKNOWN".split()
)
"""What OpenSSL calls a server's alerts about the certificate that we showed it, or about none (RFC 8446, 6.2)."""


class TlsSettings(BackendSettings):
    """Of a server that is reached over HTTPS."""

    ca_bundle: Path | None = Field(default=None, description="Certificates to trust instead of the system's.")
    client_certificate: Path | None = Field(
        default=None, description="PEM file that tells the server who we are, where it asks (mutual TLS)."
    )
    client_key: Path | None = Field(
        default=None, description="Its key, without a password, where that has a file of its own."
    )

    @model_validator(mode="after")
    def _refuse_key_alone(self) -> "TlsSettings":
        if self.client_key is not None and self.client_certificate is None:
            raise ValueError("name the client_certificate that client_key belongs to")
        return self


def tls_context(tls: TlsSettings, *, settings: str) -> ssl.SSLContext:
    """`settings` is what an error calls them. Raises ConfigurationError for files that cannot be used."""
    context = trusted_certificates(tls.ca_bundle, settings=settings)
    if tls.client_certificate is not None:
        try:
            context.load_cert_chain(tls.client_certificate, tls.client_key, password=lambda: b"")
        except OSError as error:
            raise ConfigurationError(
                f"The client_certificate of the {settings} settings, or its key, cannot be used: give PEM files that"
                " belong together, the key without a password."
            ) from error
    return context


def trusted_certificates(ca_bundle: Path | None, *, settings: str) -> ssl.SSLContext:
    """Those of the bundle instead of the system's, where one is named; `settings` is what an error calls them."""
    try:
        return ssl.create_default_context(cafile=ca_bundle)
    except OSError as error:
        said = f"The ca_bundle of the {settings} settings cannot be read: correct its path."
        raise ConfigurationError(said) from error


def certificate_error(server: str, error: BaseException, *, settings: str) -> ConfigurationError | None:
    """What to say when `error` comes from a certificate that was refused, theirs or ours, else None."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLError):
        cause = cause.__cause__ or cause.__context__
    if cause is not None and cause.reason in _OURS_REFUSED:
        return ConfigurationError(
            f"The {server} server does not accept who we are: name a certificate that it trusts as client_certificate"
            f" of the {settings} settings."
        )
    if not isinstance(cause, ssl.SSLCertVerificationError):
        return None
    said = f"The certificate of the {server} server"
    if cause.verify_code == _EXPIRED:
        return ConfigurationError(f"{said} has expired: renew it there.")
    if cause.verify_code in {_OTHER_HOST, _OTHER_ADDRESS}:
        return ConfigurationError(f"{said} is for another host: use the name it bears in the {settings} settings.")
    return ConfigurationError(f"{said} is not trusted: name who signed it in ca_bundle of the {settings} settings.")
