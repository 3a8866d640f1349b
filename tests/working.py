"""Does what a worker does, in a thread, until nothing is left to do."""

import time
from threading import Event, Thread

from app.container import OPERATOR, Services
from app.domain.jobs import JobState

_PATIENCE_SECONDS = 300.0
OPEN_STATES = (JobState.WAITING, JobState.RUNNING, JobState.STOPPING)


def work_off(services: Services) -> None:
    """Returns when no workspace has an open job. Raises AssertionError when the thread died or it takes too long."""
    stop = Event()
    thread = Thread(target=services.make_indexing().serve, kwargs={"stop": stop})
    thread.start()
    spaces = services.workspaces.list(OPERATOR)
    until = time.monotonic() + _PATIENCE_SECONDS
    try:
        while any(services.jobs.list(OPERATOR, workspace_id=one.id, states=OPEN_STATES) for one in spaces):
            assert thread.is_alive(), "the worker ended: see what its thread raised"
            assert time.monotonic() < until, "the work was not done in time"
            stop.wait(0.05)
    finally:
        stop.set()
        thread.join()
