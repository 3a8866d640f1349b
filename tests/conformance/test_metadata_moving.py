"""What every metadata store must do with its records as a whole, which another store takes over."""

from collections.abc import Iterator
from typing import Any

import pytest

from app.domain.access import Role
from app.domain.documents import Coverage, DocumentStatus
from app.domain.ids import DocumentId, JobId, UserId, VersionId
from app.domain.jobs import JobState
from app.domain.workspaces import Membership, Workspace
from app.errors import ConflictError
from backends.metadata.base import MetadataStore
from backends.metadata.base_content import DocumentFilter
from backends.metadata.base_moving import MovableRecords
from backends.metadata.settings import MetadataSettings, SqliteMetadataSettings
from backends.metadata.sql import SqlMetadataStore
from backends.sql import tables
from backends.sql.migrating import upgrade
from tests.conformance.conftest import settings_for
from tests.conformance.implementations import implementations, open_database
from tests.conformance.records import HERE, NOW, OTHER, chunk, job, version
from tests.conformance.test_metadata_stores import person, question, session, show


@pytest.fixture(params=implementations(MetadataSettings))
def settings(request: pytest.FixtureRequest) -> Any:
    return settings_for(request)


@pytest.fixture
def plain(tmp_path: Any) -> Iterator[MetadataStore]:
    """Another store, that of an embedded installation."""
    (tmp_path / "plain").mkdir()
    database = open_database(tmp_path / "plain")
    upgrade(database)
    yield SqlMetadataStore(SqliteMetadataSettings(), database=database)
    database.close()


def fill(store: MetadataStore) -> None:
    store.users.add(person("ann", "Ann", created_at=NOW), password_hash="hash-a")
    store.users.add(person("bob", "Bob", disabled=True), password_hash="hash-b")
    for workspace in (HERE, OTHER):
        store.workspaces.add(Workspace(workspace, f"Name of {workspace}", "clinical", NOW, 0.25, 0.5))
        store.workspaces.set_member(Membership(workspace, UserId("ann"), Role.ANALYST))
        store.workspaces.set_member(Membership(workspace, UserId("bob"), Role.CLINICIAN))
    first = version(
        "v1", document_id="d1", name="Straße.pdf", coverage=Coverage(3, 5, warnings=("Page 2.",)), title="T"
    )
    store.documents.add_version(first, reader=None)
    store.documents.publish(VersionId("v1"), workspace_id=HERE)
    store.documents.add_version(version("v2", document_id="d1", number=2, name="Straße.pdf", minute=1), reader=None)
    store.documents.update_version(VersionId("v2"), workspace_id=HERE, status=DocumentStatus.FAILED, error="No text.")
    store.access.set(DocumentId("d1"), {UserId("ann")}, workspace_id=HERE)
    store.documents.add_version(version("v3", document_id="d3", sha256="sha-v1", minute=2), reader=UserId("bob"))
    store.access.set(DocumentId("d3"), (), workspace_id=HERE)
    show(store, "d5", workspace_id=OTHER)
    store.history.add(question("q1", cited="d5", workspace_id=OTHER))
    store.jobs.add(job("j1", document_id="d1"))
    store.jobs.add(job("j2", workspace_id=OTHER, document_id="gone"))
    store.jobs.claim(JobId("j1"), worker="w1", lease_seconds=600)


def move(source: MovableRecords, target: MovableRecords, *, limit: int | None = None) -> None:
    for kind in source.kinds:
        target.write(kind, source.read(kind, workspace_id=None), workspace_id=None)
    for workspace_id in (HERE, OTHER):
        for kind in source.workspace_kinds:
            last, page = None, source.read(kind, workspace_id=workspace_id, limit=limit)
            while page:
                target.write(kind, page, workspace_id=workspace_id)
                last = source.key(kind, page[-1])
                page = source.read(kind, workspace_id=workspace_id, after=last, limit=limit) if limit else []


def seen(store: MetadataStore) -> list[object]:
    """What a store tells through its other records."""
    told: list[object] = [store.users.find(), [store.users.get_password_hash(one.id) for one in store.users.find()]]
    told += [store.workspaces.find(), store.workspaces.find_members()]
    for workspace_id in (HERE, OTHER):
        for reader in (None, UserId("ann"), UserId("bob")):
            found, _ = store.documents.find(DocumentFilter(), workspace_id=workspace_id, reader=reader)
            told += [found, store.documents.find_visible(workspace_id=workspace_id, reader=reader)]
            told += [store.jobs.find(reader=reader, workspace_id=workspace_id)]
        told += [store.documents.find_versions(one.id, workspace_id=workspace_id) for one in found]
        told += [store.documents.find(DocumentFilter(text="STRASSE"), workspace_id=workspace_id, reader=None)]
        told += [store.documents.find(DocumentFilter(name="Straße.pdf"), workspace_id=workspace_id, reader=None)]
        told += [store.history.find(workspace_id=workspace_id, asked_by=UserId("ann"), reader=None, limit=9)]
    told += [
        store.access.get(DocumentId("d1"), workspace_id=HERE),
        store.access.get(DocumentId("d3"), workspace_id=HERE),
    ]
    return [*told, store.jobs.claim(JobId("j1"), worker="w2", lease_seconds=600)]


@pytest.mark.parametrize("limit", [None, 1])
def test_records_moved_to_another_store_and_back_tell_the_same(
    store: MetadataStore, plain: MetadataStore, limit: int | None
) -> None:
    fill(plain)
    before = seen(plain)
    for _ in range(2):  # A second time changes nothing.
        move(plain.movable, store.movable, limit=limit)
        assert seen(store) == before
    plain.movable.clear()
    assert plain.users.find() == []
    assert seen_or_none(plain) is None
    move(store.movable, plain.movable, limit=limit)
    assert seen(plain) == before
    assert plain.history.delete_citing(DocumentId("d5"), workspace_id=OTHER) == 1


def seen_or_none(store: MetadataStore) -> object:
    found = [store.workspaces.find(), store.workspaces.find_members(), store.jobs.find(reader=None)]
    return found if any(found) else None


def test_records_are_read_in_the_order_of_their_keys_between_two_of_them(store: MetadataStore) -> None:
    fill(store)
    records = store.movable
    members = records.read("memberships", workspace_id=HERE)
    keys = [records.key("memberships", one) for one in members]
    assert keys == [("here", "ann"), ("here", "bob")]
    assert records.read("memberships", workspace_id=HERE, after=keys[0]) == members[1:]
    assert records.read("memberships", workspace_id=HERE, until=keys[0]) == members[:1]
    assert records.read("memberships", workspace_id=HERE, limit=1) == members[:1]
    assert records.read("memberships", workspace_id=HERE, after=keys[0], until=keys[0]) == []
    assert [one["id"] for one in records.read("questions", workspace_id=HERE)] == []
    assert records.read("question_documents", workspace_id=HERE) == []
    assert len(records.read("question_documents", workspace_id=OTHER)) == 1


def test_records_that_are_gone_are_removed_and_those_of_other_workspaces_not(store: MetadataStore) -> None:
    fill(store)
    records = store.movable
    records.write("jobs", [], gone=[("j1",), ("j2",)], workspace_id=HERE)
    assert [one.id for one in store.jobs.find(reader=None)] == ["j2"]
    (changed,) = records.read("jobs", workspace_id=OTHER)
    records.write("jobs", [changed | {"state": JobState.FAILED, "document_name": "new.pdf"}], workspace_id=OTHER)
    (found,) = store.jobs.find(reader=None)
    assert (found.state, found.document_name) == (JobState.FAILED, "new.pdf")


def test_records_that_cannot_all_be_written_leave_everything_as_it_was(store: MetadataStore) -> None:
    fill(store)
    records = store.movable
    ann, bob = records.read("users", workspace_id=None)
    with pytest.raises(ConflictError, match="name"):
        records.write("users", [ann | {"username_key": bob["username_key"], "name": "New"}], workspace_id=None)
    assert records.read("users", workspace_id=None) == [ann, bob]


def test_sign_ins_are_forgotten_and_people_stay(store: MetadataStore) -> None:
    fill(store)
    store.sessions.add(session("s1"), token_sha256="t1")
    store.users.add_failure("k", at=NOW, window_seconds=60)
    before = seen(store)
    store.movable.forget_sign_ins()
    assert store.sessions.find() == []
    assert store.users.count_failures("k", at=NOW, window_seconds=60) == 0
    assert seen(store) == before


def test_a_cleared_store_holds_nothing_and_can_be_filled_again(store: MetadataStore) -> None:
    fill(store)
    store.chunks.upsert([chunk("c1", version_id="v1")])
    store.sessions.add(session("s1"), token_sha256="t1")
    store.users.add_failure("k", at=NOW, window_seconds=60)
    store.movable.clear()
    permitted = frozenset({VersionId("v1")})
    assert store.chunks.find(VersionId("v1"), workspace_id=HERE) == []
    assert store.chunks.find_postings(["stroke"], workspace_id=HERE, permitted=permitted).frequencies["stroke"] == {}
    assert store.sessions.find() == []
    assert store.users.count_failures("k", at=NOW, window_seconds=60) == 0
    assert seen_or_none(store) is None
    fill(store)


def test_every_table_of_records_is_moved_or_said_not_to_be(plain: MetadataStore) -> None:
    moved = {*plain.movable.kinds, *plain.movable.workspace_kinds}
    stays = {"sessions", "sign_in_failures", "chunks", "chunk_stems", "embeddings_used"}
    known = {table.name for table in vars(tables).values() if isinstance(table, tables.sa.Table)}
    assert known == moved | stays
    assert not moved & stays
