"""Remembers how far the audit log was verified, so that the next time can begin there and a log cut since is found."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from app.domain.audit import timestamp
from app.errors import IntegrityError
from app.security.keyed_note import KeyedNote

_DOMAIN = b"dafe-audit-verified-v1\0"


@dataclass(frozen=True, slots=True)
class VerifiedPoint:
    """The last event of a log that was found intact, and the last checkpoint: 0 and GENESIS when there was none."""

    seq: int
    head: str
    checkpoint: int
    checkpoint_hash: str
    at: datetime

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> "VerifiedPoint":
        """Raises ValueError, KeyError or TypeError for what is none."""
        return cls(**{**record, "at": datetime.fromisoformat(record["at"])})

    def as_record(self) -> dict[str, str | int]:
        return {
            "seq": self.seq,
            "head": self.head,
            "checkpoint": self.checkpoint,
            "checkpoint_hash": self.checkpoint_hash,
            "at": timestamp(self.at),
        }


class VerifiedPoints:
    """One file, carrying a keyed checksum."""

    def __init__(self, path: Path, *, key: bytes) -> None:
        self._note = KeyedNote(path, key=key, domain=_DOMAIN)

    def last(self) -> VerifiedPoint | None:
        """Raises IntegrityError when the file is not as it was written."""
        try:
            found = self._note.read()
            return VerifiedPoint.of(found) if found is not None else None
        except (ValueError, KeyError, TypeError) as error:
            raise IntegrityError("The note of how far the audit log was verified is not as it was written.") from error

    def save(self, point: VerifiedPoint) -> None:
        """Raises OSError."""
        self._note.write(point.as_record())
