"""A small record in a file of its own that carries a keyed checksum, so that nobody changes it unseen."""

import hmac
import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from app.errors import BackendUnavailableError
from app.security.audit_chain import canonical
from backends.disk import keep_name


class KeyedNote:
    """`domain` sets the notes of one kind apart from all others that have the same key."""

    def __init__(self, path: Path, *, key: bytes, domain: bytes) -> None:
        self._path = path
        self._key = key
        self._domain = domain

    def read(self) -> dict[str, Any] | None:
        """None where there is none. Raises ValueError where it is not as it was written, and BackendUnavailableError
        where it cannot be read."""
        try:
            stored = json.loads(self._path.read_text(encoding="ascii"))
            body = stored["body"]
            if not hmac.compare_digest(self._checksum(body), stored["mac"]):
                raise ValueError("the checksum is another one")
            found: dict[str, Any] = json.loads(body)
        except FileNotFoundError:
            return None
        except (IsADirectoryError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError("this is no note") from error
        except OSError as error:
            raise BackendUnavailableError(
                f"The file {self._path.name} in the data folder cannot be read ({error.strerror}): give this user the"
                " right."
            ) from error
        return found

    def write(self, record: Mapping[str, Any]) -> None:
        """In one step, and on disk when this returns. Raises OSError."""
        body = canonical(record)
        text = canonical({"body": body, "mac": self._checksum(body)})
        # Processes of other hosts may share the folder, and have the same numbers.
        with NamedTemporaryFile("w", encoding="ascii", dir=self._path.parent, prefix=".note", delete=False) as file:
            try:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
                Path(file.name).replace(self._path)
            except BaseException:
                Path(file.name).unlink(missing_ok=True)
                raise
        keep_name(self._path.parent)

    def changed_at(self) -> datetime:
        """When its file was changed, as far as the file system says. Raises OSError."""
        return min(datetime.fromtimestamp(self._path.stat().st_mtime, UTC), datetime.now(UTC))

    def delete(self) -> None:
        """Nothing where there is none. Raises OSError."""
        self._path.unlink(missing_ok=True)

    def _checksum(self, body: str) -> str:
        return hmac.new(self._key, self._domain + body.encode(), sha256).hexdigest()
