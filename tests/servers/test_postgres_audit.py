"""The audit log in PostgreSQL: who may do what to it there, what is found when somebody did more, and a server away."""

import io
import json
import zipfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path
from threading import Barrier, Event
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa

from app.audit_verifier import open_export, verify
from app.container import OPERATOR, Services, open_services
from app.domain.audit import Outcome, sha256_hex
from app.errors import BackendUnavailableError, ConfigurationError
from app.security.audit_chain import event_mac
from app.security.audit_log import AuditLog
from app.settings import load_settings
from backends.audit import postgres as adapter
from backends.audit.base import EventFilter
from backends.audit.postgres import PostgresAuditStore
from backends.audit.settings import PostgresAuditSettings
from tests.servers.clusters import plain, variables
from tests.servers.real_postgres import OWNER, RealPostgres, audit_settings
from tests.unit.audit_parts import MAC_KEY, Folder, chained, event, with_key, without_key
from tests.unit.test_cli import CommandLine

pytestmark = pytest.mark.server
CLOSED = r"^The audit log cannot be written or read, so nothing was shown or changed"
TABLE = "dafe_audit.events"


@pytest.fixture
def settings(postgres_audit: PostgresAuditSettings) -> PostgresAuditSettings:
    return postgres_audit


@pytest.fixture
def folder(settings: PostgresAuditSettings, tmp_path: Path) -> Iterator[Folder]:
    """Eight events, sealed after the fourth and the eighth, and a ninth that only the second device has too."""
    made = Folder(tmp_path / "data", device=tmp_path / "second", kept=settings)
    for first in (1, 5):
        made.append(first, first + 3)
        made.seal()
    made.append(9, 9)
    yield made
    made.close()


@pytest.fixture
def superuser(postgres: RealPostgres, settings: PostgresAuditSettings) -> Iterator[Any]:
    with postgres.connect(settings.database) as connection:
        yield connection


def tamper(superuser: Any, *statements: str, **values: object) -> None:
    """What a superuser can do who has no key: switch the triggers off and write."""
    superuser.execute("SET session_replication_role = replica")
    for statement in statements:
        superuser.execute(statement, values)
    superuser.execute("RESET session_replication_role")


def bodies(superuser: Any) -> dict[int, str]:
    return dict(superuser.execute(f"SELECT seq, body FROM {TABLE} ORDER BY seq").fetchall())


def rewrite(superuser: Any, events: dict[int, str], macs: dict[int, str]) -> None:
    tamper(superuser, f"DELETE FROM {TABLE}")
    for seq, body in events.items():
        values = {"seq": seq, "mac": macs[seq], "body": body}
        tamper(superuser, f"INSERT INTO {TABLE} (seq, mac, body) VALUES (%(seq)s, %(mac)s, %(body)s)", **values)


FORBIDDEN = [
    f"INSERT INTO {TABLE} (seq, mac, body) SELECT 10, mac, body FROM {TABLE} WHERE seq = 9",
    f"UPDATE {TABLE} SET mac = ''",
    f"DELETE FROM {TABLE}",
    f"TRUNCATE {TABLE}",
    f"DROP TABLE {TABLE}",
    f"ALTER TABLE {TABLE} DISABLE TRIGGER ALL",
    f"ALTER TABLE {TABLE} OWNER TO {OWNER}",
    f"DROP TRIGGER append_only ON {TABLE}",
    f"CREATE TRIGGER mine BEFORE INSERT ON {TABLE} EXECUTE FUNCTION dafe_audit.refuse()",
    f"CREATE RULE mine AS ON INSERT TO {TABLE} DO INSTEAD NOTHING",
    f"SELECT * FROM {TABLE} FOR UPDATE",
    f"BEGIN; LOCK TABLE {TABLE} IN EXCLUSIVE MODE",
    "DROP SCHEMA dafe_audit CASCADE",
    "CREATE TABLE dafe_audit.other(a int)",
    "DROP FUNCTION dafe_audit.append(text[], text[])",
    "ALTER FUNCTION dafe_audit.append(text[], text[]) SECURITY INVOKER",
    "CREATE OR REPLACE FUNCTION dafe_audit.append(text[], text[]) RETURNS void LANGUAGE sql AS 'SELECT'",
    "SET ROLE dafe_audit",
    f"GRANT dafe_audit TO {OWNER}",
    "SET session_replication_role = replica",
]


@pytest.mark.parametrize("statement", FORBIDDEN)
def test_the_application_may_do_nothing_but_read_and_append(
    postgres: RealPostgres, settings: PostgresAuditSettings, folder: Folder, statement: str
) -> None:
    """Although the database belongs to it."""
    with postgres.connect(settings.database, user=OWNER) as connection:
        owner = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()"
        assert connection.execute(owner).fetchone() == (OWNER,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement)
    assert folder.verify().ok


@pytest.mark.parametrize("statement", [f"UPDATE {TABLE} SET mac = ''", f"DELETE FROM {TABLE}", f"TRUNCATE {TABLE}"])
def test_not_even_a_superuser_changes_it_by_mistake(folder: Folder, superuser: Any, statement: str) -> None:
    with pytest.raises(psycopg.errors.RaiseException, match="append only"):
        superuser.execute(statement)
    assert folder.verify().ok


def test_functions_of_the_application_are_not_run_with_the_owners_rights(
    postgres: RealPostgres, settings: PostgresAuditSettings, folder: Folder
) -> None:
    with postgres.connect(settings.database, user=OWNER) as connection:
        body = "BEGIN EXECUTE 'GRANT dafe_audit TO dafe'; RETURN 1; END"
        for name, given in (("pg_advisory_xact_lock", "bigint"), ("cardinality", "anyarray"), ("sha256", "bytea")):
            made = f"CREATE FUNCTION public.{name}({given}) RETURNS int LANGUAGE plpgsql AS $$ {body} $$"
            connection.execute(made)
        connection.execute("SET search_path = public, pg_catalog")
        (newest,) = connection.execute(f"SELECT body FROM {TABLE} ORDER BY seq DESC LIMIT 1").fetchone()
        following = next_body(newest)
        connection.execute("SELECT dafe_audit.append(%s, %s)", [[with_key(following)], [following]])
        assert connection.execute("SELECT pg_has_role('dafe', 'dafe_audit', 'MEMBER')").fetchone() == (False,)
    folder.log.append(event(11))
    assert folder.verify().ok


def next_body(newest: str) -> str:
    return newest.replace('"seq":9', '"seq":10').replace(
        f'"prev":"{json.loads(newest)["prev"]}"', f'"prev":"{sha256_hex(newest)}"'
    )


def test_of_those_who_append_at_the_same_place_one_succeeds(
    postgres: RealPostgres, settings: PostgresAuditSettings, folder: Folder, superuser: Any
) -> None:
    """Also without asking who holds the log: the function itself makes them take turns."""
    newest = bodies(superuser)[9]
    following = [next_body(newest).replace("ilse", f"p{number}") for number in range(6)]
    together = Barrier(len(following))

    def append(body: str) -> str:
        with postgres.connect(settings.database, user=OWNER) as connection:
            together.wait()
            try:
                connection.execute("SELECT dafe_audit.append(%s, %s)", [[with_key(body)], [body]])
            except psycopg.Error as error:
                return str(error.sqlstate)
        return "done"

    with ThreadPoolExecutor(len(following)) as pool:
        assert sorted(pool.map(append, following)) == ["DA001"] * 5 + ["done"]
    assert list(bodies(superuser)) == list(range(1, 11))
    assert folder.verify(second_device=None).ok


def test_a_modified_event_is_found_at_its_row(folder: Folder, superuser: Any) -> None:
    tamper(superuser, f"UPDATE {TABLE} SET body = replace(body, 'ilse', 'omar') WHERE seq = 3")
    assert folder.found() == [(3, "modified"), (3, "device")]
    assert folder.found(second_device=None) == [(3, "modified")]
    assert folder.verify().verified_to == 2


def test_a_deleted_event_is_found_at_its_row(folder: Folder, superuser: Any) -> None:
    tamper(superuser, f"DELETE FROM {TABLE} WHERE seq = 3")
    assert folder.found()[0] == (3, "missing")


def test_events_in_another_order_are_found(folder: Folder, superuser: Any) -> None:
    moves = ((5, 1000), (6, 5), (1000, 6))
    tamper(superuser, *(f"UPDATE {TABLE} SET seq = {there} WHERE seq = {here}" for here, there in moves))
    assert folder.found(second_device=None) == [(5, "reordered"), (6, "reordered")]


def test_an_inserted_event_is_found(folder: Folder, superuser: Any) -> None:
    tamper(superuser, f"INSERT INTO {TABLE} (seq, mac, body) SELECT 10, mac, body FROM {TABLE} WHERE seq = 2")
    assert folder.found(second_device=None) == [(10, "reordered")]


def test_an_emptied_log_is_found_from_its_first_row_on(folder: Folder, superuser: Any) -> None:
    tamper(superuser, f"ALTER TABLE {TABLE} DISABLE TRIGGER ALL", f"TRUNCATE {TABLE}")
    assert folder.found(second_device=None) == [(1, "truncated")]
    with pytest.raises(BackendUnavailableError, match="gone or changed"):
        folder.log.append(event(10))


def test_a_cut_end_is_found_by_the_checkpoint_and_behind_it_by_the_second_device(
    folder: Folder, superuser: Any
) -> None:
    tamper(superuser, f"DELETE FROM {TABLE} WHERE seq > 8")
    assert folder.found() == [(9, "truncated")]
    assert folder.found(second_device=None) == []
    tamper(superuser, f"DELETE FROM {TABLE} WHERE seq > 6")
    assert folder.found(second_device=None) == [(7, "truncated")]


def test_a_newest_event_written_anew_is_found(folder: Folder, superuser: Any) -> None:
    """Whoever decides what lies last decides what the next event follows."""
    forged = bodies(superuser)[9].replace("ilse", "omar")
    for mac, kinds in ((without_key(forged), {"modified", "device"}), (with_key(forged), {"device"})):
        tamper(superuser, f"UPDATE {TABLE} SET body = %(body)s, mac = %(mac)s WHERE seq = 9", body=forged, mac=mac)
        assert {kind for _, kind in folder.found()} == kinds
        assert folder.found()[0][0] == 9
    with pytest.raises(BackendUnavailableError, match="gone or changed"):
        folder.log.append(event(10))
    other = AuditLog(folder.open_store(), mac_key=MAC_KEY)
    assert other.append(event(10)) == 10
    other.close()
    assert folder.found()[0] == (9, "device")


def test_a_chain_written_anew_is_found_with_and_without_the_key(folder: Folder, superuser: Any) -> None:
    old = bodies(superuser)
    macs = {seq: with_key(body) for seq, body in old.items()}
    events = {seq: json.loads(body) for seq, body in old.items()}
    events[6]["actor"] = "omar"
    anew = chained(events)
    rewrite(superuser, anew, {**macs, **{seq: without_key(anew[seq]) for seq in range(6, 10)}})
    assert folder.found(second_device=None)[0] == (6, "modified")
    rewrite(superuser, anew, {seq: event_mac(body, key=MAC_KEY) for seq, body in anew.items()})
    assert folder.found(second_device=None) == [(8, "seal")]
    assert folder.found()[0] == (6, "device")


def test_a_holder_that_hangs_loses_the_log(
    settings: PostgresAuditSettings, folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    soon = str(adapter._TAKE.text).replace(f"'{adapter._STILL_SECONDS}s'", "'300ms'")
    monkeypatch.setattr(adapter, "_TAKE", sa.text(soon))
    held, done = Event(), Event()

    def hang() -> None:
        with closing(PostgresAuditStore(settings)) as store, store.alone() as tail:
            held.set()
            assert done.wait(20)
            with pytest.raises(BackendUnavailableError, match=CLOSED):
                tail.append([])

    with ThreadPoolExecutor(1) as pool:
        hanging = pool.submit(hang)
        assert held.wait(20)
        folder.append(10, 10)
        done.set()
        hanging.result()
    folder.append(11, 11)
    assert folder.verify().ok


def test_who_waits_too_long_for_the_log_is_told(folder: Folder, settings: PostgresAuditSettings) -> None:
    waiting = settings.model_copy(update={"timeout_seconds": 0.3})
    with closing(PostgresAuditStore(waiting)) as store:
        with (
            closing(folder.open_store()) as other,
            other.alone(),
            pytest.raises(BackendUnavailableError, match=CLOSED),
            store.alone(),
        ):
            pass
        with store.alone() as tail:
            assert tail.head().seq == 9


def test_what_is_acknowledged_is_on_disk_and_a_host_that_is_gone_is_noticed(settings: PostgresAuditSettings) -> None:
    wanted = {"synchronous_commit": "on", "tcp_keepalives_idle": "20", "idle_session_timeout": "1min"}
    with closing(PostgresAuditStore(settings)) as store, store._writing.connect() as connection:
        connection.execute(adapter._TAKE)
        held = {name: connection.execute(sa.text(f"SHOW {name}")).scalar() for name in wanted}
        connection.execute(adapter._LEAVE)
        assert held == wanted
        assert connection.execute(sa.text("SHOW idle_session_timeout")).scalar() == "0"
        assert connection.execute(sa.text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")).scalar() == 0


def test_what_people_search_by_is_the_body_itself_and_is_found_by_indexes(
    settings: PostgresAuditSettings, folder: Folder, superuser: Any
) -> None:
    """So nobody hides an event from a search while it verifies."""
    columns = "SELECT column_name FROM information_schema.columns WHERE table_name = 'events' ORDER BY ordinal_position"
    assert [name for (name,) in superuser.execute(columns)] == ["seq", "mac", "body"]
    at = datetime.now(UTC)
    searches = {
        "events_by_actor": EventFilter(actor_id="ilse"),
        "events_by_action": EventFilter(actions=("documents.get", "documents.list")),
        "events_by_outcome": EventFilter(outcomes=(Outcome.REFUSED,)),
        "events_by_time": EventFilter(since=at, until=at),
    }
    with closing(PostgresAuditStore(settings)) as store, store._reading_rows() as connection:
        connection.execute(sa.text("SET enable_seqscan = off"))
        for index, wanted in searches.items():
            query = sa.select(adapter._EVENTS.c.mac).where(*adapter._conditions(wanted))
            written = query.compile(connection, compile_kwargs={"literal_binds": True})
            plan = connection.exec_driver_sql(f"EXPLAIN {written}").scalars().all()
            assert index in "".join(plan)


@pytest.mark.parametrize(
    "damage",
    [
        lambda body: (with_key(body), body.replace('"address":"', '"address":"é')),
        lambda body: (with_key(body), body.replace(",", ",\n", 1)),
        lambda body: (with_key(body), body.replace('"address":"', '"address":"' + 131_072 * "x")),
        lambda body: ("é", body),
    ],
    ids=["a sign", "a line", "the length", "the MAC"],
)
def test_what_could_not_be_copied_is_not_taken(
    postgres: RealPostgres, settings: PostgresAuditSettings, folder: Folder, superuser: Any, damage: Any
) -> None:
    """The application's user may call the function with whatever follows."""
    mac, body = damage(next_body(bodies(superuser)[9]))
    with postgres.connect(settings.database, user=OWNER) as connection, pytest.raises(psycopg.errors.CheckViolation):
        connection.execute("SELECT dafe_audit.append(%s, %s)", [[mac], [body]])
    folder.append(10, 10)
    assert folder.verify().ok


def test_readers_leave_a_connection_for_who_writes_and_catches_up(folder: Folder) -> None:
    assert folder.device
    (folder.device / "events.jsonl").unlink()
    store = folder.log._store
    assert isinstance(store, PostgresAuditStore)
    with ExitStack() as readers:
        for _ in range(store._reading.pool.size()):  # type: ignore[attr-defined]
            readers.enter_context(store._reading.connect())
        folder.append(10, 10)
    assert folder.verify().ok


def test_a_search_that_takes_too_long_is_said(folder: Folder, settings: PostgresAuditSettings, superuser: Any) -> None:
    hurried = settings.model_copy(update={"timeout_seconds": 0.3})
    with closing(PostgresAuditStore(hurried)) as store, superuser.transaction():
        superuser.execute(f"LOCK TABLE {TABLE} IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(BackendUnavailableError, match=r"took too long.* narrow the filter"):
            store.find(EventFilter())
        with pytest.raises(BackendUnavailableError, match=CLOSED):
            store.head()


def test_a_log_that_is_not_prepared_is_said(postgres: RealPostgres) -> None:
    name = postgres.new_database()
    with (
        closing(PostgresAuditStore(audit_settings(postgres, name))) as store,
        pytest.raises(ConfigurationError, match="dafe audit sql"),
    ):
        store.check()
    postgres.drop(name)


@pytest.mark.parametrize(
    ("give", "take"),
    [
        (f"ALTER ROLE {OWNER} SUPERUSER", f"ALTER ROLE {OWNER} NOSUPERUSER"),
        (f"ALTER ROLE {OWNER} CREATEROLE", f"ALTER ROLE {OWNER} NOCREATEROLE"),
        (f"GRANT dafe_audit TO {OWNER}", f"REVOKE dafe_audit FROM {OWNER}"),
        (f"GRANT UPDATE ON {TABLE} TO {OWNER}", f"REVOKE UPDATE ON {TABLE} FROM {OWNER}"),
        (f"GRANT INSERT ON {TABLE} TO PUBLIC", f"REVOKE INSERT ON {TABLE} FROM PUBLIC"),
    ],
)
def test_a_user_that_could_change_the_log_is_refused(
    settings: PostgresAuditSettings, superuser: Any, give: str, take: str
) -> None:
    superuser.execute(give)
    try:
        with (
            closing(PostgresAuditStore(settings)) as store,
            pytest.raises(ConfigurationError, match="could change the audit log"),
        ):
            store.check()
    finally:
        superuser.execute(take)
    with closing(PostgresAuditStore(settings)) as store:
        store.check()


def opened(folder: Path, settings: PostgresAuditSettings, **changed: Any) -> Services:
    """The embedded profile, but for the audit log."""
    given = {"embeddings": {"kind": "hashing"}, "llm": {"kind": "none"}, "samples": False, "audit": settings}
    return open_services(load_settings(data_dir=folder, **given, **changed))


def test_a_server_that_is_away_keeps_everything_closed_and_is_found_again(
    postgres: RealPostgres, settings: PostgresAuditSettings, tmp_path: Path
) -> None:
    with closing(opened(tmp_path, settings)) as services:
        services.workspaces.add(OPERATOR, name="Cardiology")
        before = services.audit.status(OPERATOR).events
        postgres.kill()
        for call in (
            lambda: services.users.list(OPERATOR),
            lambda: services.workspaces.add(OPERATOR, name="Oncology"),
            lambda: services.audit.list(OPERATOR),
        ):
            with pytest.raises(BackendUnavailableError, match=CLOSED):
                call()
        failed = {check.name for check in services.health.checks(OPERATOR) if not check.ok}
        assert "Audit log" in failed
        postgres.start()
        assert [one.name for one in services.workspaces.list(OPERATOR)] == ["Cardiology"]
        services.workspaces.add(OPERATOR, name="Oncology")
        assert services.audit.status(OPERATOR).events > before
        assert services.audit.seal() is not None
        assert services.audit.verify(OPERATOR).ok
        (health,) = [check for check in services.health.checks(OPERATOR) if check.name == "Audit log"]
        assert (health.ok, "sealed to" in health.detail) == (True, True)


def test_a_server_that_is_away_lets_nothing_start(
    postgres: RealPostgres, settings: PostgresAuditSettings, tmp_path: Path
) -> None:
    postgres.kill()
    try:
        with pytest.raises(BackendUnavailableError, match="check that it runs"):
            opened(tmp_path, settings)
    finally:
        postgres.start()
    opened(tmp_path, settings).close()


def test_two_installations_on_two_hosts_share_the_log_and_an_export_of_it_is_verified_offline(
    settings: PostgresAuditSettings, tmp_path: Path
) -> None:
    """Two data folders with the same key stand for two hosts."""
    with ExitStack() as closings:
        first = closings.enter_context(closing(opened(tmp_path / "one", settings)))
        (tmp_path / "two").mkdir()
        (tmp_path / "two" / "key").write_bytes((tmp_path / "one" / "key").read_bytes())
        (tmp_path / "two" / "key").chmod(0o600)
        second = closings.enter_context(closing(opened(tmp_path / "two", settings)))
        for number in range(3):
            for services in (first, second):
                services.workspaces.add(OPERATOR, name=f"Ward {number}")
        for services in (first, second):
            page = services.audit.list(OPERATOR, actions=("workspaces.add",), outcomes=(Outcome.DONE,))
            assert page.total == 6
            assert services.audit.verify(OPERATOR).findings == ()
        file = io.BytesIO()
        second.audit.export(OPERATOR, file)
        (tmp_path / "audit.zip").write_bytes(file.getvalue())
        with open_export(tmp_path / "audit.zip") as (events, checkpoints):
            result = verify(events, checkpoints)
        assert (result["ok"], result["findings"]) == (True, [])
        assert len(lines_of(tmp_path / "audit.zip")) == result["events"] > 12


def lines_of(path: Path) -> Sequence[bytes]:
    with zipfile.ZipFile(path) as archive:
        return archive.read("events.jsonl").splitlines()


@pytest.mark.slow
def test_the_command_line_reads_verifies_and_exports_it(settings: PostgresAuditSettings, tmp_path: Path) -> None:
    dafe = CommandLine(tmp_path)
    given = variables({"audit": plain(settings)})
    where: dict[str, Any] = {f"DAFE_{name}": value for name, value in given.items()} | {"DAFE_AUDIT__KIND": "postgres"}
    assert dafe("workspaces", "add", "Cardiology", **where).code == 0
    ran = dafe("audit", "tail", "-n", "2", "--json", **where)
    assert [(one["action"], one["outcome"]) for one in ran.data["events"]][-1] == ("audit.list", "done")
    assert dafe("audit", "export", "--output", "audit.zip", **where).code == 0
    with open_export(tmp_path / "audit.zip") as (events, checkpoints):
        assert verify(events, checkpoints)["ok"]
    ran = dafe("audit", "verify", "--json", **where)
    assert (ran.code, ran.data["ok"]) == (0, True)
    checks = {one["name"]: one for one in dafe("doctor", "--json", **where).data["checks"]}
    assert checks["Audit log"]["ok"]
    assert not (tmp_path / "data" / "audit.db").exists()
