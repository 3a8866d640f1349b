"""Remembers which processes ended unexpectedly and were started again, for whoever looks at the health page."""

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

_FILE = "restarts.json"
_KEPT = 200


@dataclass(frozen=True, slots=True)
class Restart:
    process: str
    """A word for people: web process, worker, Chroma server."""
    at: datetime


class Restarts:
    """One small file in the data folder; losing it is no harm, so nothing here raises."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / _FILE

    def add(self, process: str) -> None:
        rows = [*self._read(), Restart(process, datetime.now(UTC))][-_KEPT:]
        text = json.dumps([{"process": row.process, "at": row.at.isoformat()} for row in rows])
        beside = self._path.with_name(f".{_FILE}.{os.getpid()}")
        with suppress(OSError):
            beside.write_text(text, encoding="utf-8")
            beside.replace(self._path)

    def find(self, *, within: timedelta) -> list[Restart]:
        """Oldest first; those of a clock that was set back since are left out."""
        now = datetime.now(UTC)
        return [row for row in self._read() if timedelta(0) <= now - row.at <= within]

    def _read(self) -> list[Restart]:
        try:
            rows = json.loads(self._path.read_text(encoding="utf-8"))
            return [Restart(str(row["process"]), datetime.fromisoformat(row["at"])) for row in rows]
        except (OSError, ValueError, KeyError, TypeError):
            return []
