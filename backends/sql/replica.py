"""Reads from a standby of the PostgreSQL server, as soon as it has all that the server had when the call began."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from threading import Event, Lock, Thread
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import TimeoutError as NoConnectionLeftError

from app.errors import BackendUnavailableError, ConfigurationError, DafeError
from app.logs import get_logger
from backends.breaker import CircuitBreaker
from backends.sql.base import Replica, Rows
from backends.sql.postgres_errors import translated_errors

_CATCH_UP_SECONDS = 0.1
_PATIENCE_SECONDS = 0.3
"""For connecting and catching up together, until a read is done on the primary instead."""
_CHECK_SECONDS = 3.0
_POLL_SECONDS = 0.005
WITHIN = sa.text("SELECT set_config('app.workspace', :within, true)")
_MARK = sa.text(
    "SELECT pg_wal_lsn_diff(pg_current_wal_flush_lsn(), '0/0') AS place, CAST(system_identifier AS text) AS cluster,"
    " pg_walfile_name(pg_current_wal_flush_lsn()) AS file FROM pg_control_system()"
)
"""What was committed is flushed: see `PostgresDatabase.write`."""
_LOOK = sa.text(
    "SELECT pg_is_in_recovery() AS follows, CAST(system_identifier AS text) AS cluster,"
    " greatest(timeline_id, min_recovery_end_timeline, (SELECT received_tli FROM pg_stat_wal_receiver)) AS timeline,"
    " pg_wal_lsn_diff(coalesce(pg_last_wal_replay_lsn(), '0/0'), '0/0') AS place,"
    " extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) AS seconds"
    " FROM pg_control_system(), pg_control_checkpoint(), pg_control_recovery()"
)
"""Only who has pg_read_all_stats sees `received_tli`; for others a change of the timeline shows some minutes late, in
the control file."""
_NO_STANDBY = (
    "The replica does not follow any server (any more), so its rows may differ: give the address of a standby of the"
    " primary."
)
_OTHER_CLUSTER = "The replica is the copy of another PostgreSQL server: give the address of a standby of the primary."
_OTHER_HISTORY = (
    "The replica does not follow this primary any more, since a standby took over or one was restored: let it follow"
    " the present primary, or make it anew."
)
_LATE = "The replica did not answer in time: check that it runs at the configured address."
_LEFT_OUT = "Large reads are left to the primary for now, because they failed here"
_ALL_IN_USE = (
    "All connections to the replica are in use, and reads beyond them go to the primary: raise connections in the"
    " settings of the database if that is so often."
)
_NO_THREAD = (
    "This process gets no more threads, so large reads go to the primary: raise the limit for its user or service."
)
_log = get_logger("metadata")


class PostgresReplica(Replica):
    """Each read asks the primary how far its log is, and waits for a moment until the standby has replayed that: what
    somebody was told is stored, deleted or withdrawn is never missed.

    A read is done in a thread of its own, which is left behind when the standby hangs. Whatever goes wrong there, a
    read that replaying cancelled included, is done on the primary; a standby that fails again and again is left out
    for a while. What says nothing of the standby (`_NotItsFaultError`) does not count.
    """

    def __init__(self, engine: sa.Engine, *, primary: sa.Engine, timeout_seconds: float) -> None:
        self._engine = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        self._primary = primary.execution_options(isolation_level="AUTOCOMMIT")
        self._timeout_seconds = timeout_seconds
        self._breaker, self._lock = CircuitBreaker(), Lock()
        self._reads: Counter[str] = Counter(replica=0, primary=0)
        self._closed = False

    def fetch(self, queries: Sequence[sa.Select[Any]], *, within: str | None) -> list[Rows] | None:
        rows = self._tried(queries, within) if self._takes_calls() else None
        with self._lock:
            self._reads["primary" if rows is None else "replica"] += 1
        return rows

    def check(self) -> str:
        attempt = _Attempt(self._mark(), patience_seconds=2 * _CHECK_SECONDS, catch_up_seconds=_CHECK_SECONDS)
        self._done(attempt, (), None)
        with self._lock:
            left_out = self._breaker.state != "closed"
        takes = f"It takes the large reads that it is ready for within {_CATCH_UP_SECONDS:g} seconds"
        return (
            f"{_LEFT_OUT if left_out else takes}; just now it was {attempt.behind:,} bytes behind and ready after"
            f" {attempt.caught_up_seconds:.2f} seconds."
        )

    def reads(self) -> Mapping[str, int]:
        with self._lock:
            return dict(self._reads)

    def close(self) -> None:
        self._closed = True
        self._engine.dispose()

    def _takes_calls(self) -> bool:
        with self._lock:
            return self._breaker.state == "closed" or self._breaker.begin_trial()

    def _tried(self, queries: Sequence[sa.Select[Any]], within: str | None) -> list[Rows] | None:
        try:
            attempt = _Attempt(self._mark(), patience_seconds=_PATIENCE_SECONDS, catch_up_seconds=_CATCH_UP_SECONDS)
            rows = self._done(attempt, queries, within)
        except _NotItsFaultError:
            with self._lock:
                self._breaker.withdraw_trial()
            return None
        except DafeError as error:
            self._failed(error.message)
            return None
        except BaseException:
            self._failed("a read was broken off")
            raise
        with self._lock:
            self._breaker.pass_trial()
            self._breaker.succeed()
        return rows

    def _failed(self, why: str) -> None:
        with self._lock:
            before = self._breaker.state
            self._breaker.fail()
            if before != "open" and self._breaker.state == "open":
                _log.info(f"the read replica is left out for a while: {why}")

    def _mark(self) -> sa.Row[Any]:
        try:
            with translated_errors(self._timeout_seconds), self._primary.connect() as connection:
                return connection.execute(_MARK).one()
        except DafeError as error:
            raise _NotItsFaultError(error.message) from error

    def _done(self, attempt: "_Attempt", queries: Sequence[sa.Select[Any]], within: str | None) -> list[Rows]:
        done: Future[list[Rows]] = Future()

        def work() -> None:
            try:
                done.set_result(self._read(attempt, queries, within))
            except BaseException as error:  # noqa: BLE001 - it is raised by whoever waits
                done.set_exception(error)
            finally:
                attempt.begun.set()

        try:
            Thread(target=work, name="replica", daemon=True).start()
        except RuntimeError as error:
            raise _NotItsFaultError(_NO_THREAD) from error
        try:
            begun = attempt.begun.wait(attempt.patience_seconds)
            return done.result(self._timeout_seconds if begun else 0)
        except TimeoutError:
            raise BackendUnavailableError(_LATE) from None

    def _connect(self) -> sa.Connection:
        try:
            return self._engine.connect()
        except NoConnectionLeftError as error:
            raise _NotItsFaultError(_ALL_IN_USE) from error

    def _read(self, attempt: "_Attempt", queries: Sequence[sa.Select[Any]], within: str | None) -> list[Rows]:
        with translated_errors(self._timeout_seconds), self._connect() as connection:
            try:
                if attempt.await_replaying(connection) > self._mark().place:
                    raise BackendUnavailableError(_OTHER_HISTORY)
                # The transaction that looked may see what was there before: reading takes another one.
                connection.rollback()
                if within is not None:
                    connection.execute(WITHIN, {"within": within})
                return [connection.execute(query).all() for query in queries]
            finally:
                if self._closed:  # Meanwhile, by whoever waited no longer.
                    connection.invalidate()


class _NotItsFaultError(BackendUnavailableError):
    """Why a read is done on the primary although the standby may be well."""


class _Attempt:
    """One read, and the place in the primary's log that it must see. `begun` when the standby has that, or the read has
    ended without."""

    def __init__(self, mark: sa.Row[Any], *, patience_seconds: float, catch_up_seconds: float) -> None:
        self.begun = Event()
        self.patience_seconds = patience_seconds
        self.behind, self.caught_up_seconds = 0, 0.0
        self._mark = mark
        self._timeline = int(mark.file[:8], 16)
        self._until = time.monotonic() + patience_seconds
        self._catch_up_seconds = catch_up_seconds

    def await_replaying(self, connection: sa.Connection) -> int:
        """How far the standby is then. The connection may lead to any server: all is looked at for each read."""
        began = time.monotonic()
        until = min(self._until, began + self._catch_up_seconds)
        while (found := self._look(connection)).place < self._mark.place:
            self.behind = max(self.behind, int(self._mark.place - found.place))
            if time.monotonic() >= until:
                raise BackendUnavailableError(self._how_far(found))
            time.sleep(_POLL_SECONDS)
        self.caught_up_seconds = time.monotonic() - began
        if time.monotonic() >= self._until:  # Nobody waits any more.
            raise BackendUnavailableError(_LATE)
        self.begun.set()
        return int(found.place)

    def _look(self, connection: sa.Connection) -> sa.Row[Any]:
        found = connection.execute(_LOOK).one()
        if found.cluster != self._mark.cluster:
            raise ConfigurationError(_OTHER_CLUSTER)
        if not found.follows:
            raise ConfigurationError(_NO_STANDBY)
        if found.timeline != self._timeline:
            raise BackendUnavailableError(_OTHER_HISTORY)
        return found

    def _how_far(self, found: sa.Row[Any]) -> str:
        since = "" if found.seconds is None else f", and its last change is {found.seconds:.0f} seconds old"
        return f"The replica is {self.behind:,} bytes behind{since}: check that it receives and replays."
