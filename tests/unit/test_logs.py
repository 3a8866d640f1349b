"""Of what libraries log, the level, the type of an error and the places in the code are kept: never the message."""

import json
import logging
import subprocess
import sys

import pytest

from app.errors import BackendUnavailableError, InvalidInputError
from app.logs import get_logger

SECRET = "tromerauth"
SET_UP = """
import logging, sys, threading, warnings
from app.logs import get_logger, set_up_logs
set_up_logs()
secret = 'trome' + 'rauth'
def fail():
    raise ValueError(secret)
"""


def lines_of(program: str) -> list[dict[str, str]]:
    """What a process writes to standard error, each line of which must be JSON and without the secret."""
    ended = subprocess.run([sys.executable, "-c", SET_UP + program], capture_output=True, text=True, check=False)
    assert SECRET not in ended.stderr + ended.stdout
    return [json.loads(line) for line in ended.stderr.splitlines()]


def test_no_handler_prints_a_library_s_message_not_even_one_of_its_own() -> None:
    first, second, third = lines_of(
        "logger = logging.getLogger('uvicorn.error')\n"
        "logger.error('cannot read %s', secret)\n"
        "logger.propagate = False\n"
        "logger.addHandler(logging.StreamHandler())\n"
        "logger.error('cannot read %s', secret)\n"
        "try:\n"
        "    fail()\n"
        "except ValueError:\n"
        "    logger.exception('failed with %s', secret)\n"
    )
    for line in (first, second):
        assert (line["log.level"], line["log.logger"], line["message"]) == ("error", "uvicorn.error", "error")
    assert third["dafe.error"] == "ValueError"
    assert third["dafe.where"] == "<string>:14 <string>:7"


@pytest.mark.parametrize(
    "ending",
    [
        "fail()",
        "thread = threading.Thread(target=fail); thread.start(); thread.join()",
        "class Ending:\n    def __del__(self):\n        fail()\nEnding()",
    ],
)
def test_an_error_that_nobody_catches_leaves_a_line_without_its_message(ending: str) -> None:
    (line,) = lines_of(ending)
    assert line["dafe.error"] == "ValueError"
    assert line["dafe.reference"]


def test_a_warning_leaves_a_line_without_its_message() -> None:
    (line,) = lines_of("warnings.warn(secret)")
    assert (line["log.logger"], line["message"]) == ("py.warnings", "warning")


def test_a_failure_of_ours_names_the_reference_of_its_line_and_a_mistake_none(
    caplog: pytest.LogCaptureFixture,
) -> None:
    log = get_logger("tried")
    with caplog.at_level(logging.INFO):
        assert log.sentence("read", InvalidInputError("Write a question first.")) == "Write a question first."
        assert not caplog.records
        told = log.sentence("read", BackendUnavailableError("The database is busy."))
    (record,) = caplog.records
    assert told == f"The database is busy. Reference: {record.__dict__['_dafe']['reference']}."
    kept = record.__dict__["_dafe"]
    assert (kept["action"], kept["error"], kept["told"]) == ("read", "BackendUnavailableError", "The database is busy.")


def test_a_library_may_add_fields_of_any_name_to_its_line() -> None:
    (line,) = lines_of(
        "try:\n"
        "    fail()\n"
        "except ValueError as error:\n"
        "    logging.getLogger('lib').exception('failed', extra={'error': error, 'where': secret, 'told': secret})\n"
    )
    assert (line["log.logger"], line["dafe.error"]) == ("lib", "ValueError")
    assert "dafe.told" not in line
