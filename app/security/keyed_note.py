"""A small record in a file of its own that carries a keyed checksum, so that nobody changes it unseen."""

import hmac
import json
import os
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from app.security.audit_chain import canonical


class KeyedNote:
    """`domain` sets the notes of one kind apart from all others that have the same key."""

    def __init__(self, path: Path, *, key: bytes, domain: bytes) -> None:
        self._path = path
        self._key = key
        self._domain = domain

    def read(self) -> dict[str, Any] | None:
        """None where there is none. Raises ValueError where it is not as it was written."""
        try:
            stored = json.loads(self._path.read_text(encoding="ascii"))
            body = stored["body"]
            if not hmac.compare_digest(self._checksum(body), stored["mac"]):
                raise ValueError("the checksum is another one")
            found: dict[str, Any] = json.loads(body)
        except FileNotFoundError:
            return None
        except (OSError, KeyError, TypeError, AttributeError) as error:
            raise ValueError("the note cannot be read") from error
        return found

    def write(self, record: Mapping[str, Any]) -> None:
        """In one step. Raises OSError."""
        body = canonical(record)
        beside = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        beside.write_text(canonical({"body": body, "mac": self._checksum(body)}), encoding="ascii")
        beside.chmod(0o600)
        beside.replace(self._path)

    def delete(self) -> None:
        """Nothing where there is none. Raises OSError."""
        self._path.unlink(missing_ok=True)

    def _checksum(self, body: str) -> str:
        return hmac.new(self._key, self._domain + body.encode(), sha256).hexdigest()
