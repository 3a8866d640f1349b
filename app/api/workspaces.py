"""Routes: workspaces and their members."""

from fastapi import APIRouter
from pydantic import BaseModel, Field

from app.api.auth import CurrentActor, CurrentServices
from app.domain.access import Role
from app.domain.ids import UserId, WorkspaceId
from app.domain.workspaces import Workspace

router = APIRouter(prefix="/workspaces", tags=["workspaces"])


class WorkspaceView(BaseModel):
    id: str
    name: str
    ontology: str

    @classmethod
    def of(cls, workspace: Workspace) -> "WorkspaceView":
        return cls(id=workspace.id, name=workspace.name, ontology=workspace.ontology)


class NewWorkspace(BaseModel):
    name: str = Field(min_length=1, max_length=80)
    ontology: str = "general"


class NewName(BaseModel):
    name: str = Field(min_length=1, max_length=80)


class MemberRole(BaseModel):
    role: Role


class MemberView(BaseModel):
    user_id: str
    username: str
    role: str


@router.get("")
def list_workspaces(actor: CurrentActor, services: CurrentServices) -> list[WorkspaceView]:
    return [WorkspaceView.of(one) for one in services.workspaces.list(actor)]


@router.post("", status_code=201)
def add_workspace(new: NewWorkspace, actor: CurrentActor, services: CurrentServices) -> WorkspaceView:
    return WorkspaceView.of(services.workspaces.add(actor, name=new.name, ontology=new.ontology))


@router.patch("/{workspace_id}")
def rename_workspace(
    workspace_id: WorkspaceId, new: NewName, actor: CurrentActor, services: CurrentServices
) -> WorkspaceView:
    return WorkspaceView.of(services.workspaces.rename(actor, workspace_id=workspace_id, name=new.name))


@router.delete("/{workspace_id}", status_code=204)
def delete_workspace(workspace_id: WorkspaceId, actor: CurrentActor, services: CurrentServices) -> None:
    """Everything in it goes, for good."""
    services.workspaces.delete(actor, workspace_id=workspace_id)


@router.get("/{workspace_id}/members")
def list_members(workspace_id: WorkspaceId, actor: CurrentActor, services: CurrentServices) -> list[MemberView]:
    return [
        MemberView(user_id=one.user.id, username=one.user.username, role=one.role.value)
        for one in services.workspaces.members(actor, workspace_id=workspace_id)
    ]


@router.put("/{workspace_id}/members/{user_id}", status_code=204)
def set_member(
    workspace_id: WorkspaceId, user_id: UserId, member: MemberRole, actor: CurrentActor, services: CurrentServices
) -> None:
    services.workspaces.set_member(actor, workspace_id=workspace_id, user_id=user_id, role=member.role)


@router.delete("/{workspace_id}/members/{user_id}", status_code=204)
def remove_member(workspace_id: WorkspaceId, user_id: UserId, actor: CurrentActor, services: CurrentServices) -> None:
    services.workspaces.set_member(actor, workspace_id=workspace_id, user_id=user_id, role=None)
