"""What every metadata store must count over the whole installation."""

import pytest

from app.domain.access import User
from app.domain.documents import DocumentStatus
from app.domain.ids import DocumentId, UserId, VersionId
from app.domain.jobs import JobKind, JobState, Priority
from backends.metadata.base import MetadataStore
from backends.metadata.settings import MetadataSettings
from tests.conformance.implementations import implementations
from tests.conformance.records import HERE, OTHER, job, version

pytestmark = pytest.mark.parametrize("settings", implementations(MetadataSettings), indirect=True)


def test_nothing_is_counted_where_nothing_is(store: MetadataStore) -> None:
    assert (store.counts.jobs(), store.counts.documents()) == ({}, {})


def test_jobs_are_counted_over_all_workspaces(store: MetadataStore) -> None:
    for number, workspace in enumerate((HERE, HERE, OTHER)):
        store.jobs.add(job(f"waiting-{number}", workspace_id=workspace, priority=Priority.BULK))
    store.jobs.add(job("other", workspace_id=OTHER, kind=JobKind.DELETE, priority=Priority.URGENT))
    store.jobs.add(job("taken", workspace_id=OTHER))
    assert store.jobs.claim(job("taken").id, worker="w", lease_seconds=60) is not None
    assert store.jobs.finish(job("taken").id, worker="w", state=JobState.FAILED, error="Broken.")
    assert store.counts.jobs() == {
        (JobKind.INDEX, JobState.WAITING, Priority.BULK): 3,
        (JobKind.DELETE, JobState.WAITING, Priority.URGENT): 1,
        (JobKind.INDEX, JobState.FAILED, Priority.NORMAL): 1,
    }


def test_documents_are_counted_by_their_newest_version_whoever_may_see_them(store: MetadataStore) -> None:
    for number, workspace in enumerate((HERE, HERE, OTHER)):
        store.documents.add_version(version(f"v{number}", workspace_id=workspace), reader=None)
    second = version("again", document_id="d-v0", number=2, sha256="sha-other")
    store.documents.add_version(second, reader=None)
    store.documents.update_version(VersionId("again"), workspace_id=HERE, status=DocumentStatus.FAILED, error="No.")
    store.documents.publish(VersionId("v1"), workspace_id=HERE)
    store.users.add(User(UserId("ann"), "ann", "Ann", frozenset()), password_hash="x")
    store.access.set(DocumentId("d-v0"), [UserId("ann")], workspace_id=HERE)
    found = store.counts.documents()
    assert found == {DocumentStatus.FAILED: 1, DocumentStatus.INDEXED: 1, DocumentStatus.WAITING: 1}
