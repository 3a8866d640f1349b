"""Large reads go to a standby of PostgreSQL, never see an older state there, and never fail because of it."""

import gc
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from threading import Event, Thread, stack_size
from threading import enumerate as enumerate_threads
from typing import Any

import pytest
import sqlalchemy as sa

from app.container import OPERATOR
from app.domain.ids import DocumentId, UserId, VersionId
from app.errors import BackendUnavailableError, ConfigurationError, DafeError
from app.health_parts import REPLICA
from app.services.health import Level
from backends.metadata.postgres import PostgresMetadataStore
from backends.metadata.settings import PostgresMetadataSettings
from backends.sql import replica as adapter
from backends.sql.base import fetch
from backends.sql.postgres import PostgresDatabase
from backends.sql.tables import chunks, workspaces
from tests.conformance.records import HERE, OTHER, chunk
from tests.conformance.test_metadata_stores import question, show
from tests.servers.days import services_of
from tests.servers.real_postgres import OWNER, RealPostgres, metadata_settings, real_postgres
from tests.servers.real_standby import RealStandby, real_standby

pytestmark = pytest.mark.server
KEY = bytes(range(32))
ANN = UserId("ann")
SCOPE: dict[str, Any] = {"workspace_id": HERE, "permitted": frozenset({VersionId("v1")})}
PORT = sa.select(sa.func.inet_server_port())


@pytest.fixture(scope="module")
def standby(postgres: RealPostgres) -> Iterator[RealStandby]:
    """Tests leave it running, replaying, and following."""
    with real_standby(postgres) as standby:
        yield standby


@pytest.fixture
def another(postgres: RealPostgres) -> Iterator[RealStandby]:
    """A standby to be broken."""
    with real_standby(postgres) as standby:
        yield standby


@pytest.fixture
def name(postgres: RealPostgres) -> Iterator[str]:
    """Of an empty database."""
    name = postgres.new_database()
    yield name
    postgres.drop(name)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """For what must happen on the standby, on a machine that does much else."""
    monkeypatch.setattr(adapter, "_PATIENCE_SECONDS", 20.0)
    monkeypatch.setattr(adapter, "_CATCH_UP_SECONDS", 20.0)


@pytest.fixture
def never_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A standby that is left out is so to the end of the test."""
    monkeypatch.setattr("backends.breaker._FIRST_PAUSE_SECONDS", 600.0)


@contextmanager
def opened(settings: PostgresMetadataSettings) -> Iterator[PostgresMetadataStore]:
    with closing(PostgresMetadataStore(settings, key=KEY)) as store:
        yield store


@contextmanager
def database_of(settings: PostgresMetadataSettings) -> Iterator[PostgresDatabase]:
    """With all tables."""
    with opened(settings), closing(PostgresDatabase(settings, key=KEY, replica=settings.replica)) as database:
        yield database


def port_read(database: PostgresDatabase) -> int:
    """Of the server that did a large read."""
    ((row,),) = fetch(database, PORT)
    return int(row[0])


def reads(store: PostgresMetadataStore) -> dict[str, int]:
    assert store.replica is not None
    return dict(store.replica.reads())


@contextmanager
def paused(standby: RealStandby) -> Iterator[None]:
    """It goes on receiving and replays nothing."""
    standby.catch_up()
    standby.execute("SELECT pg_wal_replay_pause()")
    try:
        while standby.execute("SELECT pg_get_wal_replay_pause_state()") != [("paused",)]:
            time.sleep(0.01)
        yield
    finally:
        standby.execute("SELECT pg_wal_replay_resume()")


def large_reads(store: PostgresMetadataStore) -> tuple[object, ...]:
    """Each of them once."""
    postings = store.chunks.find_postings({"stroke"}, **SCOPE)
    return (
        (postings.chunks, sorted(postings.lengths)),
        [one.id for one in store.chunks.find(VersionId("v1"), workspace_id=HERE)],
        store.chunks.count(**SCOPE),
        [one.id for one in store.history.find(workspace_id=HERE, asked_by=ANN, reader=None, limit=9)],
    )


def test_large_reads_are_done_on_the_standby_and_find_what_was_just_written(
    standby: RealStandby, name: str, patient: None
) -> None:
    with opened(standby.settings(name)) as store:
        show(store, "d1")
        store.history.add(question("q1"))
        for n in range(20):
            store.chunks.upsert([chunk(f"c{n:02}", ordinal=n)])
            here = [f"c{one:02}" for one in range(n + 1)]
            assert large_reads(store) == ((n + 1, here), here, n + 1, ["q1"])
        assert reads(store) == {"replica": 80, "primary": 0}


def test_a_large_read_runs_on_the_standby_in_one_state_that_it_cannot_change(
    standby: RealStandby, name: str, patient: None
) -> None:
    how = [sa.select(sa.func.current_setting(f"transaction_{one}")) for one in ("isolation", "read_only")]
    tls = sa.select(sa.text("version FROM pg_stat_ssl WHERE pid = pg_backend_pid()"))
    with database_of(standby.settings(name)) as database:
        rows = fetch(database, PORT, *how, tls)
        assert [row[0][0] for row in rows] == [standby.port, "repeatable read", "on", "TLSv1.3"]


def test_everything_else_is_read_from_the_primary(standby: RealStandby, name: str) -> None:
    with database_of(standby.settings(name)) as database, database.read() as connection:
        assert connection.execute(PORT).scalar_one() != standby.port


def test_a_standby_that_does_not_replay_shows_nobody_an_older_state(standby: RealStandby, name: str) -> None:
    with opened(standby.settings(name)) as store:
        show(store, "d1")
        store.chunks.upsert([chunk("c1"), chunk("c2", ordinal=1)])
        store.history.add(question("q1"))
        with paused(standby):
            store.chunks.upsert([chunk("c3", ordinal=2)])
            assert large_reads(store) == ((3, ["c1", "c2", "c3"]), ["c1", "c2", "c3"], 3, ["q1"])
            store.access.set(DocumentId("d1"), [], workspace_id=HERE)
            assert store.history.find(workspace_id=HERE, asked_by=ANN, reader=ANN, limit=9) == []
            store.documents.delete(DocumentId("d1"), workspace_id=HERE)
            store.history.delete_citing(DocumentId("d1"), workspace_id=HERE)
            store.chunks.delete_version(VersionId("v1"), workspace_id=HERE)
            assert large_reads(store) == ((0, []), [], 0, [])
            assert reads(store) == {"replica": 0, "primary": 9}
            ((there,),) = standby.execute("SELECT count(*) FROM chunks", database=name)
            assert there == 2


def test_a_read_that_waited_for_the_standby_sees_what_it_waited_for(
    standby: RealStandby, name: str, patient: None
) -> None:
    with opened(standby.settings(name)) as store:
        store.chunks.upsert([chunk("c1")])
        with paused(standby):
            store.chunks.upsert([chunk("c2", ordinal=1)])
            found: list[int] = []
            reading = Thread(target=lambda: found.append(store.chunks.count(**SCOPE)))
            reading.start()
            time.sleep(0.5)
            assert found == []
        reading.join()
        assert found == [2]
        assert reads(store) == {"replica": 1, "primary": 0}


def test_a_standby_that_does_not_replay_costs_a_moment_and_is_then_left_alone(
    standby: RealStandby, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "_PATIENCE_SECONDS", 2.0)
    monkeypatch.setattr(adapter, "_CATCH_UP_SECONDS", 1.0)
    with opened(standby.settings(name)) as store:
        store.chunks.count(**SCOPE)
        with paused(standby):
            store.chunks.upsert([chunk("c1")])
            seconds = [timed(lambda: store.chunks.count(**SCOPE)) for _ in range(12)]
            assert max(seconds) < 5
            assert sorted(seconds)[5] < adapter._CATCH_UP_SECONDS
        until(lambda: reads_more_there(store))


def test_more_reads_at_once_than_connections_do_not_count_against_the_standby(
    standby: RealStandby, name: str, patient: None, never_tried_again: None
) -> None:
    slow = sa.select(sa.func.inet_server_port(), sa.func.pg_sleep(6))
    with database_of(standby.settings(name, connections=2)) as database:
        ports: list[int] = []
        threads = [Thread(target=lambda: ports.append(fetch(database, slow)[0][0][0])) for _ in range(2)]
        for thread in threads:
            thread.start()
        until(lambda: standby.execute(SLEEPING) == [(2,)])
        assert database.replica is not None
        with pytest.raises(BackendUnavailableError, match="All connections to the replica are in use"):
            database.replica.check()
        others = [port_read(database) for _ in range(5)]
        assert standby.execute(SLEEPING) == [(2,)]
        assert standby.port not in others
        for thread in threads:
            thread.join()
        assert ports == [standby.port] * 2
        assert port_read(database) == standby.port


SLEEPING = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()"


def test_a_primary_that_cannot_be_asked_says_so_itself_and_does_not_count_against_the_standby(
    standby: RealStandby, name: str, patient: None, never_tried_again: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the standby is, or when it is ready."""
    monkeypatch.setattr("backends.sql.postgres.BUSY_SECONDS", 0.2)
    with database_of(standby.settings(name, connections=1)) as database:
        with database.read():
            for _ in range(4):
                with pytest.raises(BackendUnavailableError, match="Too many use the database"):
                    fetch(database, PORT)
        assert port_read(database) == standby.port
        failed: list[str] = []
        for n in range(4):
            with ExitStack() as busy:
                with paused(standby):
                    with database.write() as connection:
                        connection.exec_driver_sql(f"CREATE TABLE more_{n} ()")
                    reading = Thread(target=lambda: failed.append(refused(database)))
                    reading.start()
                    until(lambda: standby.execute(WAITING) != [(0,)])
                    busy.enter_context(database.read())
                reading.join()
        assert len(failed) == 4
        assert all("Too many use the database" in sentence for sentence in failed)
        assert port_read(database) == standby.port


WAITING = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%received_tli%' AND pid <> pg_backend_pid()"


def refused(database: PostgresDatabase) -> str:
    with pytest.raises(BackendUnavailableError) as refusal:
        fetch(database, PORT)
    return refusal.value.message


def test_a_read_without_a_thread_is_done_on_the_primary_and_its_trial_is_due_still(
    standby: RealStandby, name: str, patient: None
) -> None:
    with database_of(standby.settings(name)) as database:
        leave_out(standby, database)
        time.sleep(1.1)
        former = stack_size(2**46)  # No machine has memory for it.
        try:
            with pytest.raises(RuntimeError, match="can't start new thread"):
                Thread(target=print).start()
            assert port_read(database) != standby.port
        finally:
            stack_size(former)
        assert port_read(database) == standby.port


def leave_out(standby: RealStandby, database: PostgresDatabase) -> None:
    """Let three reads in a row fail there."""
    with pytest.MonkeyPatch.context() as patch, paused(standby):
        patch.setattr(adapter, "_CATCH_UP_SECONDS", 0.0)
        with database.write() as connection:
            connection.exec_driver_sql("CREATE TABLE more ()")
        assert standby.port not in [port_read(database) for _ in range(3)]
    standby.catch_up()


def test_a_standby_that_is_left_out_for_a_while_is_said_to_be(
    standby: RealStandby, name: str, patient: None, never_tried_again: None
) -> None:
    with database_of(standby.settings(name)) as database:
        assert database.replica is not None
        assert database.replica.check().startswith("It takes the large reads")
        leave_out(standby, database)
        assert database.replica.check().startswith("Large reads are left to the primary for now")
        assert port_read(database) != standby.port


def timed(call: Callable[[], object]) -> float:
    began = time.monotonic()
    call()
    return time.monotonic() - began


def reads_more_there(store: PostgresMetadataStore) -> bool:
    before = reads(store)["replica"]
    store.chunks.count(**SCOPE)
    return reads(store)["replica"] > before


def until(condition: Callable[[], object], *, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.1)


def test_what_is_stored_is_in_the_log_even_where_the_server_does_not_wait_for_it(
    postgres: RealPostgres, name: str
) -> None:
    postgres.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
    with database_of(metadata_settings(postgres, name)) as database:
        waits = sa.text("SELECT current_setting('synchronous_commit')")
        with database.write() as connection:
            assert connection.execute(waits).scalar_one() == "on"
        postgres.execute(f"ALTER DATABASE {name} SET synchronous_commit = remote_apply")
        with (
            closing(PostgresDatabase(metadata_settings(postgres, name), key=KEY)) as other,
            other.write() as connection,
        ):
            assert connection.execute(waits).scalar_one() == "remote_apply"


def test_workspaces_are_kept_apart_on_the_standby(standby: RealStandby, name: str, patient: None) -> None:
    with database_of(standby.settings(name)) as database:
        with database.write() as connection:
            for id_ in (HERE, OTHER):
                row = {"name": id_, "name_key": id_, "ontology": "general", "refuse_below": 1.0, "weak_below": 1.3}
                connection.execute(workspaces.insert().values({**row, "id": id_}))
        with opened(standby.settings(name)) as store:
            store.chunks.upsert([chunk("c1")])
            store.chunks.upsert([chunk("c2", workspace_id=OTHER)])
        everyone = sa.select(chunks.c.workspace_id).order_by(chunks.c.workspace_id)
        for within, seen in ((HERE, [HERE]), (OTHER, [OTHER]), ("nowhere", []), (None, [HERE, OTHER])):
            port, rows = fetch(database, PORT, everyone, within=within)
            assert port[0][0] == standby.port
            assert [row[0] for row in rows] == seen


def test_a_standby_that_is_killed_costs_nobody_an_error_and_is_used_again(another: RealStandby, name: str) -> None:
    with opened(another.settings(name)) as store:
        store.chunks.upsert([chunk("c1")])
        until(lambda: reads_more_there(store))
        stopped, failed = Event(), []

        def read() -> None:
            while not stopped.is_set():
                try:
                    if store.chunks.count(**SCOPE) != 1:
                        failed.append("a passage was missed")
                except DafeError as error:
                    failed.append(repr(error))

        threads = [Thread(target=read) for _ in range(3)]
        for thread in threads:
            thread.start()
        another.kill()
        time.sleep(1)
        another.start()
        until(lambda: reads_more_there(store))
        stopped.set()
        for thread in threads:
            thread.join()
        assert failed == []
        assert reads(store)["primary"] > 0


def test_a_standby_that_hangs_is_not_waited_for(another: RealStandby, name: str) -> None:
    with opened(another.settings(name)) as store:
        store.chunks.upsert([chunk("c1")])
        until(lambda: reads_more_there(store))
        processes = another.clients()
        assert processes
        signal_all(processes, signal.SIGSTOP)
        try:
            for _ in range(6):
                assert timed(lambda: store.chunks.count(**SCOPE)) < 4
        finally:
            signal_all(processes, signal.SIGCONT)
        until(lambda: reads_more_there(store))


def test_a_read_that_hung_until_everything_was_closed_leaves_no_connection(another: RealStandby, name: str) -> None:
    with opened(another.settings(name)) as store:
        until(lambda: reads_more_there(store))
        processes = another.clients()
        signal_all(processes, signal.SIGSTOP)
        store.chunks.count(**SCOPE)
    signal_all(processes, signal.SIGCONT)
    until(lambda: not [thread for thread in enumerate_threads() if thread.name == "replica"])
    gc.collect()  # A connection that nobody closed would be told of here.
    until(lambda: another.clients() == [])


def signal_all(processes: list[int], sign: int) -> None:
    for process in processes:
        os.kill(process, sign)


def test_a_promoted_standby_is_not_read(another: RealStandby, name: str) -> None:
    with opened(another.settings(name)) as store:
        store.chunks.upsert([chunk("c1")])
        until(lambda: reads_more_there(store))
        another.promote()
        another.execute("DELETE FROM chunks", database=name)
        before = reads(store)["replica"]
        assert store.chunks.count(**SCOPE) == 1
        for n in range(2, 6):
            store.chunks.upsert([chunk(f"c{n}", ordinal=n)])
            assert store.chunks.count(**SCOPE) == n
        assert reads(store)["replica"] == before
        with pytest.raises(ConfigurationError, match="does not follow any server"):
            checked(store)


def checked(store: PostgresMetadataStore) -> str:
    assert store.replica is not None
    return store.replica.check()


def test_a_standby_that_follows_one_that_took_over_is_not_read(
    postgres: RealPostgres, another: RealStandby, name: str, patient: None
) -> None:
    """It has replayed beyond where the primary is, and lacks what the primary stored meanwhile."""
    with real_standby(postgres) as follower, opened(follower.settings(name)) as store:
        store.chunks.upsert([chunk("c1")])
        assert reads_more_there(store)
        another.promote()
        follower.follow(another)
        another.execute("CREATE TABLE more AS SELECT generate_series(1, 100000)", database=name)
        until(lambda: follower.execute("SELECT to_regclass('more') IS NOT NULL", database=name) == [(True,)])
        store.chunks.upsert([chunk("c2", ordinal=1)])
        assert store.chunks.count(**SCOPE) == 2
        with pytest.raises(BackendUnavailableError, match="does not follow this primary any more"):
            checked(store)


def test_a_standby_that_stayed_with_the_former_primary_is_not_read(
    postgres: RealPostgres, standby: RealStandby, another: RealStandby, name: str, patient: None
) -> None:
    """Its place in the log is between those of the new primary at the call and during the read."""
    with opened(standby.settings(name)) as store:
        store.chunks.upsert([chunk("c1")])
        another.catch_up()
    another.promote()
    given = {"port": another.port, "replica_host": "localhost", "replica_port": standby.port}
    with opened(metadata_settings(postgres, name, **given)) as store:
        another.execute("CREATE TABLE more AS SELECT generate_series(1, 50000)", database=name)
        store.chunks.upsert([chunk("c2", ordinal=1)])
        mark, found = log_end(another), list[int]()
        reading = Thread(target=lambda: found.append(store.chunks.count(**SCOPE)))
        reading.start()
        time.sleep(0.5)
        another.execute("CREATE TABLE much AS SELECT generate_series(1, 500000)", database=name)
        while log_end(postgres) < mark:
            postgres.execute("SELECT pg_logical_emit_message(true, 'x', repeat('x', 100000))")
        assert log_end(postgres) < log_end(another)
        reading.join()
        assert found == [2]
        assert reads(store) == {"replica": 0, "primary": 1}
        with pytest.raises(BackendUnavailableError, match="does not follow this primary any more"):
            checked(store)


def test_a_standby_of_another_server_is_not_read(postgres: RealPostgres, name: str, patient: None) -> None:
    """It has the same user, password, tables and a longer log, and none of the rows."""
    with ExitStack() as servers:
        elsewhere = servers.enter_context(real_postgres())
        elsewhere.execute(f"ALTER ROLE {OWNER} PASSWORD '{postgres.password}'")
        elsewhere.execute(f"CREATE DATABASE {name} OWNER {OWNER}")
        with opened(metadata_settings(elsewhere, name, password=postgres.password)) as other:
            other.check()
        standby = servers.enter_context(real_standby(elsewhere))
        while log_end(elsewhere) < log_end(postgres) + 2**24:
            elsewhere.execute("SELECT pg_current_xact_id()")
            elsewhere.execute("SELECT pg_switch_wal()")
        standby.catch_up()
        trusted = standby.authority.bundle.parent / "both.pem"
        trusted.write_bytes(postgres.authority.bundle.read_bytes() + elsewhere.authority.bundle.read_bytes())
        given = {"replica_host": "localhost", "replica_port": standby.port, "ca_bundle": trusted}
        store = servers.enter_context(opened(metadata_settings(postgres, name, **given)))
        store.chunks.upsert([chunk("c1")])
        assert store.chunks.count(**SCOPE) == 1
        assert reads(store) == {"replica": 0, "primary": 1}
        with pytest.raises(ConfigurationError, match="copy of another PostgreSQL server"):
            checked(store)


def log_end(server: RealPostgres) -> int:
    return int(server.execute("SELECT pg_wal_lsn_diff(pg_current_wal_flush_lsn(), '0/0')")[0][0])


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [({"replica_port": 1}, "check that it runs"), ({"replica_host": "127.0.0.1"}, "certificate")],
    ids=["nothing there", "another name"],
)
def test_a_replica_that_cannot_be_reached_stops_nobody_and_is_said(
    standby: RealStandby, name: str, changed: dict[str, Any], sentence: str
) -> None:
    with opened(standby.settings(name, **changed)) as store:
        store.chunks.upsert([chunk("c1")])
        assert [store.chunks.count(**SCOPE) for _ in range(5)] == [1] * 5
        assert reads(store) == {"replica": 0, "primary": 5}
        with pytest.raises((BackendUnavailableError, ConfigurationError), match=sentence):
            checked(store)


def test_a_read_that_replaying_cancels_is_done_again_on_the_primary(
    postgres: RealPostgres, standby: RealStandby, name: str, patient: None
) -> None:
    """The vacuum takes away what the read on the standby might still look at."""
    standby.execute("ALTER SYSTEM SET max_standby_streaming_delay = '10ms'")
    standby.execute("SELECT pg_reload_conf()")
    slow = sa.select(sa.func.inet_server_port(), sa.func.count(), sa.func.pg_sleep(sa.bindparam("seconds", 3)))
    try:
        with database_of(standby.settings(name)) as database:
            postgres.execute("CREATE TABLE rows AS SELECT generate_series(1, 1000) AS n", database=name)
            postgres.execute(f"GRANT SELECT ON rows TO {OWNER}", database=name)
            found: list[Any] = []
            reading = Thread(target=lambda: found.append(fetch(database, slow.select_from(sa.table("rows")))))
            reading.start()
            until(
                lambda: standby.execute(
                    "SELECT 1 FROM pg_stat_activity WHERE query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()"
                )
            )
            postgres.execute("DELETE FROM rows", database=name)
            postgres.execute("VACUUM rows", database=name)
            reading.join()
            ((row,),) = found[0]
            assert row[:2] == (postgres.port, 0)
            conflicts = f"SELECT confl_snapshot FROM pg_stat_database_conflicts WHERE datname = '{name}'"
            until(lambda: standby.execute(conflicts) != [(0,)])
            assert database.replica is not None
            assert database.replica.reads() == {"replica": 0, "primary": 1}
    finally:
        standby.execute("ALTER SYSTEM RESET max_standby_streaming_delay")
        standby.execute("SELECT pg_reload_conf()")


def test_how_far_the_standby_is_is_said(standby: RealStandby, name: str) -> None:
    with opened(standby.settings(name)) as store:
        until(lambda: reads_more_there(store))
        assert "bytes behind and ready after " in checked(store)
        with paused(standby):
            store.chunks.upsert([chunk("c1")])
            with pytest.raises(BackendUnavailableError, match=r"[0-9,]{3,} bytes behind.* seconds old"):
                checked(store)


@pytest.mark.model
def test_health_and_metrics_tell_of_the_replica_where_there_is_one(
    standby: RealStandby, name: str, patient: None, tmp_path: Path
) -> None:
    with closing(services_of(tmp_path, metadata=standby.settings(name))) as services:
        workspace_id = services.workspaces.add(OPERATOR, name="Cardiology", ontology="clinical").id
        services.questions.history(OPERATOR, workspace_id=workspace_id)
        (found,) = [check for check in services.health.checks(OPERATOR) if check.name == REPLICA]
        assert (found.ok, found.level) == (True, Level.OPTIONAL)
        assert "bytes behind" in found.detail
        told = services.metrics.read(OPERATOR).decode()
        assert 'dafe_database_large_reads_total{server="replica"} 1.0' in told
        with paused(standby):
            services.workspaces.add(OPERATOR, name="Oncology", ontology="clinical")
            (found,) = [check for check in services.health.checks(OPERATOR) if check.name == REPLICA]
            assert not found.ok
            assert "check that it receives and replays" in found.detail
