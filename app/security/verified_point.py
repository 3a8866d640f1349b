"""Remembers how far the audit log was verified, so that the next time can begin there and a log cut since is found."""

import hmac
import json
import os
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from app.domain.audit import timestamp
from app.errors import IntegrityError
from app.security.audit_chain import canonical

_DOMAIN = b"dafe-audit-verified-v1\0"


@dataclass(frozen=True, slots=True)
class VerifiedPoint:
    """The last event of a log that was found intact, and the last checkpoint: 0 and GENESIS when there was none."""

    seq: int
    head: str
    checkpoint: int
    checkpoint_hash: str
    at: datetime


class VerifiedPoints:
    """One file, carrying a keyed checksum."""

    def __init__(self, path: Path, *, key: bytes) -> None:
        self._path = path
        self._key = key

    def last(self) -> VerifiedPoint | None:
        """Raises IntegrityError when the file is not as it was written."""
        try:
            stored = json.loads(self._path.read_text(encoding="ascii"))
            body = stored["body"]
            if not hmac.compare_digest(self._checksum(body), stored["mac"]):
                raise ValueError
            point = json.loads(body)
            return VerifiedPoint(**{**point, "at": datetime.fromisoformat(point["at"])})
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise IntegrityError("The note of how far the audit log was verified is not as it was written.") from error

    def save(self, point: VerifiedPoint) -> None:
        """Raises OSError."""
        body = canonical(
            {
                "seq": point.seq,
                "head": point.head,
                "checkpoint": point.checkpoint,
                "checkpoint_hash": point.checkpoint_hash,
                "at": timestamp(point.at),
            }
        )
        beside = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        beside.write_text(canonical({"body": body, "mac": self._checksum(body)}), encoding="ascii")
        beside.chmod(0o600)
        beside.replace(self._path)

    def _checksum(self, body: str) -> str:
        return hmac.new(self._key, _DOMAIN + body.encode(), sha256).hexdigest()
