"""What is deleted or replaced is in no raw file and no answer any more; a plain cipher lets it be found if it were."""

import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import pytest
import sqlalchemy as sa

import app.installation
import backends.files.folder
from app.container import OPERATOR, Services, open_services
from app.domain.ids import WorkspaceId
from app.domain.jobs import JobState
from app.services.documents import SameName, Upload
from app.services.removing import Remover
from app.settings import load_settings
from backends.cache.sql import SqlCacheStore
from backends.files.folder import FolderFileStore
from backends.graph.sql import SqlGraphStore
from backends.metadata.sql import SqlMetadataStore
from backends.metadata.sql_documents import SqlDocumentRecords
from backends.metadata.sql_history import SqlHistoryRecords
from backends.sql.engine import Database
from backends.sql.migrating import upgrade
from backends.sql.tables import chunk_stems
from backends.vectors.sql import SqlVectorStore
from tests.security.deletion import Deletion, installed
from tests.security.deletion_search import counts_of, facts_of, names_known
from tests.security.plain_worker import take_ciphers_out
from tests.security.planted import NAMES, PlantedFiles, new_version_of, plant, staying
from tests.security.raw_files import names_in, windows_in, windows_of
from tests.services.letters import add, job_of, long_letter
from tests.working import work_off

_ASKED_ABOUT = 3


@pytest.fixture(autouse=True)
def _ciphers_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app.installation, "load_keys", app.installation.load_keys)  # type: ignore[attr-defined]
    monkeypatch.setattr(backends.files.folder, "AESGCM", backends.files.folder.AESGCM)


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Deletion]:
    with installed(tmp_path, vectors={"kind": "sql"}) as opened:
        yield opened


def add_all(installation: Deletion, planted: PlantedFiles) -> list[str]:
    """Planted and staying files in turn, so that they share pages of the database; the planted documents' ids."""
    ids, rest = [], list(staying())
    installation.upload(installation.control, rest)
    for upload in planted.uploads:
        ids += [one["document"]["id"] for one in installation.upload(installation.here, [upload])]
        for one in rest[:2]:
            installation.upload(installation.here, [one])
        rest = rest[2:]
    if rest:
        installation.upload(installation.here, rest)
    installation.wait()
    return ids


def vectors_of(folder: Path, document_ids: list[str]) -> tuple[set[bytes], set[bytes]]:
    """Windows that only these documents' vectors have, and those of all others."""
    database = Database(folder / "data" / "dafe.db", key=None)
    query = "SELECT vectors.vector, versions.document_id FROM vectors JOIN versions ON versions.id = version_id"
    with database.read() as connection:
        rows = connection.execute(sa.text(query)).all()
    database.close()
    others = windows_of(row[0] for row in rows if row[1] not in document_ids)
    return windows_of(row[0] for row in rows if row[1] in document_ids) - others, others


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_nothing_of_a_hundred_names_is_left_anywhere_and_what_others_state_remains(installation: Deletion) -> None:
    planted = plant()
    ids = add_all(installation, planted)
    assert set(names_in(installation.searched, NAMES)) == set(NAMES)
    # Not asked about by name yet: what somebody wrote in a question is theirs and stays.
    known = names_known(installation, NAMES, ask_about=0)
    assert len(known) > 80
    assert planted.unread.isdisjoint(known)
    vectors, others = vectors_of(installation.folder, ids)
    assert windows_in(installation.searched, vectors)
    for document_id in ids:
        installation.delete(installation.here, document_id)
    installation.wait()
    assert names_in(installation.searched, NAMES) == {}
    assert windows_in(installation.searched, vectors) == {}
    assert windows_in(installation.searched, others)
    assert names_known(installation, NAMES, ask_about=_ASKED_ABOUT) == {}
    assert facts_of(installation, installation.here) == facts_of(installation, installation.control)
    here, control = (counts_of(installation, one) for one in (installation.here, installation.control))
    assert (replace(here[0], updated_at=None), *here[1:]) == (replace(control[0], updated_at=None), *control[1:])


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    """Without a worker, and with the plain cipher."""
    take_ciphers_out()
    opened = open_services(
        load_settings(data_dir=tmp_path / "data", embeddings={"kind": "hashing"}, llm={"kind": "none"})
    )
    yield opened
    opened.close()


@pytest.fixture
def ward(services: Services) -> WorkspaceId:
    return services.workspaces.add(OPERATOR, name="Ward", ontology="clinical").id


def letter(*names: str) -> bytes:
    lines = [f"Warfarin interacts with {name}. {name} treats atrial fibrillation." for name in names]
    return f"Letter about {names[0]}\n\n{' '.join(lines)}\n".encode()


MUTANTS: dict[str, tuple[type[Any], str]] = {
    "graph": (SqlGraphStore, "delete_versions"),
    "vectors": (SqlVectorStore, "delete_versions"),
    "records": (SqlDocumentRecords, "delete"),
    "history": (SqlHistoryRecords, "delete_citing"),
    "cache": (SqlCacheStore, "delete_scope"),
    "files": (FolderFileStore, "delete"),
    "freed places": (SqlMetadataStore, "wipe"),
}


def test_a_deletion_that_forgets_one_store_is_found_out(services: Services, ward: WorkspaceId) -> None:
    """Each on a document of its own, after which one that forgets nothing leaves none of it."""
    folder = services.settings.data_dir
    named = {store: (f"Quo{place}vast", f"Zel{place}munt") for place, store in zip("bcdfghj", MUTANTS, strict=True)}
    documents = {store: add(services, ward, f"{store}.txt", letter(*names)) for store, names in named.items()}
    work_off(services)
    for names in named.values():
        list(services.questions.ask(OPERATOR, workspace_id=ward, text=f"What does {names[0]} interact with?"))
    every = [name for names in named.values() for name in names]
    assert set(names_in([folder], every)) == set(every)
    survived = []
    for store, (owner, method) in MUTANTS.items():
        vectors, _ = vectors_of(folder.parent, [documents[store].id])
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(owner, method, lambda *_arguments, **_options: None)
            services.documents.delete(OPERATOR, workspace_id=ward, document_id=documents[store].id)
            work_off(services)
        if not names_in([folder], named[store]) and not windows_in([folder], vectors):
            survived.append(store)
    assert survived == []


def test_a_new_version_takes_every_word_of_the_old_one_with_it(services: Services, ward: WorkspaceId) -> None:
    folder = services.settings.data_dir
    names = {f"note_{sign}.txt": (f"Quo{sign}vast", f"Zel{sign}munt") for sign in "bcd"}
    every = [name for both in names.values() for name in both]
    old = {name: add(services, ward, name, letter(*both)) for name, both in names.items()}
    add(services, ward, "staying.txt", letter("Staywell"))
    work_off(services)
    vectors, _ = vectors_of(folder.parent, [one.id for one in old.values()])
    *_, answer = services.questions.ask(OPERATOR, workspace_id=ward, text="What does Quobvast interact with?")
    assert answer.citations
    assert set(names_in([folder], every)) == set(every)
    for name in names:
        decision = {name: SameName.NEW_VERSION}
        upload = Upload(name, new_version_of(name))
        services.documents.upload(OPERATOR, workspace_id=ward, files=[upload], same_name=decision)
    work_off(services)
    assert names_in([folder], every) == {}
    assert windows_in([folder], vectors) == {}
    assert set(names_in([folder], ["Staywell", "fluconazole"])) == {"Staywell", "fluconazole"}
    for document in old.values():
        versions = services.documents.versions(OPERATOR, workspace_id=ward, document_id=document.id)
        assert [version.number for version in versions] == [2, 1]
    services.documents.retry(OPERATOR, workspace_id=ward, document_id=document.id)
    work_off(services)
    facts = services.graph.export(OPERATOR, workspace_id=ward, format="csv").decode()
    assert all(name in facts for name in names)


def test_what_an_older_installation_left_of_replaced_versions_goes_once(services: Services, ward: WorkspaceId) -> None:
    """As it was when a new version left the old one's file, title and text where they were."""
    folder = services.settings.data_dir
    old = [add(services, ward, f"note_{sign}.txt", letter(f"Quo{sign}vast")) for sign in "bc"]
    add(services, ward, "staying.txt", letter("Staywell"))
    work_off(services)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Remover, "replace_versions", lambda *_versions: None)
        for document in old:
            upload = Upload(document.name, new_version_of(document.name))
            decision = {document.name: SameName.NEW_VERSION}
            services.documents.upload(OPERATOR, workspace_id=ward, files=[upload], same_name=decision)
        work_off(services)
    names = [name for sign in "bc" for name in (f"Quo{sign}vast", f"note_{sign}.txt")]
    assert set(names_in([folder], names)) == set(names)
    ended = Event()
    ended.set()
    with counted_wipes() as wipes:
        services.make_indexing()._recovery.serve(stop=ended)
        assert names_in([folder], [name for name in names if "vast" in name]) == {}
        assert wipes == [1]
        services.make_indexing()._recovery.serve(stop=ended)
    assert wipes == [1]
    assert set(names_in([folder], ["Staywell", "fluconazole"])) == {"Staywell", "fluconazole"}
    versions = services.documents.versions(OPERATOR, workspace_id=ward, document_id=old[0].id)
    assert [version.number for version in versions] == [2, 1]


@contextmanager
def counted_wipes() -> Iterator[list[int]]:
    """How often a database was written anew."""
    counted = [0]

    def count(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        counted[0] += statement == "VACUUM"

    sa.event.listen(sa.Engine, "before_cursor_execute", count)
    try:
        yield counted
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", count)


def test_several_deletions_in_a_row_are_wiped_once(services: Services, ward: WorkspaceId) -> None:
    folder = services.settings.data_dir
    names = [f"Quo{sign}vast" for sign in "bcdfg"]
    documents = [add(services, ward, f"{name}.txt", letter(name)) for name in names]
    work_off(services)
    for document in documents:
        services.documents.delete(OPERATOR, workspace_id=ward, document_id=document.id)
    with counted_wipes() as wipes:
        work_off(services)
    assert names_in([folder], names) == {}
    assert wipes == [1]


@contextmanager
def full_disk() -> Iterator[None]:
    usage = shutil.disk_usage
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(shutil, "disk_usage", lambda folder: usage(folder)._replace(free=1_000))
        yield


def test_a_deletion_on_a_full_disk_waits_says_why_and_is_done_when_there_is_room(
    services: Services, ward: WorkspaceId
) -> None:
    folder = services.settings.data_dir
    document = add(services, ward, "note.txt", letter("Quobvast"))
    work_off(services)
    services.documents.delete(OPERATOR, workspace_id=ward, document_id=document.id)
    indexing, job = services.make_indexing(), job_of(services, document)
    with full_disk():
        indexing.run(job.id)
    waiting = job_of(services, document)
    assert waiting.state is JobState.WAITING
    assert "too little room" in (waiting.error or "")
    indexing.run(job.id)
    assert job_of(services, document).state is JobState.DONE
    assert names_in([folder], ["Quobvast"]) == {}


def test_what_a_deleted_workspace_left_on_a_full_disk_goes_when_there_is_room(
    services: Services, ward: WorkspaceId
) -> None:
    folder, ended = services.settings.data_dir, Event()
    ended.set()
    other = services.workspaces.add(OPERATOR, name="Other", ontology="clinical").id
    for place in range(30):
        add(services, ward, f"{place}.txt", letter(f"Quobvast{place}"))
        add(services, other, f"{place}.txt", letter(f"Staywell{place}"))
    work_off(services)
    with full_disk(), counted_wipes() as wipes:
        services.workspaces.delete(OPERATOR, workspace_id=ward)
        services.make_indexing()._recovery.serve(stop=ended)
        assert wipes == [0]
    with counted_wipes() as wipes:
        services.make_indexing()._recovery.serve(stop=ended)
        services.make_indexing()._recovery.serve(stop=ended)
    assert wipes == [1]
    assert names_in([folder], ["Quobvast"]) == {}


def test_a_stopped_job_and_then_its_document_leave_nothing(services: Services, ward: WorkspaceId) -> None:
    folder = services.settings.data_dir
    waiting = add(services, ward, "waiting.txt", letter("Quobvast"))
    services.jobs.stop(OPERATOR, workspace_id=ward, job_id=job_of(services, waiting).id)
    running = add(services, ward, "running.txt", long_letter(sentences=400) + b"\n\nWarfarin interacts with Zelbmunt.")
    stop_when_running(services, ward, job_of(services, running).id)
    assert job_of(services, running).state is JobState.STOPPED
    with database_of(folder).read() as connection:
        left = [connection.execute(sa.text(f"SELECT count(*) FROM {table}")).scalar() for table in DERIVED]
    assert left == [0] * len(DERIVED)
    for document in (waiting, running):
        services.documents.delete(OPERATOR, workspace_id=ward, document_id=document.id)
    work_off(services)
    assert names_in([folder], ["Quobvast", "Zelbmunt", "furosemide", "waiting.txt", "running.txt"]) == {}


DERIVED = ("chunks", "chunk_stems", "vectors", "entities", "entity_names", "mentions", "triples", "evidence")


def database_of(folder: Path) -> Database:
    return Database(folder / "dafe.db", key=None)


def stop_when_running(services: Services, workspace_id: WorkspaceId, job_id: Any) -> None:
    """Stops the job at its first report of having indexed something."""
    record = services.jobs._metadata.jobs.record
    stopped: list[Any] = []

    def stopping(*arguments: Any, **report: Any) -> bool:
        if report["done"] and not stopped:
            stopped.append(services.jobs.stop(OPERATOR, workspace_id=workspace_id, job_id=job_id))
        return record(*arguments, **report)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(services.jobs._metadata.jobs, "record", stopping)
        work_off(services)
    assert stopped


def test_rows_that_moved_to_another_page_leave_no_copy_where_they_were(tmp_path: Path) -> None:
    """SQLite's own overwriting misses them: what is found before the file is written anew shows that this is needed."""
    path = tmp_path / "dafe.db"
    database = Database(path, key=None)
    upgrade(database)
    deleted = churn(database)
    with database.engine.connect().execution_options(begin="") as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    assert words_in(path) & deleted
    database.wipe()
    assert not words_in(path) & deleted
    assert len(words_in(path)) > 10_000
    database.close()


def churn(database: Database) -> set[bytes]:
    """Words of twelve letters, added and deleted in random order; those that are gone."""
    random_ = random.Random(7)
    words: dict[int, list[str]] = {}
    gone: set[bytes] = set()
    with database.write() as connection:
        for number in range(1, 1201):
            words[number] = ["".join(random_.choices("bcdfghjklmnpqrstvwxz", k=12)) for _ in range(30)]
            rows = [{"stem": one, "chunk_number": number, "count": 1} for one in words[number]]
            connection.execute(chunk_stems.insert(), rows)
            if random_.random() < 0.6:
                chosen = random_.choice(list(words))
                gone |= {word.encode() for word in words.pop(chosen)}
                connection.execute(chunk_stems.delete().where(chunk_stems.c.chunk_number == chosen))
    return gone


def words_in(path: Path) -> set[bytes]:
    content = path.read_bytes()
    return {content[start : start + 12] for start in range(len(content) - 11)}
