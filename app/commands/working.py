"""Waits for jobs, doing the worker's part when no worker runs."""

import time
from collections.abc import Callable, Collection
from threading import Event, Thread

from app.container import Services
from app.domain.access import Actor
from app.domain.ids import DocumentId, WorkspaceId
from app.domain.jobs import Job, JobState

_POLL_SECONDS = 0.3
_MOST_WAITS = 5
"""So often in a row, more than a minute, was a server away: then it is not waited for any longer."""


def wait_for_jobs(
    services: Services,
    actor: Actor,
    *,
    workspace_id: WorkspaceId,
    document_ids: Collection[DocumentId],
    on_progress: Callable[[Job], None] = lambda _job: None,
) -> None:
    """Return when no job of these documents is left to do, or all that are left wait for a server that is away; with no
    worker alive the work is done in this process."""
    stop = Event()
    worker: Thread | None = None
    if not services.has_worker():
        indexing = services.make_indexing()
        worker = Thread(target=indexing.serve, kwargs={"stop": stop}, name="worker")
        worker.start()
    wanted = set(document_ids)
    try:
        while True:
            jobs = services.jobs.list(actor, workspace_id=workspace_id, limit=100_000)
            left = [job for job in jobs if job.document_id in wanted and not job.state.finished]
            for job in left:
                on_progress(job)
            if all(job.state is JobState.WAITING and job.waits >= _MOST_WAITS for job in left):
                return
            time.sleep(_POLL_SECONDS)
    finally:
        stop.set()
        if worker is not None:
            worker.join()
