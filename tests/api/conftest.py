"""Real services in a temporary data folder, the embedder hashing."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.container import OPERATOR, Services, open_services
from app.domain.access import Role
from app.domain.workspaces import Workspace
from app.settings import load_settings

PASSWORD = "four unrelated words here"


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    settings = load_settings(data_dir=tmp_path / "data", embeddings={"kind": "hashing"}, llm={"kind": "none"})
    opened = open_services(settings)
    yield opened
    opened.close()


@pytest.fixture
def workspace(services: Services) -> Workspace:
    return services.workspaces.add(OPERATOR, name="Cardiology", ontology="clinical")


def add_person(services: Services, username: str, *, roles: tuple[Role, ...] = (), name: str = "") -> str:
    """A person who has chosen a password; returns the id."""
    added = services.users.add(OPERATOR, username=username, name=name or username, roles=roles)
    signed_in = services.sessions.sign_in(username=username, password=added.password, address="127.0.0.1", agent="")
    actor = services.sessions.actor_for(signed_in.token, address="127.0.0.1")
    services.users.change_own_password(actor, old=added.password, new=PASSWORD)
    services.sessions.revoke(actor, session_id=signed_in.session.id)
    return added.user.id


@pytest.fixture
def clinician(services: Services, workspace: Workspace) -> str:
    """The user name of a clinician of the workspace."""
    user_id = add_person(services, "ilse")
    services.workspaces.set_member(OPERATOR, workspace_id=workspace.id, user_id=user_id, role=Role.CLINICIAN)  # type: ignore[arg-type]
    return "ilse"
