"""Tests of PostgreSQL as the database of the metadata: its tables, locks, and what lies in its files."""

import random
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from threading import Barrier

import psycopg
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from app.domain.access import Role
from app.domain.ids import ChunkId, DocumentId, UserId, VersionId
from app.domain.workspaces import Membership, Workspace
from app.errors import ConfigurationError, ConflictError, IntegrityError
from app.pipeline.lexical import rank_by_words
from backends.loading import load
from backends.metadata.base import MetadataStore
from backends.metadata.settings import PostgresMetadataSettings, SqliteMetadataSettings
from backends.sql.migrating import newest_revision, upgrade
from backends.sql.postgres import PostgresDatabase
from backends.sql.schema import METADATA
from backends.sql.tables import chunk_stems, chunks, workspaces
from tests.conformance.implementations import open_database
from tests.conformance.records import HERE, OTHER, chunk, job, version
from tests.conformance.test_metadata_stores import question, show
from tests.servers.real_postgres import OWNER, RealPostgres, metadata_settings

pytestmark = pytest.mark.server
KEY = bytes(range(32))
ROOT = Path(__file__).parents[2]
PLANTED = "Plantedname"


@pytest.fixture
def settings(postgres: RealPostgres) -> Iterator[PostgresMetadataSettings]:
    """Of an empty database."""
    name = postgres.new_database()
    yield metadata_settings(postgres, name)
    postgres.drop(name)


@pytest.fixture
def database(settings: PostgresMetadataSettings) -> Iterator[PostgresDatabase]:
    with closing(PostgresDatabase(settings, key=KEY)) as database:
        upgrade(database)
        yield database


@pytest.fixture
def store(settings: PostgresMetadataSettings) -> Iterator[MetadataStore]:
    with closing(load(MetadataStore, settings, key=KEY)) as store:
        yield store


def test_the_server_of_the_tests_takes_nothing_but_tls_and_scram(postgres: RealPostgres) -> None:
    address = {"host": "localhost", "port": postgres.port, "user": OWNER, "password": postgres.password}
    with pytest.raises(psycopg.OperationalError, match="no encryption"):
        psycopg.connect(**address, dbname="postgres", sslmode="disable")
    with pytest.raises(psycopg.OperationalError, match="authentication method requirement"):
        psycopg.connect(**address, dbname="postgres", sslmode="require", require_auth="md5")
    with postgres.connect(user=OWNER) as connection:
        assert connection.execute("SELECT usesuper FROM pg_user WHERE usename = current_user").fetchone() == (False,)


def test_connections_are_encrypted_and_reads_see_one_state_and_write_nothing(database: PostgresDatabase) -> None:
    row = {"id": HERE, "name": "x", "name_key": "x", "ontology": "general", "refuse_below": 1.0, "weak_below": 1.3}
    count = sa.select(sa.func.count()).select_from(workspaces)
    with database.read() as reading:
        session = reading.execute(sa.text("SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid()"))
        assert session.scalar_one() == "TLSv1.3"
        assert reading.execute(count).scalar_one() == 0
        with database.write("here") as writing:
            writing.execute(workspaces.insert().values(row))
        assert reading.execute(count).scalar_one() == 0
    with pytest.raises(Exception, match="copy that cannot be written"), database.read() as reading:
        reading.execute(workspaces.delete())
    with pytest.raises(RuntimeError), database.write("here") as writing:
        writing.execute(workspaces.delete())
        raise RuntimeError
    with database.read() as reading:
        assert reading.execute(count).scalar_one() == 1


def test_migrations_make_the_tables_in_code_with_text_in_byte_order_and_wide_numbers(
    database: PostgresDatabase,
) -> None:
    narrow = "data_type IN ('integer', 'smallint')"
    ordered = "data_type IN ('text', 'character varying') AND collation_name IS DISTINCT FROM 'C'"
    ours = "FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> 'alembic_version'"
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        assert compare_metadata(context, METADATA) == []
        wrong = connection.execute(sa.text(f"SELECT table_name, column_name {ours} AND ({narrow} OR {ordered})")).all()
        assert wrong == []
        assert connection.execute(sa.text(f"SELECT count(*) {ours}")).scalar_one() > 100


def test_processes_that_start_at_once_make_one_database(settings: PostgresMetadataSettings) -> None:
    code = (
        "import sys; from backends.metadata.settings import PostgresMetadataSettings as Settings\n"
        "from backends.metadata.postgres import PostgresMetadataStore\n"
        "settings = Settings.model_validate_json(sys.stdin.readline())\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        "PostgresMetadataStore(settings, key=bytes(range(32))).close()\n"
    )
    given = settings.model_dump_json().replace("**********", settings.password.get_secret_value())
    children = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        for _ in range(3)
    ]
    for child in children:
        assert child.stdin and child.stdout
        child.stdin.write(given + "\n")
        child.stdin.flush()
        assert child.stdout.readline() == "ready\n"
    for child in children:
        assert child.stdin
        child.stdin.write("go\n")
        child.stdin.flush()
    results = [(child.communicate(timeout=60)[1], child.returncode) for child in children]
    assert [code for _, code in results] == [0] * 3, results
    with closing(PostgresDatabase(settings, key=KEY)) as database, database.read() as connection:
        revisions = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalars().all()
        assert revisions == [newest_revision()]


def test_a_database_of_a_newer_program_is_refused_and_left_alone(
    settings: PostgresMetadataSettings, database: PostgresDatabase
) -> None:
    with database.write() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(ConfigurationError, match="newer Dafe Graphs"):
        load(MetadataStore, settings, key=KEY)


def test_a_database_is_good_for_the_key_that_came_first(settings: PostgresMetadataSettings) -> None:
    load(MetadataStore, settings, key=KEY).close()
    with pytest.raises(IntegrityError, match="put the key file that belongs to it back"):
        load(MetadataStore, settings, key=bytes(32))
    load(MetadataStore, settings, key=KEY).close()


def fill(store: MetadataStore) -> None:
    """The planted word wherever content goes, and a readable one in the name of the workspace."""
    store.workspaces.add(Workspace(HERE, "Readablename"))
    store.documents.add_version(version("v1", name=f"{PLANTED}.pdf", title=PLANTED), reader=None)
    store.documents.update_version(VersionId("v1"), workspace_id=HERE, title=f"{PLANTED} again")
    store.chunks.upsert([chunk("c1", text=f"{PLANTED} bled.", topic=PLANTED, stems=(PLANTED, PLANTED.casefold()))])
    store.jobs.add(job("j1", document_id="d-v1"))
    show(store, "d1")
    asked = question("q1")
    answer = asked.answer.sentences[0]
    sentences = (type(answer)(f"{PLANTED} did.", answer.citations, answer.verdict, answer.reason),)
    changed = type(asked.answer)(asked.answer.mode, PLANTED, sentences=sentences, citations=asked.answer.citations)
    values = {name: getattr(asked, name) for name in ("id", "workspace_id", "asked_by", "asked_at", "mode")}
    store.history.add(type(asked)(**values, text=f"What of {PLANTED}?", answer=changed))
    assert len(store.history.find(workspace_id=HERE, asked_by=UserId("ann"), reader=None, limit=9)) == 1


def test_nothing_planted_is_readable_in_the_tables_and_files_of_the_server(
    postgres: RealPostgres, settings: PostgresMetadataSettings, store: MetadataStore
) -> None:
    """The workspace's name proves that the search would find it."""
    fill(store)
    postgres.execute("CHECKPOINT")
    files = postgres.content()
    tables = postgres.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'", database=settings.database)
    rows = [
        row[0]
        for (table,) in tables
        for row in postgres.execute(f'SELECT t::text FROM "{table}" t', database=settings.database)
    ]
    assert any("Readablename" in row for row in rows)
    assert b"Readablename" in files
    for word in (PLANTED, PLANTED.casefold(), "letter.pdf", "It says"):
        assert not any(word in row for row in rows)
        assert word.encode() not in files


def test_a_text_moved_to_another_row_is_refused(database: PostgresDatabase, store: MetadataStore) -> None:
    store.chunks.upsert([chunk("c1"), chunk("c2", ordinal=1, text="Another.")])
    with database.write() as connection:
        other = sa.select(chunks.c.text).where(chunks.c.id == "c2").scalar_subquery()
        connection.execute(chunks.update().where(chunks.c.id == "c1").values(text=other))
    here = {"workspace_id": HERE, "permitted": frozenset({VersionId("v1")})}
    assert [one.text for one in store.chunks.get([ChunkId("c2")], **here)] == ["Another."]
    with pytest.raises(IntegrityError, match="changed there"):
        store.chunks.get([ChunkId("c1")], **here)


def test_a_word_is_kept_differently_in_each_workspace(database: PostgresDatabase, store: MetadataStore) -> None:
    store.chunks.upsert([chunk("c1", stems=("stroke",))])
    store.chunks.upsert([chunk("c2", version_id="v2", workspace_id=OTHER, stems=("stroke",))])
    with database.read() as connection:
        kept = connection.execute(sa.select(chunk_stems.c.stem)).scalars().all()
    assert len(set(kept)) == 2


def test_words_rank_passages_as_in_the_embedded_database(store: MetadataStore, tmp_path: Path) -> None:
    chance = random.Random(7)
    words = [f"w{number}" for number in range(40)]
    written = [
        chunk(f"c{number:03}", ordinal=number, stems=tuple(chance.choices(words, range(40, 0, -1), k=number % 30 + 1)))
        for number in range(300)
    ]
    here = {"workspace_id": HERE, "permitted": frozenset({VersionId("v1")})}
    with closing(open_database(tmp_path)) as file:
        upgrade(file)
        embedded = load(MetadataStore, SqliteMetadataSettings(), database=file)
        for one in (store, embedded):
            one.chunks.upsert(written)
        for _ in range(50):
            asked = chance.sample(words, 4)
            found = [
                rank_by_words(asked, one.chunks.find_postings(asked, **here), limit=20) for one in (store, embedded)
            ]
            assert found[0] == found[1]
            assert len(found[0]) == 20


def at_once(*calls: Callable[[], object]) -> list[object]:
    """What each call gave or raised; all begin together."""
    together = Barrier(len(calls))

    def run(call: Callable[[], object]) -> object:
        together.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        running = [pool.submit(run, call) for call in calls]
    return [one.exception() or one.result() for one in running]


def test_the_same_file_added_by_many_at_once_is_there_once(settings: PostgresMetadataSettings) -> None:
    with ExitStack() as closings:
        stores = [closings.enter_context(closing(load(MetadataStore, settings, key=KEY))) for _ in range(4)]
        for turn in range(10):

            def add(place: int, turn: int = turn) -> object:
                one = version(f"v{turn}-{place}", sha256=f"sha-{turn}")
                return stores[place].documents.add_version(one, reader=None).id

            results = at_once(*(lambda place=place: add(place) for place in range(4)))  # type: ignore[misc]
            assert Counter(type(one) for one in results) == {str: 1, ConflictError: 3}, results


def test_what_replaces_something_at_once_leaves_one_of_them(settings: PostgresMetadataSettings) -> None:
    with ExitStack() as closings:
        stores = [closings.enter_context(closing(load(MetadataStore, settings, key=KEY))) for _ in range(4)]
        ann = UserId("ann")
        stores[0].documents.add_version(version("v1"), reader=None)
        for _ in range(10):
            calls = [
                lambda one=one: (  # type: ignore[misc]
                    one.workspaces.set_member(Membership(HERE, ann, Role.ANALYST)),
                    one.access.set(DocumentId("d-v1"), [ann], workspace_id=HERE),
                    one.chunks.upsert([chunk("c1"), chunk("c2", ordinal=1)]),
                )
                for one in stores
            ]
            assert at_once(*calls) == [(None, None, None)] * 4
        assert len(stores[0].workspaces.find_members()) == 1
        assert len(stores[0].chunks.find(VersionId("v1"), workspace_id=HERE)) == 2
