"""Of what libraries log, the level, the type of an error and the places in the code are kept: never the message."""

import logging
import subprocess
import sys
from collections.abc import Iterator

import pytest

from app.logs import set_up_logs

SECRET = "tromerauth"


@pytest.fixture
def logs() -> Iterator[None]:
    """Set up as in a process of ours, and as before afterwards."""
    root, factory, ours = logging.getLogger(), logging.getLogRecordFactory(), logging.getLogger("dafe").level
    handlers, level = root.handlers[:], root.level
    set_up_logs()
    yield
    logging.setLogRecordFactory(factory)
    logging.getLogger("dafe").setLevel(ours)
    root.handlers[:] = handlers
    root.setLevel(level)


def test_a_handler_that_a_library_gave_its_logger_prints_no_message(
    logs: None, capsys: pytest.CaptureFixture[str]
) -> None:
    logger = logging.getLogger("uvicorn.tried")
    logger.propagate = False
    logger.addHandler(handler := logging.StreamHandler(sys.stderr))
    try:
        logger.error("cannot read %s", SECRET)
        try:
            raise ValueError(SECRET)
        except ValueError:
            logger.exception("failed with %s", SECRET, stack_info=True)
    finally:
        logger.removeHandler(handler)
    printed = capsys.readouterr().err
    assert SECRET not in printed.replace("failed with %s", "")
    assert "error: ValueError at test_logs.py:" in printed


def test_an_error_that_ends_a_thread_or_a_process_leaves_a_line_without_its_message() -> None:
    program = (
        "import threading, warnings\n"
        "from app.logs import hide_traces, set_up_logs\n"
        "set_up_logs(); hide_traces()\n"
        "def fail():\n"
        "    raise ValueError('trome' + 'rauth')\n"
        "warnings.warn('trome' + 'rauth')\n"
        "thread = threading.Thread(target=fail); thread.start(); thread.join()\n"
        "fail()\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert SECRET not in ended.stderr
    assert ended.stderr.count('"dafe.error": "ValueError"') == 2
