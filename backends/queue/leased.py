"""The job queue over leases: Dramatiq's worker, retries and backoff, whatever the messages are stored in."""

from collections.abc import Callable
from pathlib import Path
from threading import Event, Lock
from typing import Any

import dramatiq
from dramatiq.middleware import Retries
from ulid import ULID

from app.domain.ids import JobId, WorkspaceId
from app.domain.jobs import Priority
from app.errors import BackendUnavailableError
from app.logs import get_logger
from backends.queue.base import NO_WORKSPACE, JobQueue
from backends.queue.lease_broker import LeaseBroker, lane_options
from backends.queue.leases import LONGEST_DELAY_SECONDS, Lane, Leases
from backends.queue.settings import LeasedQueueSettings
from backends.queue.worker_names import WorkerName

_log = get_logger("queue")
_QUEUE = "jobs"
_ACTOR = "run_job"
_FIRST_RETRY_MS = 2_000
_LONGEST_RETRY_MS = int(LONGEST_DELAY_SECONDS * 1000)
_LOOK_SECONDS = 0.5


class LeasedJobQueue(JobQueue):
    """A failing message comes again after 2 s, then later and later, up to ten minutes, for a hundred times."""

    def __init__(self, settings: LeasedQueueSettings, leases: Leases, *, names: Path) -> None:
        """The workers of this machine share the folder `names`."""
        self._settings = settings
        self._leases = leases
        self._names = names
        self._lock = Lock()
        self._name: WorkerName | None = None

    def put(
        self,
        job_id: JobId,
        *,
        workspace_id: WorkspaceId = NO_WORKSPACE,
        priority: Priority = Priority.NORMAL,
        delay_seconds: float = 0.0,
    ) -> None:
        message_id, lane = str(ULID()), Lane(priority, workspace_id)
        message: dramatiq.Message[Any] = dramatiq.Message(
            queue_name=_QUEUE,
            actor_name=_ACTOR,
            args=(job_id,),
            kwargs={},
            options=lane_options(lane),
            message_id=message_id,
        )
        self._leases.put(message_id, message.encode(), lane=lane, delay_seconds=delay_seconds)

    def worker_name(self) -> str:
        with self._lock:
            if self._name is None:
                self._name = WorkerName(self._names)
            return self._text(self._name)

    def run(self, handle: Callable[[JobId], None], *, stop: Event, at_once: int = 1) -> None:
        worker_name = self.worker_name()
        self._take_back(worker_name, stop)
        retries = Retries(max_retries=100, min_backoff=_FIRST_RETRY_MS, max_backoff=_LONGEST_RETRY_MS)
        lease_seconds = self._settings.lease_seconds
        broker = LeaseBroker(
            self._leases,
            worker=worker_name,
            lease_seconds=lease_seconds,
            at_once=at_once,
            ending=stop,
            middleware=[retries],
        )
        dramatiq.actor(actor_name=_ACTOR, queue_name=_QUEUE, broker=broker)(handle)
        poll_ms = int(self._settings.poll_seconds * 1000)
        worker = dramatiq.Worker(broker, queues={_QUEUE}, worker_threads=at_once, worker_timeout=poll_ms)
        worker.start()
        # Not without end: a signal that comes just before is handled by this thread when it runs again, and not sooner.
        while not stop.wait(_LOOK_SECONDS):
            pass
        worker.stop(timeout=24 * 3600 * 1000)

    def find(self) -> set[JobId]:
        return {JobId(dramatiq.Message.decode(body).args[0]) for body in self._leases.bodies()}

    def count(self) -> int:
        return self._leases.count()

    def count_workers(self) -> int:
        return self._leases.count_workers()

    def close(self) -> None:
        with self._lock:
            if self._name is not None:
                self._name.give_back()
                self._name = None

    def _text(self, name: WorkerName) -> str:
        return name.text

    def _take_back(self, worker_name: str, stop: Event) -> None:
        """What a dead worker of the same name held is ready at once."""
        said = False
        while not stop.is_set():
            try:
                self._leases.leave(worker_name)
                return
            except BackendUnavailableError as error:  # Waited for, as by the consumer later.
                if not said:
                    _log.failed("take back jobs", error)
                    said = True
                stop.wait(self._settings.poll_seconds)
