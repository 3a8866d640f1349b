"""Logs as JSON lines: what happened and where, never whose document or which words."""

import json
import logging
import sys
import traceback
from datetime import UTC, datetime

from ulid import ULID

_FIELDS = ("reference", "job_id", "action", "error", "where")


class _JsonLines(logging.Formatter):
    """ECS field names; of an exception the type and the places in the code, not its message: that may quote a file."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "@timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "log.level": record.levelname.lower(),
            "log.logger": record.name,
            "message": record.getMessage() if record.name.startswith("dafe") else record.levelname.lower(),
        }
        line |= {f"dafe.{name}": str(getattr(record, name)) for name in _FIELDS if hasattr(record, name)}
        return json.dumps(line, ensure_ascii=True)


class Logger:
    """Writes fixed sentences with ids beside them."""

    def __init__(self, name: str) -> None:
        self._log = logging.getLogger(f"dafe.{name}")

    def info(self, message: str) -> None:
        self._log.info(message)

    def unexpected(self, action: str, error: BaseException, *, job_id: str = "") -> str:
        """Log an error nobody expected; returns the reference under which the line is found."""
        reference = str(ULID())[-8:]
        places = [
            f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)
        ]
        fields = {
            "reference": reference,
            "action": action,
            "error": type(error).__name__,
            "where": " ".join(places[-6:]),
            "job_id": job_id,
        }
        self._log.error("something unexpected happened", extra=fields)
        return reference


def get_logger(name: str) -> Logger:
    return Logger(name)


def set_up_logs() -> None:
    """Send everything to standard error as JSON lines; called by each process once, at its start."""
    target = logging.StreamHandler(sys.stderr)
    target.setFormatter(_JsonLines())
    logging.basicConfig(level=logging.WARNING, handlers=[target], force=True)
    logging.getLogger("dafe").setLevel(logging.INFO)
