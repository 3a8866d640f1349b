"""Passwords of local users: hashing, rules and generation."""

import re
import secrets

import bcrypt
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from app.errors import InvalidInputError

_BCRYPT = re.compile(r"\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}")
_BCRYPT_BYTES = 72
"""bcrypt reads no more of a password."""
SHORTEST = 12
LONGEST = 256
_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"
"""Without letters that look alike."""
_TOO_COMMON = frozenset(
    {
        "password1234",
        "passwordpassword",
        "123456789012",
        "1234567890123",
        "qwertyuiop12",
        "administrator",
        "adminadminadmin",
        "letmeinletmein",
        "changemechangeme",
        "welcome12345",
        "dafegraphs123",
    }
)


class Passwords:
    """argon2id (RFC 9106) with the library's parameters: 64 MiB, 3 passes, 4 lanes."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher()
        self._decoy: str | None = None

    def hash(self, password: str) -> str:
        return self._hasher.hash(password)

    def verify(self, password: str, password_hash: str | None) -> bool:
        """Whether it fits. None (no such user) is false after the same work, so that the time tells nothing."""
        if password_hash is None:
            if self._decoy is None:
                self._decoy = self._hasher.hash(secrets.token_hex(16))
            self._matches(password, self._decoy)
            return False
        return self._matches(password, password_hash)

    def _matches(self, password: str, password_hash: str) -> bool:
        if is_bcrypt(password_hash):
            return bcrypt.checkpw(password.encode()[:_BCRYPT_BYTES], password_hash.encode())
        try:
            return self._hasher.verify(password_hash, password[:LONGEST])
        except (VerificationError, InvalidHashError):
            return False


def is_bcrypt(text: str) -> bool:
    """Whether `text` is a bcrypt hash: such a one can only be imported, and is replaced at the first sign-in."""
    return _BCRYPT.fullmatch(text) is not None


def generate_password() -> str:
    """Four groups of five signs, 100 bits."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(5)) for _ in range(4))


def check_password(password: str, *, username: str) -> None:
    """Length and a list of common ones (NIST SP 800-63B, 5.1.1.2: no rules about kinds of signs).

    Raises InvalidInputError.
    """
    if not SHORTEST <= len(password) <= LONGEST:
        raise InvalidInputError(f"Choose a password of {SHORTEST} to {LONGEST} signs.")
    folded = password.casefold()
    if folded in _TOO_COMMON or len(set(folded)) < 5:
        raise InvalidInputError("This password is too easy to guess; choose another, such as four unrelated words.")
    if username and username.casefold() in folded:
        raise InvalidInputError("The password must not hold the user name; choose another.")
