"""A data folder of an earlier schema keeps what is in it when the program brings it to the newest."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config

from app.domain.documents import Coverage, DocumentStatus
from app.domain.ids import DocumentId, UserId, VersionId
from backends.metadata.settings import SqliteMetadataSettings
from backends.metadata.sql import SqlMetadataStore
from backends.sql.engine import Database
from backends.sql.migrating import upgrade
from tests.conformance.implementations import open_database
from tests.conformance.records import HERE, NOW, version

SCRIPTS = Path(__file__).parents[2] / "backends" / "metadata" / "migrations"
WRITTEN = version(
    "v1",
    status=DocumentStatus.INDEXED,
    error="A note.",
    coverage=Coverage(3, 5, 4, 0, 1, 7, {"pronoun": 2}, ("Page 2 holds no readable text.",)),
    title="Letter",
)
FIRST = (
    "INSERT INTO documents VALUES ('d-v1', 'here', 'v1.pdf', 'v1.pdf', 'v1', 'v1', '{at}')",
    "INSERT INTO versions VALUES ('v1', 'd-v1', 'here', 1, 'v1.pdf', 'application/pdf', 'sha-v1', 5, 'f-v1', 'ann',"
    " '{at}', 'indexed', 'A note.', '{coverage}', 'Letter')",
)
COVERAGE = (
    '{"pages":3,"chunks":5,"extracted":4,"retried":0,"quarantined":1,"triples":7,"refused":{"pronoun":2},'
    '"warnings":["Page 2 holds no readable text."]}'
)


@pytest.fixture
def before(tmp_path: Path) -> Iterator[Database]:
    """A database of revision 0001 with one document."""
    database = open_database(tmp_path)
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    with database.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        for statement in FIRST:
            filled = statement.format(at=NOW.isoformat(timespec="microseconds"), coverage=COVERAGE)
            connection.exec_driver_sql(filled)
    yield database
    database.close()


def test_documents_stay_as_they_were_and_everybody_sees_them(before: Database) -> None:
    upgrade(before)
    store = SqlMetadataStore(SqliteMetadataSettings(), database=before)
    document = store.documents.get(DocumentId("d-v1"), workspace_id=HERE, reader=UserId("anybody"))
    assert (document.version, document.visible_version_id, document.restricted) == (WRITTEN, VersionId("v1"), False)
    assert store.access.get(DocumentId("d-v1"), workspace_id=HERE) is None


def test_the_newest_tables_are_the_same_from_whatever_schema_they_come(before: Database, tmp_path: Path) -> None:
    query = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY type, name"
    folder = tmp_path / "new"
    folder.mkdir()
    new = open_database(folder)
    found = []
    for database in (before, new):
        upgrade(database)
        with database.read() as connection:
            found.append(connection.exec_driver_sql(query).scalars().all())
    new.close()
    assert found[0] == found[1]


def test_hidden_content_may_be_there_a_second_time_as_it_could_not_before(before: Database) -> None:
    upgrade(before)
    store = SqlMetadataStore(SqliteMetadataSettings(), database=before)
    store.access.set(DocumentId("d-v1"), [UserId("ann")], workspace_id=HERE)
    added = store.documents.add_version(version("v2", sha256="sha-v1"), reader=UserId("bob"))
    assert added.id == "d-v2"
