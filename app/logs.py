"""Logs as JSON lines: what happened and where, never whose document or which words."""

import json
import logging
import sys
import threading
import traceback
from datetime import UTC, datetime
from typing import Any

from ulid import ULID

from app.errors import FAILURES, DafeError

UNEXPECTED = "Something unexpected happened; nothing was changed on purpose. Give reference {}."
_OURS = "dafe"
_KEPT = "_dafe"
"""The attribute of a record with fields of ours: a name that no library gives to one of its own."""


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return _line(record) if _is_ours(record) else record.getMessage()


def _line(record: logging.LogRecord) -> str:
    """ECS field names; of an exception the type and the places in the code, and not its message, unless it is ours:
    that may quote a file."""
    line = {
        "@timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(),
        "log.level": record.levelname.lower(),
        "log.logger": record.name,
        "message": record.getMessage(),
    }
    line |= {f"dafe.{name}": value for name, value in getattr(record, _KEPT, {}).items()}
    return json.dumps(line, ensure_ascii=True)


def _is_ours(record: logging.LogRecord) -> bool:
    return str(record.name).split(".", 1)[0] == _OURS


class _Record(logging.LogRecord):
    """Of a library's message the level alone is kept, and of its error what is kept of ours.

    Here, and a whole line already, because Streamlit and uvicorn give their loggers handlers of their own.
    """

    def __init__(
        self, name: str, level: int, pathname: str, lineno: int, msg: Any, args: Any, exc_info: Any, *more: Any
    ) -> None:
        super().__init__(name, level, pathname, lineno, msg, args, None, *more)
        if isinstance(exc_info, tuple) and isinstance(exc_info[1], BaseException):
            self._dafe = _described(exc_info[1])
        if not _is_ours(self):
            self.args, self.msg = (), self.levelname.lower()
            self.msg = _line(self)


def _described(error: BaseException) -> dict[str, str]:
    """Only an error of ours has a message that may be kept."""
    told = {"told": error.message} if isinstance(error, DafeError) else {}
    return {"error": _kind(error), "where": _places(error), **told}


def _kind(error: BaseException) -> str:
    """Its type, and that of the error it stands for."""
    cause = f" from {type(error.__cause__).__name__}" if error.__cause__ else ""
    return f"{type(error).__name__}{cause}"


def _places(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)[-6:]
    return " ".join(f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno}" for frame in frames)


class Logger:
    """Writes fixed sentences with ids beside them."""

    def __init__(self, name: str) -> None:
        self._log = logging.getLogger(f"{_OURS}.{name}")

    def info(self, message: str) -> None:
        self._log.info(message)

    def failed(self, action: str, error: DafeError) -> str:
        """Log an error that has a sentence of its own; returns the reference under which the line is found."""
        return self._error("something did not work", action, error)

    def sentence(self, action: str, error: DafeError) -> str:
        """What people are told: the error's sentence, and where it is a failure of ours the reference of its line."""
        if not isinstance(error, FAILURES):
            return error.message
        return f"{error.message} Reference: {self.failed(action, error)}."

    def unexpected(self, action: str, error: BaseException, *, job_id: str = "") -> str:
        """Log an error nobody expected; returns the reference under which the line is found."""
        return self._error("something unexpected happened", action, error, job_id=job_id)

    def _error(self, message: str, action: str, error: BaseException, *, job_id: str = "") -> str:
        reference = str(ULID())[-8:]
        fields = {"reference": reference, "action": action, **_described(error), "job_id": job_id}
        self._log.error(message, extra={_KEPT: fields})
        return reference


def get_logger(name: str) -> Logger:
    return Logger(name)


def set_up_logs() -> None:
    """Send everything to standard error as JSON lines, warnings and errors that end a thread or the process too; called
    by each process once, at its start."""
    target = logging.StreamHandler(sys.stderr)
    target.setFormatter(_JsonLines())
    logging.setLogRecordFactory(_Record)
    logging.basicConfig(level=logging.WARNING, handlers=[target], force=True)
    logging.getLogger(_OURS).setLevel(logging.INFO)
    logging.captureWarnings(True)
    sys.excepthook = lambda _kind, error, _trace: _in_place_of_a_trace(error)
    threading.excepthook = lambda args: _in_place_of_a_trace(args.exc_value)
    sys.unraisablehook = lambda args: _in_place_of_a_trace(args.exc_value)


def _in_place_of_a_trace(error: BaseException | None) -> None:
    """A trace on standard error would end with the error's message."""
    if error is not None and not isinstance(error, KeyboardInterrupt | SystemExit):
        get_logger("process").unexpected("background", error)
