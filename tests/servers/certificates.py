"""A certificate authority of the test session and server certificates by it, good or bad on purpose."""

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

_DAY = timedelta(days=1)
_UNUSED = ("content_commitment", "data_encipherment", "decipher_only", "digital_signature", "encipher_only")
_SIGNING = x509.KeyUsage(
    **dict.fromkeys((*_UNUSED, "key_agreement", "key_encipherment"), False), crl_sign=True, key_cert_sign=True
)


@dataclass(frozen=True)
class Certificate:
    """Two PEM files; `certificate` holds the authority's behind its own."""

    certificate: Path
    key: Path


class Authority:
    """`bundle` is the PEM file that those who trust it are given."""

    def __init__(self, folder: Path, *, name: str = "Test authority") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _named(name)
        made = (
            _builder(self._name, self._name, self._key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_SIGNING, critical=True)
            .sign(self._key, SHA256())
        )
        self._pem = made.public_bytes(Encoding.PEM)
        self.bundle = folder / "authority.pem"
        self.bundle.write_bytes(self._pem)

    def issue(
        self, name: str, *, hosts: tuple[str, ...] = ("localhost", "127.0.0.1"), expired: bool = False
    ) -> Certificate:
        """For a server with these names and addresses, in files that bear `name`."""
        key = ec.generate_private_key(ec.SECP256R1())
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        made = (
            _builder(_named(name), self._name, key, expired=expired)
            .add_extension(x509.SubjectAlternativeName([_general(host) for host in hosts]), critical=False)
            .add_extension(issuer, critical=False)
            .sign(self._key, SHA256())
        )
        issued = Certificate(self._folder / f"{name}.pem", self._folder / f"{name}.key")
        issued.certificate.write_bytes(made.public_bytes(Encoding.PEM) + self._pem)
        issued.key.touch(mode=0o600)
        issued.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return issued

    def server_context(self, host: str = "127.0.0.1", *, expired: bool = False, mutual: bool = False) -> ssl.SSLContext:
        """For a server in this process; with `mutual` it talks to those only whom this authority knows."""
        issued = self.issue(f"{host}{'-expired' if expired else ''}", hosts=(host,), expired=expired)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(issued.certificate, issued.key)
        if mutual:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.bundle)
        return context


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, *, expired: bool = False
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    first, last = (now - 3 * _DAY, now - 2 * _DAY) if expired else (now - _DAY, now + 7 * _DAY)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(first)
        .not_valid_after(last)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _general(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)
