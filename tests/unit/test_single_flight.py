"""Equal questions at once: who waits for an answer that fails is not held up by the failures of the others."""

import time
from collections.abc import Generator
from threading import Barrier, Thread

import pytest

from app.domain.answers import Answer, Mode
from app.errors import BackendUnavailableError
from app.pipeline.single_flight import SingleFlight

ASKING = 6
TAKES_SECONDS = 0.8


def test_where_two_fail_all_others_begin_at_once() -> None:
    flights, together, failed = SingleFlight(), Barrier(ASKING), []

    def answers() -> Generator[Answer, None, None]:
        time.sleep(TAKES_SECONDS)
        raise BackendUnavailableError("away")
        yield Answer(Mode.RAG, "")

    def ask() -> None:
        together.wait()
        began = time.monotonic()
        with pytest.raises(BackendUnavailableError):
            list(flights.follow("key", answers))
        failed.append(time.monotonic() - began)

    threads = [Thread(target=ask) for _ in range(ASKING)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(failed) == ASKING
    assert max(failed) < TAKES_SECONDS * (ASKING - 1), "one after another"
    assert not flights._flights
