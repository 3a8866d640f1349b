"""Workspaces: making, naming, members, numbers, and deletion with everything in them."""

from collections.abc import Callable

import pytest

from app.container import OPERATOR, Services
from app.domain.access import Actor, Role
from app.domain.ids import UserId, WorkspaceId
from app.domain.workspaces import Workspace
from app.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from app.services.documents import SameName
from tests.services.letters import ASPIRIN, REPLACED, WARFARIN, Work, add, facts, names, upload


def test_a_workspace_needs_a_name_of_its_own_and_a_known_kind(services: Services, workspace: Workspace) -> None:
    with pytest.raises(ConflictError):
        services.workspaces.add(OPERATOR, name="  cardiology ")
    for name in ("", "   ", "x" * 81, "bell\x07"):
        with pytest.raises(InvalidInputError):
            services.workspaces.add(OPERATOR, name=name)
    with pytest.raises(InvalidInputError):
        services.workspaces.add(OPERATOR, name="Astrology", ontology="stars")
    renamed = services.workspaces.rename(OPERATOR, workspace_id=workspace.id, name="Heart  clinic")
    assert services.workspaces.get(OPERATOR, workspace_id=workspace.id) == renamed
    assert renamed.name == "Heart clinic"


def test_a_member_sees_their_workspaces_and_an_administrator_all(
    services: Services, workspace: Workspace, other_workspace: Workspace, make_actor: Callable[..., Actor]
) -> None:
    ilse = make_actor("ilse", workspace=workspace)
    assert services.workspaces.list(ilse) == [workspace]
    with pytest.raises(NotFoundError):
        services.workspaces.get(ilse, workspace_id=other_workspace.id)
    administrator = make_actor("ann", roles=(Role.ADMINISTRATOR,))
    assert services.workspaces.list(administrator) == [workspace, other_workspace]
    with pytest.raises(NotFoundError):
        services.workspaces.summary(administrator, workspace_id=workspace.id)


def test_a_membership_is_given_changed_and_ended(
    services: Services, workspace: Workspace, make_actor: Callable[..., Actor]
) -> None:
    ilse = make_actor("ilse")

    def set_role(role: Role | None) -> list[tuple[str, Role]]:
        services.workspaces.set_member(OPERATOR, workspace_id=workspace.id, user_id=ilse.user_id, role=role)
        members = services.workspaces.members(OPERATOR, workspace_id=workspace.id)
        return [(member.user.username, member.role) for member in members]

    assert set_role(Role.CLINICIAN) == [("ilse", Role.CLINICIAN)]
    assert set_role(Role.ANALYST) == [("ilse", Role.ANALYST)]
    assert set_role(None) == set_role(None) == []
    with pytest.raises(InvalidInputError):
        set_role(Role.ADMINISTRATOR)
    with pytest.raises(NotFoundError):
        services.workspaces.set_member(OPERATOR, workspace_id=workspace.id, user_id=UserId("none"), role=Role.ANALYST)
    with pytest.raises(NotFoundError):
        services.workspaces.set_member(
            OPERATOR, workspace_id=WorkspaceId("none"), user_id=ilse.user_id, role=Role.ANALYST
        )


def test_the_summary_counts_what_is_there(services: Services, workspace: Workspace, work: Work) -> None:
    empty = services.workspaces.summary(OPERATOR, workspace_id=workspace.id)
    assert (empty.documents, empty.indexed, empty.running, empty.triples, empty.updated_at) == (0, 0, 0, 0, None)
    add(services, workspace.id, "warfarin.txt", WARFARIN)
    add(services, workspace.id, "unreadable.txt", b"... --- ...")
    assert services.workspaces.summary(OPERATOR, workspace_id=workspace.id).running == 2
    work()
    full = services.workspaces.summary(OPERATOR, workspace_id=workspace.id)
    assert (full.documents, full.indexed, full.running, full.attention) == (2, 1, 0, 1)
    counts = services.graph.counts(OPERATOR, workspace_id=workspace.id)
    assert (full.triples, full.entities) == (counts.triples, counts.entities)
    assert full.chunks > 0
    assert full.updated_at is not None


def test_a_deleted_workspace_leaves_nothing_and_takes_nothing_of_others(
    services: Services, workspace: Workspace, other_workspace: Workspace, work: Work
) -> None:
    deleted = add(services, workspace.id, "aspirin.txt", ASPIRIN)
    add(services, workspace.id, "warfarin.txt", WARFARIN)
    upload(services, workspace.id, "warfarin.txt", REPLACED, same_name=SameName.NEW_VERSION)
    kept = add(services, other_workspace.id, "warfarin.txt", WARFARIN)
    work()
    before = facts(services, other_workspace.id)
    services.documents.delete(OPERATOR, workspace_id=workspace.id, document_id=deleted.id)
    add(services, workspace.id, "waiting.txt", b"A letter that waits to be read.")
    services.workspaces.delete(OPERATOR, workspace_id=workspace.id)
    files = sorted(path.name for path in (services.settings.data_dir / "files").rglob("*") if path.is_file())
    assert files == sorted([kept.version.file_id, f"{kept.version.id}.layout"])
    with pytest.raises(NotFoundError):
        services.workspaces.get(OPERATOR, workspace_id=workspace.id)
    work()
    assert facts(services, other_workspace.id) == before
    assert names(services, other_workspace.id) == ["warfarin.txt"]
    assert services.workspaces.add(OPERATOR, name=workspace.name).id != workspace.id


def test_only_administrators_manage_workspaces(
    services: Services, workspace: Workspace, make_actor: Callable[..., Actor]
) -> None:
    ilse = make_actor("ilse", workspace=workspace)
    with pytest.raises(ForbiddenError):
        services.workspaces.add(ilse, name="Mine")
    with pytest.raises(ForbiddenError):
        services.workspaces.rename(ilse, workspace_id=workspace.id, name="Mine")
    with pytest.raises(ForbiddenError):
        services.workspaces.delete(ilse, workspace_id=workspace.id)
