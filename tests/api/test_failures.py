"""What fails behind the gate, or after a stream began, is answered with the reference of its line in the log."""

import json

import pytest
from fastapi.testclient import TestClient
from starlette.types import Receive, Scope, Send

from app.api.errors import _STATUS
from app.api.gate import Gate
from app.api.questions import _events
from app.container import Services
from app.errors import FAILURES, BackendUnavailableError, DafeError
from app.logs import UNEXPECTED

CANARY = "Quenvaldis"
BUSY = BackendUnavailableError("The database is busy with another process: try again in a moment.")


def test_what_a_status_calls_a_failure_of_ours_is_one_everywhere() -> None:
    assert {kind for kind, status in _STATUS.items() if status >= 500} == set(FAILURES)
    assert set(_STATUS) == set(DafeError.__subclasses__())


def reference_in(log: pytest.LogCaptureFixture) -> str:
    (record,) = log.records
    assert CANARY not in str(record.__dict__)
    return str(record.__dict__["_dafe"]["reference"])


@pytest.mark.parametrize("error", [ValueError(CANARY), BUSY])
def test_an_error_behind_the_gate(services: Services, caplog: pytest.LogCaptureFixture, error: Exception) -> None:
    async def failing(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise error

    gate = Gate(
        failing,
        sessions=services.sessions,
        public_url="",
        headers=[],
        is_activity=lambda _content: False,
        page_id=lambda _content: "",
    )
    answer = TestClient(gate).get("/healthz")
    reference = reference_in(caplog)
    told = {500: UNEXPECTED.format(reference), 503: f"{BUSY.message} Reference: {reference}."}
    assert answer.status_code == (503 if error is BUSY else 500)
    assert answer.text == told[answer.status_code]


@pytest.mark.parametrize("error", [ValueError(CANARY), BUSY])
def test_an_error_in_a_stream_that_began(caplog: pytest.LogCaptureFixture, error: Exception) -> None:
    def failing():  # type: ignore[no-untyped-def]
        raise error
        yield

    (event,) = _events(failing())
    kind, data = event.rstrip().split("\n")
    assert kind == "event: error"
    assert reference_in(caplog) in json.loads(data.removeprefix("data: "))["detail"]
    assert CANARY not in event
