"""Tests of the encrypted database: what lies in its files, its transactions, errors and migrations."""

import os
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from app.errors import BackendUnavailableError, ConfigurationError, IntegrityError
from backends.graph.settings import SqlGraphSettings
from backends.graph.sql import SqlGraphStore
from backends.metadata.settings import SqliteMetadataSettings
from backends.metadata.sql import SqlMetadataStore
from backends.sql import engine, migrating, tables, tables_derived
from backends.sql.engine import Database
from backends.sql.migrating import newest_revision, upgrade
from backends.sql.schema import METADATA
from tests.conformance.graphs import contribution
from tests.conformance.records import HERE, chunk, job, version

KEY = bytes(range(32))
PLANTED = "Plantedname"
ROOT = Path(__file__).parents[2]


@pytest.fixture
def opened(tmp_path: Path) -> Callable[..., Database]:
    made: list[Database] = []

    def open_one(name: str = "dafe.db", *, key: bytes | None = KEY) -> Database:
        made.append(Database(tmp_path / name, key=key))
        return made[-1]

    yield open_one
    for database in made:
        database.close()


def fill(database: Database) -> None:
    """The planted word in names, texts, stems, facts, titles and jobs."""
    upgrade(database)
    metadata = SqlMetadataStore(SqliteMetadataSettings(), database=database)
    metadata.documents.add_version(version("v1", name=f"{PLANTED}.pdf"), reader=None)
    metadata.chunks.upsert([chunk("c1", text=f"{PLANTED} bled.", topic=PLANTED, stems=(PLANTED,))])
    metadata.jobs.add(job("j1"))
    graph = SqlGraphStore(SqlGraphSettings(), database=database)
    graph.add(contribution(chunk="c1", version="v1", subject=PLANTED), workspace_id=HERE)


def files_of(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


@pytest.mark.parametrize(("key", "readable"), [(KEY, False), (None, True)])
def test_nothing_planted_is_readable_in_the_files_behind_the_cipher(
    opened: Callable[..., Database], tmp_path: Path, key: bytes | None, readable: bool
) -> None:
    """The plain database proves that the search would find it; with it open its write-ahead log is searched too."""
    database = opened(key=key)
    fill(database)
    assert {path.name for path in tmp_path.iterdir()} >= {"dafe.db", "dafe.db-wal"}
    assert (PLANTED.encode() in files_of(tmp_path)) is readable
    assert (b"CREATE TABLE" in files_of(tmp_path)) is readable
    database.close()
    assert (PLANTED.encode() in files_of(tmp_path)) is readable


def test_what_is_deleted_is_overwritten(opened: Callable[..., Database], tmp_path: Path) -> None:
    database = opened(key=None)
    fill(database)
    metadata = SqlMetadataStore(SqliteMetadataSettings(), database=database)
    SqlGraphStore(SqlGraphSettings(), database=database).delete_workspace(HERE)
    metadata.workspaces.delete(HERE)
    database.close()
    assert PLANTED.encode() not in files_of(tmp_path)
    assert PLANTED.casefold().encode() not in files_of(tmp_path)


def test_sorting_and_temporary_tables_never_touch_the_disk(opened: Callable[..., Database]) -> None:
    with opened().read() as connection:
        options = set(connection.exec_driver_sql("PRAGMA compile_options").scalars())
        store = connection.exec_driver_sql("PRAGMA temp_store").scalar_one()
    assert ("TEMP_STORE=2" in options and store != 1) or "TEMP_STORE=3" in options or store == 2


def test_the_file_is_its_owner_s_only(opened: Callable[..., Database], tmp_path: Path) -> None:
    upgrade(opened())
    for path in tmp_path.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_pragmas_that_promises_rest_on_are_set(opened: Callable[..., Database]) -> None:
    with opened().read() as connection:
        values = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "secure_delete", "cipher_version", "busy_timeout")
        }
    assert (values["journal_mode"], values["synchronous"], values["secure_delete"]) == ("wal", 2, 1)
    assert values["cipher_version"]
    assert values["busy_timeout"] >= 15_000


def test_an_exception_undoes_the_whole_transaction(opened: Callable[..., Database]) -> None:
    database = opened()
    upgrade(database)
    row = {"name": "x", "name_key": "x", "ontology": "general", "refuse_below": 1.0, "weak_below": 1.3}
    with pytest.raises(RuntimeError), database.write() as connection:
        connection.execute(tables.workspaces.insert().values(id="w1", **row))
        raise RuntimeError
    with database.read() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(tables.workspaces)).scalar_one() == 0


def test_a_read_sees_one_state_while_another_writes(opened: Callable[..., Database]) -> None:
    database = opened()
    upgrade(database)
    count = sa.select(sa.func.count()).select_from(tables_derived.vector_removals)
    with database.read() as reading:
        assert reading.execute(count).scalar_one() == 0
        with database.write() as writing:
            writing.execute(tables_derived.vector_removals.insert().values(workspace_id="w", count=1))
        assert reading.execute(count).scalar_one() == 0
    with database.read() as reading:
        assert reading.execute(count).scalar_one() == 1


@pytest.mark.parametrize("key", [bytes(32), None])
def test_a_wrong_key_is_refused_with_a_sentence(opened: Callable[..., Database], key: bytes | None) -> None:
    upgrade(opened())
    with pytest.raises(IntegrityError, match="key is not the right one"):
        upgrade(opened(key=key))


def test_a_damaged_file_is_refused_with_a_sentence(opened: Callable[..., Database], tmp_path: Path) -> None:
    database = opened()
    upgrade(database)
    database.close()
    path = tmp_path / "dafe.db"
    content = bytearray(path.read_bytes())
    content[4096:] = os.urandom(len(content) - 4096)
    path.write_bytes(content)
    with pytest.raises(IntegrityError, match="damaged"), opened().read() as connection:
        for table in METADATA.sorted_tables:
            connection.execute(sa.select(table)).all()


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with (
        pytest.raises(BackendUnavailableError, match="cannot be opened"),
        Database(tmp_path / "missing" / "dafe.db", key=KEY).read(),
    ):
        pass


def test_a_database_that_stays_busy_is_said(opened: Callable[..., Database], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "BUSY_SECONDS", 0.2)
    first, second = opened(), opened()
    upgrade(first)
    with first.write(), pytest.raises(BackendUnavailableError, match="busy"), second.write():
        pass


def test_more_threads_than_connections_are_told_to_try_again(
    opened: Callable[..., Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "BUSY_SECONDS", 0.2)
    database = opened()
    with ExitStack() as held:
        for _ in range(engine._MOST_CONNECTIONS):
            held.enter_context(database.read())
        with pytest.raises(BackendUnavailableError, match="Too many"), database.read():
            pass
    with database.read():
        pass


def test_migrations_make_exactly_the_tables_in_code(opened: Callable[..., Database]) -> None:
    migrated, created = opened("migrated.db"), opened("created.db")
    upgrade(migrated)
    with created.write() as connection:
        METADATA.create_all(connection)
    with migrated.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []
    assert statements(migrated) == statements(created)


def statements(database: Database) -> list[str]:
    query = "SELECT sql FROM sqlite_master WHERE name NOT LIKE '%alembic%' AND sql IS NOT NULL ORDER BY type, name"
    with database.read() as connection:
        return [" ".join(sql.split()) for sql in connection.exec_driver_sql(query).scalars()]


def test_upgrading_again_changes_nothing(opened: Callable[..., Database]) -> None:
    database = opened()
    fill(database)
    before = statements(database)
    upgrade(database)
    assert statements(database) == before
    metadata = SqlMetadataStore(SqliteMetadataSettings(), database=database)
    assert metadata.chunks.find(chunk("c1").version_id, workspace_id=HERE)[0].topic == PLANTED


def test_the_newest_revision_is_the_one_that_alembic_ends_with() -> None:
    config = Config()
    config.set_main_option("script_location", str(ROOT / "backends" / "metadata" / "migrations"))
    assert newest_revision() == ScriptDirectory.from_config(config).get_current_head()


def test_a_database_of_a_newer_program_is_refused_and_left_alone(opened: Callable[..., Database]) -> None:
    database = opened()
    upgrade(database)
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    before = statements(database)
    with pytest.raises(ConfigurationError, match="newer Dafe Graphs"):
        upgrade(database)
    assert statements(database) == before


def test_a_migration_that_fails_leaves_the_database_as_it_was(
    opened: Callable[..., Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    database = opened()
    with database.write() as connection:
        connection.exec_driver_sql("CREATE TABLE workspaces (id TEXT)")
    with pytest.raises(BackendUnavailableError):
        upgrade(database)
    assert statements(database) == ["CREATE TABLE workspaces (id TEXT)"]
    with database.write() as connection:
        connection.exec_driver_sql("DROP TABLE workspaces")
    upgrade(database)


def test_a_program_in_a_folder_with_a_percent_sign_finds_its_migrations(
    opened: Callable[..., Database], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripts = tmp_path / "100% ours" / "migrations"
    scripts.parent.mkdir()
    scripts.symlink_to(ROOT / "backends" / "metadata" / "migrations")
    monkeypatch.setattr(migrating, "_SCRIPTS", scripts)
    upgrade(opened())


def test_processes_that_start_at_once_make_one_database(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from backends.sql.engine import Database; from backends.sql.migrating import upgrade\n"
        "database = Database(Path(sys.argv[1]), key=bytes(range(32)))\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        "upgrade(database); upgrade(database); database.close()\n"
    )
    children = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path / "dafe.db")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        for _ in range(3)
    ]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    results = [(child.communicate(timeout=60)[1], child.returncode) for child in children]
    assert [code for _, code in results] == [0] * 3, results


def test_wiping_leaves_no_connection_that_sorts_in_a_file(tmp_path: Path) -> None:
    database = Database(tmp_path / "dafe.db", key=bytes(range(32)))
    upgrade(database)
    database.wipe()
    with database.read() as connection:
        assert connection.exec_driver_sql("PRAGMA temp_store").scalar_one() == 0
    database.close()


def test_who_writes_waits_for_a_wipe_longer_than_for_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = Database(tmp_path / "dafe.db", key=bytes(range(32)))
    with database.write() as connection:
        connection.exec_driver_sql("CREATE TABLE filling (content BLOB)")
        for _ in range(40):
            connection.exec_driver_sql("INSERT INTO filling VALUES (randomblob(1000000))")
    database.close()
    monkeypatch.setattr(engine, "BUSY_SECONDS", 0.01)
    wiping = Thread(target=database.wipe)
    began = Event()

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement == "VACUUM":
            began.set()

    sa.event.listen(database.engine, "before_cursor_execute", note)
    wiping.start()
    assert began.wait(20)
    time.sleep(0.05)
    assert wiping.is_alive()
    with database.write() as connection:
        connection.exec_driver_sql("DELETE FROM filling")
    wiping.join()
    database.close()


def test_a_wipe_that_lacks_room_says_so_and_stays_owed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = Database(tmp_path / "dafe.db", key=None)
    upgrade(database)
    with database.read() as connection:
        size = connection.exec_driver_sql("PRAGMA page_count").scalar_one() * 4_096
    full = shutil.disk_usage(tmp_path)._replace(free=size - 5_000)
    with monkeypatch.context() as patched:
        patched.setattr(shutil, "disk_usage", lambda _folder: full)
        with pytest.raises(BackendUnavailableError, match=r"free .* MB where .* lies"):
            database.wipe()
    other = Database(tmp_path / "dafe.db", key=None)
    assert other.is_wipe_owed
    other.wipe()
    assert not database.is_wipe_owed
    other.close()
    database.close()


def test_a_wipe_does_not_end_what_is_owed_since_it_began(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = Database(tmp_path / "dafe.db", key=None)
    upgrade(database)

    def owe_again(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement == "PRAGMA wal_checkpoint(TRUNCATE)":
            with monkeypatch.context() as patched, suppress(BackendUnavailableError):
                patched.setattr(shutil, "disk_usage", lambda folder: usage(folder)._replace(free=0))
                database.wipe()

    usage = shutil.disk_usage
    sa.event.listen(database.engine, "after_cursor_execute", owe_again)
    database.wipe()
    sa.event.remove(database.engine, "after_cursor_execute", owe_again)
    assert database.is_wipe_owed
    database.wipe()
    assert not database.is_wipe_owed
    database.close()
