"""What this process measures of its own work: durations and numbers, in Prometheus's text format.

Every label is a word from a list in the program, or a name from the settings: never a path, an id, or what somebody
typed.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, disable_created_metrics

from app.domain.answers import Answer

MEASURED = CollectorRegistry()
_SECONDS = (0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

disable_created_metrics()  # type: ignore[no-untyped-call]
ProcessCollector(registry=MEASURED)
_requests = Histogram(
    "dafe_request_seconds",
    "Requests, from their arrival to the end of the answer.",
    ["method", "route", "status"],
    buckets=_SECONDS,
    registry=MEASURED,
)
_pages = Histogram(
    "dafe_page_seconds",
    "Drawing a whole page, each time that it is drawn.",
    ["page"],
    buckets=_SECONDS,
    registry=MEASURED,
)
_questions = Counter(
    "dafe_questions",
    "Questions that were answered or refused; kept: with an answer of before.",
    ["mode", "refused", "kept"],
    registry=MEASURED,
)
_stages = Histogram(
    "dafe_question_stage_seconds", "Stages of answering a question.", ["stage"], buckets=_SECONDS, registry=MEASURED
)


def note_request(method: str, route: str, status: int, *, seconds: float) -> None:
    """`route` is a template such as /workspaces/{workspace_id}, not a path."""
    known = method if method in _METHODS else "other"
    _requests.labels(known, route, f"{status // 100}xx").observe(seconds)


@contextmanager
def drawing(page: str) -> Iterator[None]:
    """Measures the block as one drawing of this page of the program."""
    started = time.perf_counter()
    try:
        yield
    finally:
        _pages.labels(page).observe(time.perf_counter() - started)


def note_answer(answer: Answer) -> None:
    """One that is finished."""
    kept = answer.kept_at is not None
    _questions.labels(answer.mode.value, str(answer.refused).lower(), str(kept).lower()).inc()
    for stage, seconds in answer.timings.items():
        _stages.labels(stage).observe(seconds)
