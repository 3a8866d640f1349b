"""Logs as JSON lines: what happened and where, never whose document or which words."""

import json
import logging
import sys
import threading
import traceback
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from ulid import ULID

_OURS = "dafe"
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


class _Record(logging.LogRecord):
    """Of a library's message the level alone is kept, and of its error the type and the places in the code.

    Here, and not in a formatter: Streamlit and uvicorn give their loggers handlers of their own.
    """

    def __init__(
        self, name: str, level: int, pathname: str, lineno: int, msg: Any, args: Any, exc_info: Any, *more: Any
    ) -> None:
        error = exc_info[1] if isinstance(exc_info, tuple) else None
        if name.split(".", 1)[0] != _OURS:
            msg, args, exc_info = logging.getLevelName(level).lower(), (), None
        super().__init__(name, level, pathname, lineno, msg, args, exc_info, *more)
        if isinstance(error, BaseException):
            self.error, self.where = type(error).__name__, _places(error)
            self.msg = f"{self.msg}: {self.error} at {self.where}"


def _places(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)[-6:]
    return " ".join(f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno}" for frame in frames)


class Logger:
    """Writes fixed sentences with ids beside them."""

    def __init__(self, name: str) -> None:
        self._log = logging.getLogger(f"{_OURS}.{name}")

    def info(self, message: str) -> None:
        self._log.info(message)

    def failed(self, action: str, error: BaseException) -> str:
        """Log an error that people are told in a sentence; returns the reference under which the line is found."""
        return self._error("something did not work", action, error)

    def unexpected(self, action: str, error: BaseException, *, job_id: str = "") -> str:
        """Log an error nobody expected; returns the reference under which the line is found."""
        return self._error("something unexpected happened", action, error, job_id=job_id)

    def _error(self, message: str, action: str, error: BaseException, *, job_id: str = "") -> str:
        reference = str(ULID())[-8:]
        fields = {
            "reference": reference,
            "action": action,
            "error": type(error).__name__,
            "where": _places(error),
            "job_id": job_id,
        }
        self._log.error(message, extra=fields)
        return reference


def get_logger(name: str) -> Logger:
    return Logger(name)


def set_up_logs() -> None:
    """Send everything to standard error as JSON lines; called by each process once, at its start."""
    target = logging.StreamHandler(sys.stderr)
    target.setFormatter(_JsonLines())
    logging.setLogRecordFactory(_Record)
    logging.basicConfig(level=logging.WARNING, handlers=[target], force=True)
    logging.getLogger(_OURS).setLevel(logging.INFO)


def hide_traces() -> None:
    """For a process of its own: warnings and errors that end a thread or the process become lines of the log."""
    logging.captureWarnings(True)
    sys.excepthook = _end_with_a_line
    threading.excepthook = lambda args: _end_with_a_line(args.exc_type, args.exc_value, args.exc_traceback)


def _end_with_a_line(kind: type[BaseException], error: BaseException | None, _trace: TracebackType | None) -> None:
    """In place of a trace on standard error, which ends with the error's message."""
    if not issubclass(kind, KeyboardInterrupt | SystemExit):
        get_logger("process").unexpected("a thread or the process ended", error or kind())
