"""What every metadata store must keep of the embedding space that questions search."""

from datetime import UTC, datetime

import pytest

from app.domain.embeddings import EmbeddingSpace, EmbeddingUse
from app.domain.ids import VersionId, WorkspaceId
from app.domain.workspaces import Workspace
from app.errors import NotFoundError
from backends.metadata.base import MetadataStore
from backends.metadata.settings import MetadataSettings
from tests.conformance.implementations import implementations
from tests.conformance.records import HERE, OTHER

pytestmark = pytest.mark.parametrize("settings", implementations(MetadataSettings), indirect=True)
OLD, NEW = EmbeddingSpace("model/of a server@12:small", 768), EmbeddingSpace("all-MiniLM-L6-v2", 384)


@pytest.fixture
def two(store: MetadataStore) -> MetadataStore:
    """With two workspaces."""
    for id_ in (HERE, OTHER):
        store.workspaces.add(Workspace(id_, f"Ward {id_}", "general", datetime.now(UTC)))
    return store


def test_what_is_searched_is_switched_by_workspace(two: MetadataStore) -> None:
    assert (two.embeddings.get(HERE), two.embeddings.find()) == (None, {})
    two.embeddings.switch(OLD, workspace_id=HERE)
    two.embeddings.switch(None, workspace_id=OTHER)
    assert two.embeddings.find() == {HERE: EmbeddingUse(OLD), OTHER: EmbeddingUse(None)}
    two.embeddings.switch(NEW, workspace_id=HERE)
    two.embeddings.switch(OLD, workspace_id=OTHER)
    assert (two.embeddings.get(HERE), two.embeddings.get(OTHER)) == (EmbeddingUse(NEW), EmbeddingUse(OLD))


def test_what_is_searched_is_given_up_where_it_is_that_one(two: MetadataStore) -> None:
    for id_ in (HERE, OTHER):
        two.embeddings.switch(NEW, workspace_id=id_)
    for other in (OLD, EmbeddingSpace(NEW.name, 385)):
        two.embeddings.give_up(other, workspace_id=HERE)
    assert two.embeddings.get(HERE) == EmbeddingUse(NEW)
    two.embeddings.give_up(NEW, workspace_id=HERE)
    two.embeddings.give_up(NEW, workspace_id=WorkspaceId("unknown"))
    assert two.embeddings.find() == {HERE: EmbeddingUse(None), OTHER: EmbeddingUse(NEW)}


def test_the_version_that_is_written_is_noted_and_stays_when_another_space_is_searched(two: MetadataStore) -> None:
    two.embeddings.note_writing(VersionId("v1"), workspace_id=HERE)
    assert two.embeddings.get(HERE) is None
    two.embeddings.switch(OLD, workspace_id=HERE)
    two.embeddings.note_writing(VersionId("v1"), workspace_id=HERE)
    two.embeddings.switch(NEW, workspace_id=HERE)
    assert two.embeddings.get(HERE) == EmbeddingUse(NEW, VersionId("v1"))
    two.embeddings.note_writing(None, workspace_id=HERE)
    assert two.embeddings.get(HERE) == EmbeddingUse(NEW)


def test_nothing_is_kept_of_a_workspace_that_is_not_there(two: MetadataStore) -> None:
    with pytest.raises(NotFoundError):
        two.embeddings.switch(OLD, workspace_id=WorkspaceId("unknown"))
    two.embeddings.switch(OLD, workspace_id=HERE)
    two.workspaces.delete(HERE)
    with pytest.raises(NotFoundError):
        two.embeddings.switch(NEW, workspace_id=HERE)
    assert two.embeddings.find() == {}
