"""What goes wrong with PostgreSQL is said in one sentence that holds no secret, and leaves nothing half done."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from threading import Event, Thread

import psycopg
import pytest
import sqlalchemy as sa

from app.domain.workspaces import Workspace
from app.errors import BackendUnavailableError, ConfigurationError, DafeError, InvalidInputError
from backends.loading import load
from backends.metadata.base import MetadataStore
from backends.metadata.settings import PostgresMetadataSettings
from backends.sql import postgres as adapter
from backends.sql.postgres import PostgresDatabase
from backends.sql.tables import workspaces
from tests.conformance.records import HERE, OTHER
from tests.servers.certificates import Authority
from tests.servers.real_postgres import OWNER, RealPostgres, metadata_settings

pytestmark = pytest.mark.server
KEY = bytes(range(32))
ROW = {"name": "x", "name_key": "x", "ontology": "general", "refuse_below": 1.0, "weak_below": 1.3}
Open = Callable[..., PostgresDatabase]


@pytest.fixture
def settings(postgres: RealPostgres) -> Iterator[PostgresMetadataSettings]:
    """Of a database with all tables."""
    name = postgres.new_database()
    fitting = metadata_settings(postgres, name)
    load(MetadataStore, fitting, key=KEY).close()
    yield fitting
    postgres.drop(name)


@pytest.fixture
def opened(settings: PostgresMetadataSettings) -> Iterator[Open]:
    with ExitStack() as closings:

        def open_one(**changed: object) -> PostgresDatabase:
            return closings.enter_context(closing(PostgresDatabase(settings.model_copy(update=changed), key=KEY)))

        yield open_one


def refusal(settings: PostgresMetadataSettings, kind: type[DafeError]) -> str:
    """The sentence; neither it nor what it was made from holds the password."""
    with pytest.raises(kind) as caught:
        load(MetadataStore, settings, key=KEY)
    cause: BaseException | None = caught.value
    while cause is not None:
        assert settings.password.get_secret_value() not in str(cause)
        cause = cause.__cause__ or cause.__context__
    return caught.value.message


REFUSED = {
    "password": ({"password": "not-the-password"}, "refused the user or the password"),
    "user": ({"user": "nobody_here"}, "refused the user or the password"),
    "database": ({"database": "not_there"}, "has no such database"),
    "host": ({"host": "127.0.0.1"}, "certificate of the PostgreSQL server is for another host"),
    "bundle": ({"ca_bundle": Path("/not/there.pem")}, "ca_bundle for PostgreSQL cannot be read"),
    "authority": ({"ca_bundle": None}, "not trusted or has expired"),
}


@pytest.mark.parametrize(("changed", "sentence"), REFUSED.values(), ids=REFUSED)
def test_wrong_settings_are_refused_with_what_to_correct(
    postgres: RealPostgres, settings: PostgresMetadataSettings, changed: dict[str, object], sentence: str
) -> None:
    wrong = metadata_settings(postgres, settings.database, **changed)
    assert sentence in refusal(wrong, ConfigurationError)


def test_a_certificate_of_another_authority_or_that_has_expired_is_not_trusted(
    postgres: RealPostgres, settings: PostgresMetadataSettings, tmp_path: Path
) -> None:
    other = metadata_settings(postgres, settings.database, ca_bundle=Authority(tmp_path).bundle)
    assert "not trusted or has expired" in refusal(other, ConfigurationError)
    postgres.use_certificate(expired=True)
    try:
        until(lambda: "expired" in refusal(settings, ConfigurationError))
    finally:
        postgres.use_certificate()
    until(lambda: load(MetadataStore, settings, key=KEY).close() is None)


def until(condition: Callable[[], object], *, seconds: float = 20.0) -> None:
    """Failures before it holds are those of a server that has not read its new files yet."""
    end = time.monotonic() + seconds
    while True:
        try:
            if condition():
                return
        except (DafeError, AssertionError, pytest.fail.Exception):
            if time.monotonic() > end:
                raise
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.1)


def test_a_user_that_may_not_make_tables_is_said(postgres: RealPostgres) -> None:
    name = postgres.new_database()
    postgres.execute(f"ALTER DATABASE {name} OWNER TO postgres")
    assert "make it the owner" in refusal(metadata_settings(postgres, name), ConfigurationError)
    postgres.drop(name)


def test_a_server_that_is_not_there_or_never_answers_is_said(
    postgres: RealPostgres, settings: PostgresMetadataSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "_CONNECT_SECONDS", 2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        began = time.monotonic()
        hanging = metadata_settings(postgres, settings.database, port=port)
        assert "check that it runs" in refusal(hanging, BackendUnavailableError)
        assert time.monotonic() - began < 8
    assert "check that it runs" in refusal(hanging, BackendUnavailableError)


def test_a_server_killed_in_a_transaction_keeps_nothing_of_it_and_is_found_again(
    postgres: RealPostgres, settings: PostgresMetadataSettings
) -> None:
    with closing(load(MetadataStore, settings, key=KEY)) as store:
        store.workspaces.add(Workspace(HERE, "Kept"))
        with (
            pytest.raises(BackendUnavailableError, match="check that it runs"),
            closing(PostgresDatabase(settings, key=KEY)) as database,
            database.write() as connection,
        ):
            connection.execute(workspaces.insert().values(id=OTHER, **ROW))
            postgres.kill()
            for _ in range(100):
                connection.execute(sa.text("SELECT pg_sleep(0.05)"))
        with pytest.raises(BackendUnavailableError, match="check that it runs"):
            store.workspaces.find()
        postgres.start()
        assert [one.name for one in store.workspaces.find()] == ["Kept"]
        store.workspaces.add(Workspace(OTHER, "Next"))
        store.check()
        postgres.kill()
        postgres.start()
        assert [one.name for one in store.workspaces.find()] == ["Kept", "Next"]


def test_more_calls_than_connections_are_told_to_try_again(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapter, "BUSY_SECONDS", 0.3)
    database = opened(connections=1)
    with (
        database.read(),
        pytest.raises(BackendUnavailableError, match="Too many use the database"),
        database.read(),
    ):
        pass
    with database.read():
        pass


def test_a_server_without_a_connection_left_is_said(postgres: RealPostgres, settings: PostgresMetadataSettings) -> None:
    postgres.execute(f"ALTER ROLE {OWNER} CONNECTION LIMIT 0")
    try:
        assert "Too many use the database" in refusal(settings, BackendUnavailableError)
    finally:
        postgres.execute(f"ALTER ROLE {OWNER} CONNECTION LIMIT -1")


def test_a_statement_that_takes_too_long_is_ended_and_said(opened: Open) -> None:
    database = opened(timeout_seconds=0.2)
    began = time.monotonic()
    with (
        pytest.raises(BackendUnavailableError, match=r"longer than 0\.2 seconds.*timeout_seconds"),
        database.read() as connection,
    ):
        connection.execute(sa.text("SELECT pg_sleep(30)"))
    assert time.monotonic() - began < 10
    with database.change_schema() as connection:
        connection.execute(sa.text("SELECT pg_sleep(0.4)"))


def test_who_waits_for_another_writer_too_long_is_told_that_it_is_busy(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "BUSY_SECONDS", 0.3)
    database = opened()
    with database.write("one"):
        for part in ("one", None):
            with pytest.raises(BackendUnavailableError, match="busy with another process"), database.write(part):
                pass
        with database.write("other"):
            pass
    with database.write(), pytest.raises(BackendUnavailableError, match="busy"), database.write("one"):
        pass


def test_a_client_that_hangs_in_a_transaction_loses_it_and_its_locks(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "_IDLE_SECONDS", 0.5)
    hanging, other = opened(), opened()
    began, done = Event(), Event()
    said: list[str] = []

    def hang() -> None:
        try:
            with hanging.write("one") as connection:
                began.set()
                done.wait(20)
                connection.execute(sa.text("SELECT 1"))
        except BackendUnavailableError as error:
            said.append(error.message)

    thread = Thread(target=hang)
    thread.start()
    assert began.wait(20)
    with other.write("one"):
        done.set()
        thread.join()
    assert len(said) == 1
    assert "stood still for too long" in said[0]


def test_a_copy_that_cannot_be_written_is_said(postgres: RealPostgres, settings: PostgresMetadataSettings) -> None:
    name = settings.database
    postgres.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    try:
        assert "copy that cannot be written" in refusal(settings, BackendUnavailableError)
    finally:
        postgres.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")


def test_a_sign_that_postgresql_cannot_keep_is_refused(opened: Open) -> None:
    for name in ("Ward \x00", "Ward \ud800"):
        with pytest.raises(InvalidInputError, match="remove them"), opened().write() as connection:
            connection.execute(workspaces.insert().values({**ROW, "id": HERE, "name": name}))


def test_a_broken_constraint_names_no_value(opened: Open) -> None:
    database = opened()
    with pytest.raises(sa.exc.IntegrityError, match="uq_workspaces_name_key") as caught:
        for id_ in (HERE, OTHER):
            with database.write() as connection:
                connection.execute(workspaces.insert().values({**ROW, "id": id_, "name_key": "secret name"}))
    assert "secret name" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert isinstance(caught.value.orig, psycopg.IntegrityError)
