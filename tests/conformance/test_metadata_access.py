"""What every metadata store must do with access lists: whoever is not on one finds nothing of the document anywhere."""

from collections.abc import Callable
from itertools import count

import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from app.domain.access import Role
from app.domain.answers import Answer, AskedQuestion, Citation, Mode
from app.domain.documents import DocumentStatus, Span
from app.domain.ids import ChunkId, DocumentId, JobId, QuestionId, UserId, VersionId, WorkspaceId
from app.domain.workspaces import Membership, Workspace
from app.errors import ConflictError, NotFoundError
from backends.metadata.base import MetadataStore
from backends.metadata.base_content import DocumentFilter
from backends.metadata.settings import MetadataSettings
from tests.conformance.implementations import implementations
from tests.conformance.records import HERE, NOW, OTHER, job, version

pytestmark = pytest.mark.parametrize("settings", implementations(MetadataSettings), indirect=True)
ANN, BOB, CID = UserId("ann"), UserId("bob"), UserId("cid")
D1, D2, V1 = DocumentId("d-v1"), DocumentId("d-v2"), VersionId("v1")


@pytest.fixture
def store(store: MetadataStore) -> MetadataStore:
    """Two documents: of the first only Ann may know, the second has no list. Each has a job and an answer of Bob's."""
    for name in ("v1", "v2"):
        store.documents.add_version(version(name), reader=None)
        store.documents.publish(VersionId(name), workspace_id=HERE)
        store.jobs.add(job(f"j-{name}", document_id=f"d-{name}"))
        store.history.add(asked(name))
    store.access.set(D1, [ANN], workspace_id=HERE)
    return store


def asked(name: str, *, by: UserId = BOB) -> AskedQuestion:
    cited = Citation(1, DocumentId(f"d-{name}"), VersionId(name), name, ChunkId("c"), 1, Span(0, 1), "q")
    answer = Answer(Mode.RAG, "asked", citations=(cited,))
    return AskedQuestion(QuestionId(f"q-{name}-{by}"), HERE, by, NOW, "What?", Mode.RAG, answer)


def refused(call: Callable[[], object]) -> str:
    with pytest.raises(NotFoundError) as error:
        call()
    return error.value.message


def seen(store: MetadataStore, reader: UserId | None, workspace: WorkspaceId = HERE) -> set[str]:
    """The documents that any reading method lets through; a difference between two of them is a failure."""
    found, total = store.documents.find(DocumentFilter(), workspace_id=workspace, reader=reader)
    ids: set[str] = {one.id for one in found}
    assert total == len(ids)
    assert ids == set(store.documents.find_visible(workspace_id=workspace, reader=reader).values())
    assert ids == {one.document_id for one in store.jobs.find(reader=reader, workspace_id=workspace)}
    return ids


def test_a_document_has_no_list_until_it_gets_one_and_none_after_it_was_taken_away(store: MetadataStore) -> None:
    assert store.access.get(D2, workspace_id=HERE) is None
    assert store.access.get(D1, workspace_id=HERE) == {ANN}
    store.access.set(D1, [BOB, CID], workspace_id=HERE)
    assert store.access.get(D1, workspace_id=HERE) == {BOB, CID}
    store.access.set(D1, None, workspace_id=HERE)
    assert store.access.get(D1, workspace_id=HERE) is None
    assert seen(store, CID) == {D1, D2}


def test_who_is_not_on_the_list_sees_nothing_of_the_document(store: MetadataStore) -> None:
    assert seen(store, ANN) == seen(store, None) == {D1, D2}
    assert seen(store, BOB) == {D2}
    unknown = refused(lambda: store.documents.get(DocumentId("unknown"), workspace_id=HERE, reader=BOB))
    assert refused(lambda: store.documents.get(D1, workspace_id=HERE, reader=BOB)) == unknown
    no_job = refused(lambda: store.jobs.get(JobId("unknown"), reader=BOB))
    assert refused(lambda: store.jobs.get(JobId("j-v1"), reader=BOB)) == no_job
    assert store.documents.get(D1, workspace_id=HERE, reader=ANN).restricted
    assert not store.documents.get(D2, workspace_id=HERE, reader=BOB).restricted
    assert store.jobs.get(JobId("j-v1"), reader=ANN).document_id == D1


@pytest.mark.parametrize(
    "conditions",
    [{"text": "v1"}, {"name": "v1.pdf"}, {"sha256": "sha-v1"}, {"statuses": frozenset({DocumentStatus.INDEXED})}],
)
def test_no_condition_finds_what_is_hidden_nor_counts_it(store: MetadataStore, conditions: dict[str, object]) -> None:
    wanted = DocumentFilter(**conditions)  # type: ignore[arg-type]
    everything, in_all = store.documents.find(wanted, workspace_id=HERE, reader=ANN)
    found, total = store.documents.find(wanted, workspace_id=HERE, reader=BOB)
    assert D1 in {one.id for one in everything}
    assert (D1 not in {one.id for one in found}, total) == (True, in_all - 1)


def test_an_empty_list_means_nobody(store: MetadataStore) -> None:
    store.access.set(D1, [], workspace_id=HERE)
    assert store.access.get(D1, workspace_id=HERE) == frozenset()
    assert seen(store, ANN) == {D2}
    assert seen(store, None) == {D1, D2}


def test_an_answer_is_seen_as_long_as_all_that_it_shows(store: MetadataStore) -> None:
    def questions(reader: UserId | None) -> set[str]:
        return {one.id for one in store.history.find(workspace_id=HERE, asked_by=BOB, reader=reader, limit=9)}

    shown = QuestionId("q-v1-bob")
    assert questions(BOB) == {"q-v2-bob"}
    assert questions(None) == {"q-v1-bob", "q-v2-bob"}
    with pytest.raises(NotFoundError, match="not in your history"):
        store.history.get(shown, workspace_id=HERE, asked_by=BOB, reader=BOB)
    store.access.set(D1, [ANN, BOB], workspace_id=HERE)
    assert questions(BOB) == {"q-v1-bob", "q-v2-bob"}
    assert store.history.get(shown, workspace_id=HERE, asked_by=BOB, reader=BOB).id == shown


def test_a_new_version_inherits_the_list(store: MetadataStore) -> None:
    store.documents.add_version(version("v3", document_id=D1, number=2), reader=ANN)
    store.documents.publish(VersionId("v3"), workspace_id=HERE)
    assert seen(store, BOB) == {D2}
    assert store.documents.find_visible(workspace_id=HERE, reader=BOB) == {VersionId("v2"): D2}


def test_content_that_is_hidden_is_no_conflict_and_what_is_seen_is(store: MetadataStore) -> None:
    for reader in (ANN, None):
        with pytest.raises(ConflictError):
            store.documents.add_version(version("again", sha256="sha-v1"), reader=reader)
    added = store.documents.add_version(version("again", sha256="sha-v1"), reader=BOB)
    assert (added.id, added.restricted) == ("d-again", False)
    with pytest.raises(ConflictError):
        store.documents.add_version(version("thrice", sha256="sha-v1"), reader=BOB)


def test_a_hidden_document_takes_no_further_version(store: MetadataStore) -> None:
    with pytest.raises(NotFoundError):
        store.documents.add_version(version("v3", document_id=D1, number=2), reader=BOB)
    assert [one.id for one in store.documents.find_versions(D1, workspace_id=HERE)] == ["v1"]


def test_a_list_is_set_in_the_document_s_own_workspace_only(store: MetadataStore) -> None:
    for id_, workspace in ((D1, OTHER), (DocumentId("unknown"), HERE)):
        with pytest.raises(NotFoundError, match="does not exist"):
            store.access.set(id_, [BOB], workspace_id=workspace)
        with pytest.raises(NotFoundError, match="does not exist"):
            store.access.set(id_, None, workspace_id=workspace)
        assert store.access.get(id_, workspace_id=workspace) is None
    assert store.access.get(D1, workspace_id=HERE) == {ANN}


def test_the_jobs_of_a_deleted_document_stay_hidden(store: MetadataStore) -> None:
    store.documents.delete(D1, workspace_id=HERE)
    assert {one.id for one in store.jobs.find(reader=BOB, workspace_id=HERE)} == {"j-v2"}
    assert {one.id for one in store.jobs.find(reader=ANN, workspace_id=HERE)} == {"j-v1", "j-v2"}


def test_who_leaves_a_workspace_leaves_its_lists(store: MetadataStore) -> None:
    store.workspaces.add(Workspace(HERE, "Here"))
    store.workspaces.set_member(Membership(HERE, ANN, Role.ANALYST))
    store.workspaces.remove_member(ANN, workspace_id=OTHER)
    store.workspaces.set_member(Membership(HERE, ANN, Role.CLINICIAN))
    assert store.access.get(D1, workspace_id=HERE) == {ANN}
    store.workspaces.remove_member(ANN, workspace_id=HERE)
    assert store.access.get(D1, workspace_id=HERE) == frozenset()
    assert seen(store, ANN) == {D2}


def test_a_deleted_workspace_takes_its_lists_only(store: MetadataStore) -> None:
    store.documents.add_version(version("v9", workspace_id=OTHER), reader=None)
    store.access.set(DocumentId("d-v9"), [ANN], workspace_id=OTHER)
    store.workspaces.delete(HERE)
    assert store.access.get(D1, workspace_id=HERE) is None
    assert store.access.get(DocumentId("d-v9"), workspace_id=OTHER) == {ANN}
    assert store.documents.find(DocumentFilter(), workspace_id=OTHER, reader=BOB) == ([], 0)


READERS = st.none() | st.frozensets(st.sampled_from([ANN, BOB, CID]))
_numbers = count(1)


def test_every_reader_sees_exactly_what_the_lists_say(store: MetadataStore) -> None:
    @examples(
        max_examples=25, deadline=None, database=None, phases=(Phase.generate,), suppress_health_check=list(HealthCheck)
    )
    @given(st.lists(READERS, min_size=1, max_size=6))
    def holds(lists: list[frozenset[UserId] | None]) -> None:
        workspace = WorkspaceId(f"w{next(_numbers)}")
        ids = [DocumentId(f"{workspace}-{place}") for place in range(len(lists))]
        for id_, readers in zip(ids, lists, strict=True):
            store.documents.add_version(version(f"v-{id_}", document_id=id_, workspace_id=workspace), reader=None)
            store.documents.publish(VersionId(f"v-{id_}"), workspace_id=workspace)
            store.jobs.add(job(f"j-{id_}", document_id=id_, workspace_id=workspace))
            store.access.set(id_, readers, workspace_id=workspace)
        for reader in (ANN, BOB, CID):
            may = {id_ for id_, readers in zip(ids, lists, strict=True) if readers is None or reader in readers}
            assert seen(store, reader, workspace) == may
        assert seen(store, None, workspace) == set(ids)

    holds()
