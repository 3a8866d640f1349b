"""A Dramatiq broker over leases: a message is leased to a worker that must stay alive."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from threading import Event, Thread
from typing import Any

import dramatiq
from dramatiq.middleware import Middleware

from app.domain.jobs import Priority
from app.errors import BackendUnavailableError
from backends.queue.leases import Lane, Leases

_AGAIN_SECONDS = 1.0


class LeaseBroker(dramatiq.Broker):
    """The broker of one worker; `ending` is set when it is to end, and then no storage that is away is waited for."""

    def __init__(
        self,
        leases: Leases,
        *,
        worker: str,
        lease_seconds: float,
        at_once: int,
        ending: Event,
        middleware: list[Middleware],
    ) -> None:
        """`at_once` messages are held at most."""
        super().__init__(middleware=middleware)
        self.leases = leases
        self.worker = worker
        self.lease_seconds = lease_seconds
        self.at_once = at_once
        self.ending = ending
        self._given_up = False

    def declare_queue(self, queue_name: str) -> None:
        if queue_name not in self.queues:
            self.emit_before("declare_queue", queue_name)
            self.queues[queue_name] = None
            self.emit_after("declare_queue", queue_name)

    def enqueue(self, message: dramatiq.Message[Any], *, delay: int | None = None) -> dramatiq.Message[Any]:
        # An error's message may quote a document.
        message.options.pop("traceback", None)
        self.emit_before("enqueue", message, delay)
        body, delay_seconds = message.encode(), (delay or 0) / 1000
        lane = lane_of(message)
        self.insist(partial(self.leases.put, message.message_id, body, lane=lane, delay_seconds=delay_seconds))
        self.emit_after("enqueue", message, delay)
        return message

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 500) -> dramatiq.Consumer:
        return _LeaseConsumer(self, wait_seconds=timeout / 1000)

    def insist(self, change: Callable[[], None]) -> None:
        """Repeat until it is done: else a message would be lost, or held for as long as this worker lives.

        A worker that is to end gives up, then all later changes too: what it holds comes again after its lease.
        """
        while not self._given_up:
            try:
                change()
                return
            except BackendUnavailableError:
                self._given_up = self.ending.wait(_AGAIN_SECONDS)


def lane_options(lane: Lane) -> dict[str, Any]:
    """The lane as options of a message, so that it keeps its place when it is tried again."""
    return {"lane": int(lane.priority), "workspace_id": lane.workspace_id}


def lane_of(message: dramatiq.Message[Any]) -> Lane:
    return Lane(Priority(message.options.get("lane", Priority.NORMAL)), message.options.get("workspace_id", ""))


class _LeaseConsumer(dramatiq.Consumer):
    """Holds as many messages as there are threads to handle them: another is taken when one is done.

    A storage that is busy or away is waited for: neither the worker nor its heartbeat ends because of it.
    """

    def __init__(self, broker: LeaseBroker, *, wait_seconds: float) -> None:
        self._broker = broker
        self._wait_seconds = wait_seconds
        self._held: set[str] = set()
        self._free = Event()
        self._ended = Event()
        self._heart = Thread(target=self._beat, name="queue-lease", daemon=True)
        self._renew()
        self._heart.start()

    def __next__(self) -> dramatiq.MessageProxy | None:
        taken = None
        if len(self._held) < self._broker.at_once and not self._broker.ending.is_set():
            with suppress(BackendUnavailableError):
                taken = self._broker.leases.take(self._broker.worker)
        if taken is None:
            self._free.wait(self._wait_seconds)
            self._free.clear()
            return None
        message_id, body = taken
        self._held.add(message_id)
        return dramatiq.MessageProxy(dramatiq.Message.decode(body))

    def ack(self, message: dramatiq.MessageProxy) -> None:
        self._broker.insist(partial(self._broker.leases.acknowledge, message.message_id, self._broker.worker))
        self._held.discard(message.message_id)
        self._free.set()

    nack = ack

    def requeue(self, messages: Iterable[dramatiq.MessageProxy]) -> None:
        for message in messages:
            self._broker.insist(partial(self._broker.leases.release, message.message_id, self._broker.worker))
            self._held.discard(message.message_id)

    def close(self) -> None:
        self._ended.set()
        self._heart.join()
        if not self._held:
            with suppress(BackendUnavailableError):
                self._broker.leases.leave(self._broker.worker)

    def _beat(self) -> None:
        while not self._ended.wait(self._broker.lease_seconds / 3):
            self._renew()

    def _renew(self) -> None:
        with suppress(BackendUnavailableError):
            self._broker.leases.renew(self._broker.worker, held=self._held.copy())
