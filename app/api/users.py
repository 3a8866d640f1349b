"""Routes: local users."""

from fastapi import APIRouter
from pydantic import BaseModel, Field

from app.api.auth import CurrentActor, CurrentServices
from app.domain.access import Role, User
from app.domain.ids import UserId

router = APIRouter(prefix="/users", tags=["users"])


class UserView(BaseModel):
    id: str
    username: str
    name: str
    roles: list[str]
    disabled: bool
    must_change_password: bool

    @classmethod
    def of(cls, user: User) -> "UserView":
        return cls(
            id=user.id,
            username=user.username,
            name=user.name,
            roles=sorted(role.value for role in user.roles),
            disabled=user.disabled,
            must_change_password=user.must_change_password,
        )


class NewUserRequest(BaseModel):
    username: str = Field(max_length=64)
    name: str = Field(max_length=80)
    roles: list[Role] = []


class Roles(BaseModel):
    roles: list[Role]


class GeneratedPassword(BaseModel):
    """Shown once; it must be changed at the next sign-in."""

    user: UserView
    password: str


@router.get("")
def list_users(actor: CurrentActor, services: CurrentServices) -> list[UserView]:
    return [UserView.of(user) for user in services.users.list(actor)]


@router.post("", status_code=201)
def add_user(new: NewUserRequest, actor: CurrentActor, services: CurrentServices) -> GeneratedPassword:
    added = services.users.add(actor, username=new.username, name=new.name, roles=new.roles)
    return GeneratedPassword(user=UserView.of(added.user), password=added.password)


@router.post("/{user_id}/disable")
def disable_user(user_id: UserId, actor: CurrentActor, services: CurrentServices) -> UserView:
    """The person's sessions end at once."""
    return UserView.of(services.users.disable(actor, user_id=user_id))


@router.post("/{user_id}/enable")
def enable_user(user_id: UserId, actor: CurrentActor, services: CurrentServices) -> UserView:
    return UserView.of(services.users.enable(actor, user_id=user_id))


@router.put("/{user_id}/roles")
def set_roles(user_id: UserId, roles: Roles, actor: CurrentActor, services: CurrentServices) -> UserView:
    return UserView.of(services.users.set_roles(actor, user_id=user_id, roles=roles.roles))


@router.post("/{user_id}/password", status_code=201)
def reset_password(user_id: UserId, actor: CurrentActor, services: CurrentServices) -> dict[str, str]:
    """A generated password, shown once."""
    return {"password": services.users.reset_password(actor, user_id=user_id)}
