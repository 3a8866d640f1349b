"""Does what a worker does, in a thread, until nothing is left to do."""

from threading import Event, Thread

from app.container import OPERATOR, Services
from app.domain.jobs import JobState

OPEN_STATES = (JobState.WAITING, JobState.RUNNING, JobState.STOPPING)


def work_off(services: Services) -> None:
    """Returns when no workspace has an open job."""
    stop = Event()
    thread = Thread(target=services.make_indexing().serve, kwargs={"stop": stop})
    thread.start()
    spaces = services.workspaces.list(OPERATOR)
    while any(services.jobs.list(OPERATOR, workspace_id=one.id, states=OPEN_STATES) for one in spaces):
        stop.wait(0.05)
    stop.set()
    thread.join()
