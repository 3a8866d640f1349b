"""What every metadata store must keep so that documents are read again: the model used last, and which they are."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.domain.documents import Coverage, DocumentStatus
from app.domain.ids import UserId, VersionId
from app.domain.models import Band, ModelInfo, UsedModel
from app.errors import ConflictError
from backends.metadata.base import MetadataStore
from backends.metadata.base_content import DocumentFilter
from backends.metadata.settings import MetadataSettings
from tests.conformance.implementations import implementations
from tests.conformance.records import HERE, version

pytestmark = pytest.mark.parametrize("settings", implementations(MetadataSettings), indirect=True)
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
FIRST = UsedModel(ModelInfo("ollama", "big", "digest", 8192), Band.MODEL_LED, NOON)


def test_the_model_used_last_is_found(store: MetadataStore) -> None:
    assert store.models.find_last() is None
    other = replace(FIRST, model=replace(FIRST.model, digest="other"), used_at=NOON - timedelta(hours=1))
    for used in (FIRST, other):
        store.models.put(used)
    assert store.models.find_last() == FIRST
    again = replace(other, band=Band.RULES_ONLY, used_at=NOON + timedelta(hours=1))
    store.models.put(again)
    assert store.models.find_last() == again


def to_redo(store: MetadataStore) -> list[str]:
    found, total = store.documents.find(DocumentFilter(to_redo=True), workspace_id=HERE, reader=None)
    assert total == len(found)
    return [one.name for one in found]


def test_a_version_may_reread_its_own_document_but_hold_nothing_of_another(store: MetadataStore) -> None:
    first, other = version("v1"), version("v3")
    for one in (first, other):
        store.documents.add_version(one, reader=None)
    again = replace(version("v2", document_id=first.document_id, number=2), sha256=first.sha256)
    with pytest.raises(ConflictError):
        store.documents.add_version(again, reader=None)
    with pytest.raises(ConflictError):
        store.documents.add_version(replace(again, sha256=other.sha256), reader=None, rereads=True)
    assert store.documents.add_version(again, reader=None, rereads=True).version == again


def test_a_version_may_reread_its_own_document_where_another_holds_the_same(store: MetadataStore) -> None:
    """Two people may each have added it, where neither sees the other's."""
    first, stranger = version("v1"), UserId("stranger")
    store.documents.add_version(first, reader=None)
    store.access.set(first.document_id, [], workspace_id=HERE)
    same = replace(version("v3"), sha256=first.sha256)
    store.documents.add_version(same, reader=stranger)
    again = replace(version("v2", document_id=first.document_id, number=2), sha256=first.sha256)
    assert store.documents.add_version(again, reader=None, rereads=True).version == again


def test_a_version_that_is_indexed_after_a_later_one_does_not_take_its_place(store: MetadataStore) -> None:
    first = version("v1")
    store.documents.add_version(first, reader=None)
    for number, name in ((2, "v2"), (3, "v3")):
        later = version(name, document_id=first.document_id, number=number)
        store.documents.add_version(later, reader=None)
    store.documents.add_version(version("o1"), reader=None)
    for name in ("v1", "v3", "v2", "o1"):
        store.documents.publish(VersionId(name), workspace_id=HERE)
    assert set(store.documents.find_visible(workspace_id=HERE, reader=None)) == {"v3", "o1"}
    statuses = {one.status for one in store.documents.find_versions(first.document_id, workspace_id=HERE)}
    assert statuses == {DocumentStatus.INDEXED}


def test_versions_to_be_read_again_are_found_where_they_are_indexed(store: MetadataStore) -> None:
    for name in ("v1", "v2"):
        store.documents.add_version(version(name), reader=None)
        store.documents.update_version(VersionId(name), workspace_id=HERE, to_redo=True)
    store.documents.publish(VersionId("v1"), workspace_id=HERE)
    assert to_redo(store) == ["v1.pdf"]
    store.documents.update_version(VersionId("v1"), workspace_id=HERE, coverage=Coverage(pages=1))
    assert to_redo(store) == ["v1.pdf"]
    store.documents.update_version(VersionId("v1"), workspace_id=HERE, to_redo=False)
    assert to_redo(store) == []
