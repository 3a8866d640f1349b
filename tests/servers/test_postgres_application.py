"""The whole application with its metadata in PostgreSQL: a day of documents and questions, and no scope crossed."""

import re
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from app.container import OPERATOR
from app.errors import ConflictError
from backends.metadata.postgres import PostgresMetadataStore
from backends.metadata.settings import PostgresMetadataSettings
from backends.sql.postgres import PostgresDatabase
from backends.sql.schema import METADATA
from tests.conformance.records import version
from tests.security.store_isolation import IsolatedMetadata, LeakFoundError, check_isolation
from tests.servers.days import answers, day, services_of
from tests.servers.real_postgres import OWNER, RealPostgres, metadata_settings
from tests.services.letters import names

pytestmark = [pytest.mark.server, pytest.mark.model]
KEY = bytes(range(32))
QUESTION = "What does warfarin interact with?"


@pytest.fixture
def settings(postgres: RealPostgres) -> Iterator[PostgresMetadataSettings]:
    name = postgres.new_database()
    yield metadata_settings(postgres, name)
    postgres.drop(name)


@pytest.mark.slow
def test_a_day_leaves_the_same_as_with_the_embedded_database(
    settings: PostgresMetadataSettings, tmp_path: Path
) -> None:
    with ExitStack() as closings:
        chosen: tuple[dict[str, Any], ...] = ({}, {"metadata": settings})
        opened = [services_of(tmp_path / str(len(one)), **one) for one in chosen]
        for one in opened:
            closings.callback(one.close)
        (_, embedded), (workspace_id, served) = (day(one) for one in opened)
        assert served == embedded
        assert served[0] == ["letter.txt"]
        assert all(check.ok for check in opened[1].health.checks(OPERATOR) if check.name == "Database")
    with closing(services_of(tmp_path / "1", metadata=settings)) as again:
        assert names(again, workspace_id) == ["letter.txt"]
        assert answers(again, workspace_id) == served[3]


def test_workspaces_and_hidden_versions_are_kept_apart(settings: PostgresMetadataSettings) -> None:
    with (
        closing(PostgresMetadataStore(settings, key=KEY)) as store,
        closing(PostgresDatabase(settings, key=KEY)) as database,
    ):

        def empty() -> PostgresMetadataStore:
            with database.write() as connection:
                for table in reversed(METADATA.sorted_tables):
                    connection.execute(table.delete())
            return store

        check_isolation(IsolatedMetadata(), empty, examples=6)


UNSCOPED = re.compile(r"(\w+\.workspace_id = %\(\w+\)s(?:::\w+)?)")


@contextmanager
def without_workspaces(database: PostgresDatabase) -> Iterator[None]:
    """Every statement loses its condition on the workspace."""

    def before(
        _connection: object, _cursor: object, statement: str, parameters: object, *_rest: object
    ) -> tuple[str, object]:
        return UNSCOPED.sub(r"(\1 OR true)", statement), parameters

    sa.event.listen(database.engine, "before_cursor_execute", before, retval=True)
    try:
        yield
    finally:
        sa.event.remove(database.engine, "before_cursor_execute", before)


def test_the_server_keeps_workspaces_apart_where_a_query_forgets_to(settings: PostgresMetadataSettings) -> None:
    """Without the server's own rule the same queries are found out."""
    with ExitStack() as closings:
        store = closings.enter_context(closing(PostgresMetadataStore(settings, key=KEY)))
        database = closings.enter_context(closing(PostgresDatabase(settings, key=KEY)))

        def empty() -> PostgresMetadataStore:
            with database.write() as connection:
                for table in reversed(METADATA.sorted_tables):
                    connection.execute(table.delete())
            return store

        with without_workspaces(store._server):
            check_isolation(IsolatedMetadata(), empty, examples=6)
            with database.change_schema() as connection:
                for table in ("documents", "versions", "chunks", "questions"):
                    connection.execute(sa.text(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY"))
            with pytest.raises((LeakFoundError, ConflictError)):
                check_isolation(IsolatedMetadata(), empty, examples=6)


def test_who_names_no_workspace_sees_no_row_and_every_table_of_workspaces_has_the_rule(
    postgres: RealPostgres, settings: PostgresMetadataSettings
) -> None:
    with closing(PostgresMetadataStore(settings, key=KEY)) as store:
        store.documents.add_version(version("v1"), reader=None)
        count = "SELECT count(*) FROM documents"
        with postgres.connect(settings.database, user=OWNER) as connection:
            seen = []
            for name in ("", "here", "other", "*"):
                connection.execute("SELECT set_config('app.workspace', %s, false)", [name])
                seen.append(connection.execute(count).fetchone()[0])
            assert seen == [0, 1, 0, 1]
        with postgres.connect(settings.database, user=OWNER) as connection:
            assert connection.execute(count).fetchone() == (0,)
    ruled = postgres.execute(
        "SELECT relname FROM pg_class WHERE relrowsecurity AND relforcerowsecurity", database=settings.database
    )
    assert {row[0] for row in ruled} == {one.name for one in METADATA.sorted_tables if "workspace_id" in one.c}
