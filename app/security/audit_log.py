"""The append-only audit log: a chain of events in a store of its own, and a copy of each on the second device."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from app.domain.audit import GENESIS, AuditEvent, AuditKind, Outcome, sha256_hex
from app.errors import BackendUnavailableError, IntegrityError
from app.logs import get_logger
from app.security.audit_chain import event_body, event_mac, read_event
from app.security.group_commit import GroupCommit
from app.security.second_device import DeviceState, SecondDevice
from backends.audit.base import BUSY_SECONDS, AuditStore, AuditTail, EventFilter, Head, StoredEvent

_LOST = (
    "Events that were in the audit log are gone or changed, so nothing was shown or changed: run dafe audit verify, and"
    " start again when it is known why."
)
_log = get_logger("audit")


class AuditLog:
    """Threads may share it, processes share its store; each append is on disk when the call returns, and what threads
    append at the same time shares one wait for the disk.

    The log itself must be written. Without `second_device_required` a second device that fails is recorded, shown by
    `second_device_state`, and caught up when it works again; with it nothing proceeds meanwhile.
    """

    def __init__(
        self,
        store: AuditStore,
        *,
        mac_key: bytes,
        second_device: Path | None = None,
        second_device_required: bool = False,
    ) -> None:
        self._store = store
        self._mac_key = mac_key
        self.second_device = SecondDevice(second_device) if second_device else None
        self._second_required = second_device_required
        self._second_failed = False
        self._commit = GroupCommit(self._write, patience_seconds=BUSY_SECONDS, too_late=store.unavailable)
        self._written = Head()
        """The newest event that this process wrote."""

    def append(self, event: AuditEvent) -> int:
        """Write one event with its time and its place in the chain; returns its `seq`.

        Raises BackendUnavailableError when it cannot be written: the caller must not go on.
        """
        event_body(replace(event, seq=1, at=datetime.now(UTC)), previous=GENESIS)  # what is no JSON fails here, alone
        return self._commit.add(event)

    def in_step(self) -> tuple[Head, DeviceState | None]:
        """The newest event, and whether the second device holds it; None where none is set."""
        head = self.head()
        return head, self.second_device.state(head, hash_at=self._hash_at) if self.second_device else None

    def check(self) -> None:
        """As `AuditStore.check`."""
        self._store.check()

    def find(self, wanted: EventFilter) -> tuple[list[AuditEvent], int]:
        """One page of the events that fit, newest first, and how many fit in all."""
        rows, total = self._store.find(wanted)
        return [_read(row) for row in rows], total

    def rows(self, *, after: int = 0) -> Iterator[StoredEvent]:
        """Every row behind `after` in order, as it is kept."""
        return self._store.rows(after=after)

    def head(self) -> Head:
        return self._store.head()

    def first(self) -> AuditEvent | None:
        """Whatever row lies first; None where there is none."""
        rows = self._store.read(after=0, limit=1)
        return _read(rows[0]) if rows else None

    def move_to(self, store: AuditStore) -> None:
        """From now on the log is the one in `store`, which holds all of it."""
        self._store = store

    def close(self) -> None:
        self._commit.close()
        self._store.close()

    def _write(self, events: Sequence[AuditEvent]) -> list[int]:
        """Called by one thread."""
        with self._store.alone() as tail:
            return [row.seq for row in self._add(tail, events)]

    def _add(self, tail: AuditTail, events: Sequence[AuditEvent]) -> list[StoredEvent]:
        head = tail.head()
        self._require_what_was_written(tail, head)
        rows: list[StoredEvent] = []
        for event in events:
            body = event_body(replace(event, seq=head.seq + 1, at=datetime.now(UTC)), previous=head.hash)
            head = Head(head.seq + 1, sha256_hex(body))
            rows.append(StoredEvent(head.seq, event_mac(body, key=self._mac_key), body))
        tail.append(rows)
        self._written = head
        self._copy(tail, rows)
        return rows

    def _require_what_was_written(self, tail: AuditTail, head: Head) -> None:
        """A log that is cut, changed or exchanged under a running process takes no more events from it."""
        if self._written.seq and head != self._written:
            row = tail.get(self._written.seq)
            if row is None or row.hash != self._written.hash:
                raise BackendUnavailableError(_LOST)

    def _copy(self, tail: AuditTail, rows: Sequence[StoredEvent]) -> None:
        """After the commit: a crash in between leaves a copy that lacks events, never one that holds too many."""
        if self.second_device is None:
            return
        try:
            behind = self.second_device.write(rows, earlier=lambda seq: tail.rows(after=seq))
            failure = f"The second device lacks {behind:,} events and is being caught up." if behind else ""
        except OSError as error:
            failure = f"The second device of the audit log cannot be written ({error.strerror})."
        except ValueError:
            failure = "The second device of the audit log cannot be written: the log holds what is no event."
        except IntegrityError as error:
            failure = error.message
        if bool(failure) != self._second_failed:
            self._second_failed = bool(failure)
            _log.info(failure or "the second device of the audit log is written again")
            self._add(tail, [_device_event(failed=self._second_failed)])
        if failure and self._second_required:
            raise BackendUnavailableError(f"{failure} Until it can, nothing is shown or changed.")

    def _hash_at(self, seq: int) -> str | None:
        row = self._store.get(seq)
        return row.hash if row else None


def _read(row: StoredEvent) -> AuditEvent:
    """A row that is no event any more is shown as what it is."""
    try:
        return read_event(row.body)
    except (ValueError, KeyError, TypeError):
        return AuditEvent("audit.damaged", AuditKind.CHANGE, Outcome.FAILED, "unknown", "unknown", seq=row.seq)


def _device_event(*, failed: bool) -> AuditEvent:
    return AuditEvent(
        action="audit.second_device",
        kind=AuditKind.CHANGE,
        outcome=Outcome.FAILED if failed else Outcome.DONE,
        actor_id="system",
        channel="system",
    )
