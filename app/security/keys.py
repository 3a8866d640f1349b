"""The installation's secret: made at first start, kept in one owner-only file, split into one key per use."""

import os
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from app.errors import BackendUnavailableError, ConfigurationError, IntegrityError

_SECRET_BYTES = 32


@dataclass(frozen=True, slots=True, repr=False)
class Keys:
    """Each derived from the one secret by HKDF-SHA256 (RFC 5869) under its own label; 32 bytes each."""

    database: bytes
    files: bytes
    cache: bytes
    ids: bytes
    audit_mac: bytes
    sign_in: bytes
    """For keyed hashes of usernames and addresses in the counters of failed sign-ins."""
    tokens: bytes
    fields: bytes
    """For texts that are sealed before they go to a database server."""


def load_keys(path: Path, *, may_create: bool) -> Keys:
    """Read the key file, or make it when it is not there and `may_create` says that no data exists yet.

    Raises IntegrityError when data exists without its key, ConfigurationError when others may read the file.
    """
    return _split(load_secret(path, may_create=may_create))


def load_secret(path: Path, *, may_create: bool) -> bytes:
    """The 32 bytes of one owner-only file, made when it is not there and may be; raises as `load_keys` does."""
    try:
        return _read(path) if path.exists() else _create(path, may_create=may_create)
    except OSError as error:
        raise BackendUnavailableError(f"The key file {path} cannot be used: {error.strerror}.") from error


def _read(path: Path) -> bytes:
    mode = path.stat().st_mode
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConfigurationError(f"The key file {path} can be read by others: run chmod 600 on it and start again.")
    try:
        secret = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except ValueError:
        secret = b""
    if len(secret) != _SECRET_BYTES:
        raise IntegrityError(f"The key file {path} is damaged: restore it from where you keep its copy.")
    return secret


def _create(path: Path, *, may_create: bool) -> bytes:
    if not may_create:
        raise IntegrityError(
            f"The data folder holds data but its key file {path} is missing: put the key file back; without it nothing"
            " can be read."
        )
    secret = secrets.token_bytes(_SECRET_BYTES)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secret.hex() + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(beside, path)
        except FileExistsError:
            return _read(path)
    finally:
        beside.unlink(missing_ok=True)
    return secret


def _split(secret: bytes) -> Keys:
    def derive(label: str) -> bytes:
        return HKDF(algorithm=SHA256(), length=32, salt=None, info=f"dafe/{label}/1".encode()).derive(secret)

    return Keys(
        database=derive("database"),
        files=derive("files"),
        cache=derive("cache"),
        ids=derive("ids"),
        audit_mac=derive("audit-mac"),
        sign_in=derive("sign-in"),
        tokens=derive("tokens"),
        fields=derive("fields"),
    )
