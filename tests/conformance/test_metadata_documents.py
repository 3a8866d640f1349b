"""What every metadata store must do with documents, chunks and their words."""

from dataclasses import replace

import pytest

from app.domain.documents import ChunkState, Coverage, DocumentStatus
from app.domain.ids import ChunkId, DocumentId, VersionId, WorkspaceId
from app.errors import ConflictError, NotFoundError
from backends.metadata.base import MetadataStore
from backends.metadata.base_content import DocumentFilter, Postings
from backends.metadata.settings import MetadataSettings
from tests.conformance.implementations import implementations
from tests.conformance.records import HERE, OTHER, chunk, job, version

pytestmark = pytest.mark.parametrize("settings", implementations(MetadataSettings), indirect=True)
V1, V2 = VersionId("v1"), VersionId("v2")


def listed(store: MetadataStore, workspace: WorkspaceId = HERE, **conditions: object) -> list[str]:
    found, total = store.documents.find(DocumentFilter(**conditions), workspace_id=workspace, reader=None)  # type: ignore[arg-type]
    if "limit" not in conditions and "offset" not in conditions:
        assert total == len(found)
    return [one.name for one in found]


def test_a_first_version_makes_its_document(store: MetadataStore) -> None:
    first = version("v1")
    document = store.documents.add_version(first, reader=None)
    assert (document.id, document.name, document.version) == (first.document_id, "v1.pdf", first)
    assert document.visible_version_id is None
    assert store.documents.get(document.id, workspace_id=HERE, reader=None) == document


def test_a_next_version_becomes_the_one_to_look_at_but_not_the_visible_one(store: MetadataStore) -> None:
    first = version("v1")
    second = version("v2", document_id=first.document_id, number=2)
    store.documents.add_version(first, reader=None)
    store.documents.publish(V1, workspace_id=HERE)
    document = store.documents.add_version(second, reader=None)
    assert document.version == second
    assert document.visible_version_id == V1
    assert [one.id for one in store.documents.find_versions(first.document_id, workspace_id=HERE)] == ["v2", "v1"]
    assert store.documents.find_versions(DocumentId("unknown"), workspace_id=HERE) == []


def test_a_taken_number_and_known_content_are_conflicts_and_leave_nothing(store: MetadataStore) -> None:
    first = version("v1")
    store.documents.add_version(first, reader=None)
    with pytest.raises(ConflictError):
        store.documents.add_version(version("v2", document_id=first.document_id, number=1), reader=None)
    with pytest.raises(ConflictError):
        store.documents.add_version(version("v3", sha256=first.sha256), reader=None)
    assert listed(store) == ["v1.pdf"]
    assert len(store.documents.find_versions(first.document_id, workspace_id=HERE)) == 1
    store.documents.add_version(version("v4", workspace_id=OTHER, sha256=first.sha256), reader=None)


def test_a_version_of_a_document_that_is_gone_is_refused_and_leaves_nothing(store: MetadataStore) -> None:
    with pytest.raises(NotFoundError):
        store.documents.add_version(version("v2", document_id="gone", number=2), reader=None)
    store.documents.add_version(version("v1"), reader=None)
    with pytest.raises(NotFoundError):
        store.documents.add_version(version("v3", document_id="d-v1", number=2, workspace_id=OTHER), reader=None)
    assert len(store.documents.find_versions(DocumentId("d-v1"), workspace_id=HERE)) == 1
    assert store.documents.find_versions(DocumentId("gone"), workspace_id=HERE) == []


def test_a_document_of_another_workspace_looks_like_none(store: MetadataStore) -> None:
    document = store.documents.add_version(version("v1"), reader=None)
    for id_, workspace in ((document.id, OTHER), (DocumentId("unknown"), HERE)):
        with pytest.raises(NotFoundError, match="does not exist"):
            store.documents.get(id_, workspace_id=workspace, reader=None)
    assert store.documents.find_versions(document.id, workspace_id=OTHER) == []
    assert listed(store, OTHER) == []
    for call in (
        lambda: store.documents.publish(V1, workspace_id=OTHER),
        lambda: store.documents.update_version(V1, workspace_id=OTHER, title="x"),
    ):
        with pytest.raises(NotFoundError):
            call()
    store.documents.delete(document.id, workspace_id=OTHER)
    assert store.documents.get(document.id, workspace_id=HERE, reader=None) == document
    assert store.documents.find_visible(workspace_id=HERE, reader=None) == {}


def test_documents_are_listed_newest_upload_first_a_page_at_a_time(store: MetadataStore) -> None:
    for minute, name in enumerate(("one", "two", "three")):
        store.documents.add_version(version(name, name=name, minute=minute), reader=None)
    store.documents.add_version(version("again", document_id="d-one", number=2, name="one", minute=9), reader=None)
    assert listed(store) == ["one", "three", "two"]
    found, total = store.documents.find(DocumentFilter(limit=1, offset=1), workspace_id=HERE, reader=None)
    assert ([one.name for one in found], total) == (["three"], 3)
    found, total = store.documents.find(DocumentFilter(offset=2), workspace_id=HERE, reader=None)
    assert ([one.name for one in found], total) == (["two"], 3)
    assert store.documents.find(DocumentFilter(limit=0), workspace_id=HERE, reader=None) == ([], 3)


def test_documents_are_chosen_by_text_name_content_and_status(store: MetadataStore) -> None:
    store.documents.add_version(version("v1", name="Straße 100%.pdf"), reader=None)
    store.documents.add_version(version("v2", name="Ward_7.pdf", status=DocumentStatus.FAILED), reader=None)
    store.documents.add_version(version("v3", document_id="d-v1", number=2, status=DocumentStatus.RUNNING), reader=None)
    assert listed(store, text="STRASSE") == ["Straße 100%.pdf"]
    assert listed(store, text="%") == ["Straße 100%.pdf"]
    assert listed(store, text="_") == ["Ward_7.pdf"]
    assert listed(store, text="' OR 1=1 --") == []
    assert listed(store, name="Ward_7.pdf") == ["Ward_7.pdf"]
    assert listed(store, name="ward_7.pdf") == []
    assert listed(store, sha256="sha-v1") == ["Straße 100%.pdf"]
    assert listed(store, OTHER, sha256="sha-v1") == []
    assert listed(store, statuses=frozenset({DocumentStatus.RUNNING})) == ["Straße 100%.pdf"]
    assert listed(store, statuses=frozenset({DocumentStatus.WAITING})) == []
    assert listed(store, statuses=frozenset({DocumentStatus.FAILED}), text="straße") == []


def test_a_version_changes_only_in_what_is_given(store: MetadataStore) -> None:
    first = version("v1")
    store.documents.add_version(first, reader=None)
    coverage = Coverage(3, 5, 3, 1, 1, 7, {"not_verbatim": 2}, ("Page 2 holds no readable text.",))

    def change(**values: object) -> None:
        store.documents.update_version(V1, workspace_id=HERE, **values)  # type: ignore[arg-type]

    def now() -> object:
        return store.documents.find_versions(first.document_id, workspace_id=HERE)[0]

    change(status=DocumentStatus.FAILED, error="It failed: try again.")
    change(coverage=coverage, title="Letter")
    failed = replace(
        first, status=DocumentStatus.FAILED, error="It failed: try again.", coverage=coverage, title="Letter"
    )
    assert now() == failed
    change()
    assert now() == failed
    change(error="Another sentence.")
    assert now() == replace(failed, error="Another sentence.")
    change(status=DocumentStatus.RUNNING)
    assert now() == replace(failed, status=DocumentStatus.RUNNING, error=None)
    with pytest.raises(NotFoundError):
        store.documents.update_version(VersionId("unknown"), workspace_id=HERE)


def test_publishing_makes_a_version_visible_and_indexed_at_once(store: MetadataStore) -> None:
    store.documents.add_version(version("v1"), reader=None)
    store.documents.add_version(version("other", workspace_id=OTHER), reader=None)
    store.documents.update_version(V1, workspace_id=HERE, status=DocumentStatus.RUNNING, error="x")
    assert store.documents.find_visible(workspace_id=HERE, reader=None) == {}
    store.documents.publish(V1, workspace_id=HERE)
    document = store.documents.get(DocumentId("d-v1"), workspace_id=HERE, reader=None)
    assert (document.visible_version_id, document.version.status, document.version.error) == (V1, "indexed", None)
    store.documents.add_version(version("v2", document_id="d-v1", number=2), reader=None)
    assert store.documents.find_visible(workspace_id=HERE, reader=None) == {V1: "d-v1"}
    store.documents.publish(V2, workspace_id=HERE)
    assert store.documents.find_visible(workspace_id=HERE, reader=None) == {V2: "d-v1"}
    assert store.documents.find_visible(workspace_id=OTHER, reader=None) == {}
    with pytest.raises(NotFoundError):
        store.documents.publish(VersionId("unknown"), workspace_id=HERE)


def test_a_deleted_document_takes_versions_chunks_words_and_its_name_in_jobs(store: MetadataStore) -> None:
    store.documents.add_version(version("v1"), reader=None)
    store.documents.add_version(version("v2"), reader=None)
    store.documents.publish(V1, workspace_id=HERE)
    store.chunks.upsert([chunk("c1", version_id="v1")])
    store.chunks.upsert([chunk("c2", version_id="v2")])
    store.jobs.add(job("j1", document_id="d-v1"))
    store.jobs.add(job("j2", document_id="d-v2"))
    store.documents.delete(DocumentId("d-v1"), workspace_id=HERE)
    store.documents.delete(DocumentId("d-v1"), workspace_id=HERE)
    with pytest.raises(NotFoundError):
        store.documents.get(DocumentId("d-v1"), workspace_id=HERE, reader=None)
    assert store.documents.find_visible(workspace_id=HERE, reader=None) == {}
    assert store.chunks.find(V1, workspace_id=HERE) == []
    postings = store.chunks.find_postings(["stroke"], workspace_id=HERE, permitted=frozenset({V1, V2}))
    assert set(postings.frequencies["stroke"]) == {"c2"}
    assert {one.id: one.document_name for one in store.jobs.find(reader=None)} == {"j1": "", "j2": "letter.pdf"}
    store.documents.add_version(version("v1"), reader=None)


def test_chunks_come_back_as_written_but_for_their_stems(store: MetadataStore) -> None:
    written = [chunk("c1", ordinal=1), chunk("c0", ordinal=0, text="Nul \x00 and 😀", state=ChunkState.RETRIED)]
    store.chunks.upsert(written)
    assert store.chunks.find(V1, workspace_id=HERE) == [replace(one, stems=()) for one in reversed(written)]
    assert store.chunks.find(V1, workspace_id=OTHER) == []
    store.chunks.upsert([])


def test_a_chunk_written_again_replaces_text_and_words(store: MetadataStore) -> None:
    store.chunks.upsert([chunk("c1"), chunk("c2", ordinal=1)])
    store.chunks.upsert([chunk("c1", stems=("fall",), text="A fall.")])
    assert [one.text for one in store.chunks.find(V1, workspace_id=HERE)] == ["A fall.", "A stroke, a bleeding."]
    postings = store.chunks.find_postings(["stroke", "fall"], workspace_id=HERE, permitted=frozenset({V1}))
    assert postings.frequencies == {"stroke": {"c2": 2}, "fall": {"c1": 1}}


def test_an_id_given_twice_is_not_said_to_be_another_workspace_s(store: MetadataStore) -> None:
    with pytest.raises(Exception, match=r"chunks[._]id") as caught:
        store.chunks.upsert([chunk("c1"), chunk("c1", ordinal=1)])
    assert not isinstance(caught.value, ConflictError)
    assert store.chunks.find(V1, workspace_id=HERE) == []


def test_a_chunk_never_takes_the_place_of_one_of_another_workspace(store: MetadataStore) -> None:
    store.chunks.upsert([chunk("c1")])
    with pytest.raises(ConflictError) as caught:
        store.chunks.upsert([chunk("c1", version_id="v3", workspace_id=OTHER, text="Theirs.")])
    assert caught.value.__cause__ is None
    assert [one.text for one in store.chunks.find(V1, workspace_id=HERE)] == ["A stroke, a bleeding."]
    assert store.chunks.find_postings(["stroke"], workspace_id=HERE, permitted=frozenset({V1})).frequencies == {
        "stroke": {"c1": 2}
    }


def test_chunks_are_given_in_the_order_asked_and_only_permitted_ones(store: MetadataStore) -> None:
    store.chunks.upsert([chunk("c1"), chunk("c2", ordinal=1)])
    store.chunks.upsert([chunk("hidden", version_id="v2")])
    store.chunks.upsert([chunk("theirs", version_id="v3", workspace_id=OTHER)])
    wanted = [ChunkId(name) for name in ("theirs", "c2", "unknown", "hidden", "c1")]
    permitted = frozenset({V1, VersionId("v3")})
    assert [one.id for one in store.chunks.get(wanted, workspace_id=HERE, permitted=permitted)] == ["c2", "c1"]
    assert store.chunks.get(wanted, workspace_id=HERE, permitted=frozenset()) == []
    assert store.chunks.get([], workspace_id=HERE, permitted=permitted) == []


def test_states_change_for_known_chunks_of_the_workspace(store: MetadataStore) -> None:
    store.chunks.upsert([chunk("c1"), chunk("c2", ordinal=1)])
    store.chunks.update_states(
        {ChunkId("c1"): ChunkState.QUARANTINED, ChunkId("unknown"): ChunkState.EXTRACTED}, workspace_id=HERE
    )
    store.chunks.update_states({ChunkId("c2"): ChunkState.EXTRACTED}, workspace_id=OTHER)
    store.chunks.update_states({}, workspace_id=HERE)
    assert [one.state for one in store.chunks.find(V1, workspace_id=HERE)] == ["quarantined", "pending"]


def test_word_statistics_see_permitted_chunks_only(store: MetadataStore) -> None:
    store.chunks.upsert([chunk("c1"), chunk("c2", ordinal=1, stems=("fall",))])
    store.chunks.upsert([chunk("hidden", version_id="v2", stems=("stroke", *("secret",) * 50))])
    store.chunks.upsert([chunk("theirs", version_id="v3", workspace_id=OTHER)])
    permitted = frozenset({V1, VersionId("v3")})
    stems = ["stroke", "bleed", "secret"]
    assert store.chunks.find_postings(stems, workspace_id=HERE, permitted=permitted) == Postings(
        chunks=2,
        mean_length=2.0,
        frequencies={"stroke": {ChunkId("c1"): 2}, "bleed": {ChunkId("c1"): 1}, "secret": {}},
        lengths={ChunkId("c1"): 3},
    )
    assert store.chunks.count(workspace_id=HERE, permitted=permitted) == 2


def test_word_statistics_of_nothing_are_zero(store: MetadataStore) -> None:
    nothing = Postings(0, 0.0, {"stroke": {}}, {})
    assert store.chunks.find_postings(["stroke"], workspace_id=HERE, permitted=frozenset({V1})) == nothing
    store.chunks.upsert([chunk("c1")])
    assert store.chunks.find_postings(["stroke"], workspace_id=HERE, permitted=frozenset()) == nothing
    assert store.chunks.find_postings([], workspace_id=HERE, permitted=frozenset({V1})) == Postings(1, 3.0)
    assert store.chunks.count(workspace_id=HERE, permitted=frozenset()) == 0


@pytest.mark.parametrize("stem", ["%", "'", '"', "\\", "' OR 1=1 --", "😀", "str"])
def test_a_stem_is_only_a_word(store: MetadataStore, stem: str) -> None:
    store.chunks.upsert([chunk("c1"), chunk("c2", ordinal=1, stems=(f"x{stem}",))])
    postings = store.chunks.find_postings([stem, f"x{stem}"], workspace_id=HERE, permitted=frozenset({V1}))
    assert postings.frequencies == {stem: {}, f"x{stem}": {"c2": 1}}


def test_five_thousand_permitted_versions_are_no_obstacle(store: MetadataStore) -> None:
    store.chunks.upsert([chunk("c1")])
    many = frozenset({V1, *(VersionId(f"x{number}") for number in range(5000))})
    ids = [ChunkId(f"x{number}") for number in range(5000)] + [ChunkId("c1")]
    assert store.chunks.count(workspace_id=HERE, permitted=many) == 1
    assert [one.id for one in store.chunks.get(ids, workspace_id=HERE, permitted=many)] == ["c1"]
    stems = [*(f"s{number}" for number in range(5000)), "stroke"]
    postings = store.chunks.find_postings(stems, workspace_id=HERE, permitted=many)
    assert postings.frequencies["stroke"] == {"c1": 2}


def test_many_chunks_are_written_in_one_call(store: MetadataStore) -> None:
    store.chunks.upsert([chunk(f"c{number:04}", ordinal=number) for number in range(3000)])
    assert store.chunks.count(workspace_id=HERE, permitted=frozenset({V1})) == 3000
    assert [one.ordinal for one in store.chunks.find(V1, workspace_id=HERE)] == list(range(3000))


def test_a_deleted_version_takes_its_chunks_and_words_only(store: MetadataStore) -> None:
    store.chunks.upsert([chunk("c1")])
    store.chunks.upsert([chunk("c2", version_id="v2")])
    store.chunks.delete_version(V1, workspace_id=OTHER)
    assert store.chunks.count(workspace_id=HERE, permitted=frozenset({V1})) == 1
    store.chunks.delete_version(V1, workspace_id=HERE)
    store.chunks.delete_version(VersionId("unknown"), workspace_id=HERE)
    assert store.chunks.find(V1, workspace_id=HERE) == []
    postings = store.chunks.find_postings(["stroke"], workspace_id=HERE, permitted=frozenset({V1, V2}))
    assert postings == Postings(1, 3.0, {"stroke": {ChunkId("c2"): 2}}, {ChunkId("c2"): 3})
