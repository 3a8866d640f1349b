"""Real services in a temporary data folder, the embedder hashing, no language model."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from app.container import OPERATOR, Services, open_services
from app.domain.access import Actor, Role
from app.domain.workspaces import Workspace
from app.settings import load_settings
from backends.loading import load
from backends.metadata.base import MetadataStore
from backends.metadata.settings import SqliteMetadataSettings
from backends.sql.engine import Database
from tests.working import work_off


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    opened = open_services(
        load_settings(data_dir=tmp_path / "data", embeddings={"kind": "hashing"}, llm={"kind": "none"})
    )
    yield opened
    opened.close()


@pytest.fixture
def metadata(services: Services) -> Iterator[MetadataStore]:
    """The records behind the services, through a connection of its own."""
    database = Database(services.settings.data_dir / "dafe.db", key=services.keys.database)
    opened: MetadataStore = load(MetadataStore, SqliteMetadataSettings(), database=database)
    yield opened
    database.close()


@pytest.fixture
def workspace(services: Services) -> Workspace:
    return services.workspaces.add(OPERATOR, name="Cardiology", ontology="clinical")


@pytest.fixture
def other_workspace(services: Services) -> Workspace:
    return services.workspaces.add(OPERATOR, name="Oncology", ontology="clinical")


@pytest.fixture
def make_actor(services: Services) -> Callable[..., Actor]:
    """make_actor("ilse", roles=(…), workspace=…, role=…): a person with rights as the services read them."""

    def make(
        username: str, *, roles: tuple[Role, ...] = (), workspace: Workspace | None = None, role: Role = Role.CLINICIAN
    ) -> Actor:
        user = services.users.add(OPERATOR, username=username, name=username, roles=roles).user
        if workspace is not None:
            services.workspaces.set_member(OPERATOR, workspace_id=workspace.id, user_id=user.id, role=role)
        return services.sessions.actor_of(user, session_id=f"session-of-{username}", address="127.0.0.1", channel="web")

    return make


@pytest.fixture
def work(services: Services) -> Callable[[], None]:
    """A worker in a thread until no job is left."""

    return partial(work_off, services)
