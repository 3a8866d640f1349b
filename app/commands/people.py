"""dafe workspaces and dafe users."""

from pathlib import Path
from typing import Annotated

import typer

from app.commands.caller import caller, find_workspace, opened
from app.commands.credentials import Credentials, read_credentials
from app.commands.output import AsUser, Json, columns, show
from app.container import Services
from app.domain.access import Actor, Role, User
from app.domain.ids import WorkspaceId
from app.errors import InvalidInputError, NotFoundError
from app.services.workspaces import MEMBER_ROLES

workspaces = typer.Typer(name="workspaces", no_args_is_help=True, help="Workspaces.")
users = typer.Typer(name="users", no_args_is_help=True, help="Local users.")


@workspaces.command("list")
def list_workspaces(as_user: AsUser = "", as_json: Json = False) -> None:
    with opened() as services:
        found = services.workspaces.list(caller(services, as_user))
    rows = [{"id": one.id, "name": one.name, "ontology": one.ontology} for one in found]
    show({"workspaces": rows}, as_json=as_json, lines=columns(row.values() for row in rows))


@workspaces.command("add")
def add_workspace(
    name: str,
    ontology: Annotated[str, typer.Option(help="clinical, finance or general.")] = "general",
    as_user: AsUser = "",
    as_json: Json = False,
) -> None:
    with opened() as services:
        workspace = services.workspaces.add(caller(services, as_user), name=name, ontology=ontology)
    row = {"id": workspace.id, "name": workspace.name, "ontology": workspace.ontology}
    show(row, as_json=as_json, lines=[f"Added {workspace.name} ({workspace.id})."])


@workspaces.command("delete")
def delete_workspace(name: str, as_user: AsUser = "", as_json: Json = False) -> None:
    """Everything in it goes, for good."""
    with opened() as services:
        actor = caller(services, as_user)
        workspace = find_workspace(services, actor, name)
        services.workspaces.delete(actor, workspace_id=workspace.id)
    show({"deleted": workspace.id}, as_json=as_json, lines=[f"Deleted {workspace.name} and everything in it."])


@users.command("list")
def list_users(as_user: AsUser = "", as_json: Json = False) -> None:
    with opened() as services:
        found = services.users.list(caller(services, as_user))
    rows = [_shown(user) for user in found]
    lines = columns((row["username"], row["name"], row["roles"], "disabled" if row["disabled"] else "") for row in rows)
    show({"users": rows}, as_json=as_json, lines=lines)


@users.command("add")
def add_user(
    username: str,
    name: str = "",
    role: Annotated[list[Role] | None, typer.Option(help="administrator or compliance; for the installation.")] = None,
    workspace: Annotated[list[str] | None, typer.Option(help="NAME=clinician or NAME=analyst.")] = None,
    as_user: AsUser = "",
    as_json: Json = False,
) -> None:
    """Add a person; the generated password is shown once and must be changed at the first sign-in."""
    with opened() as services:
        actor = caller(services, as_user)
        memberships = [_membership(services, actor, entry) for entry in workspace or ()]
        added = services.users.add(actor, username=username, name=name or username, roles=role or ())
        for workspace_id, member_role in memberships:
            services.workspaces.set_member(actor, workspace_id=workspace_id, user_id=added.user.id, role=member_role)
    row = {**_shown(added.user), "password": added.password}
    show(row, as_json=as_json, lines=[f"Added {username}. Password, shown once: {added.password}"])


@users.command("import")
def import_users(file: Path, as_user: AsUser = "", as_json: Json = False) -> None:
    """Take people over from the credentials file of streamlit-authenticator; each must choose a password afterwards.

    Passwords in plain text are not taken over: such a person gets a generated one, shown once.
    """
    with opened() as services:
        actor = caller(services, as_user)
        rows = [_import(services, actor, one) for one in read_credentials(file)]
    lines = columns((row["username"], row["password"] or "keeps the password for one sign-in") for row in rows)
    show({"users": rows}, as_json=as_json, lines=lines)


def _import(services: Services, actor: Actor, one: Credentials) -> dict[str, object]:
    if one.bcrypt_hash is None:
        added = services.users.add(actor, username=one.username, name=one.name)
        return {**_shown(added.user), "password": added.password}
    user = services.users.import_user(actor, username=one.username, name=one.name, bcrypt_hash=one.bcrypt_hash)
    return {**_shown(user), "password": None}


def _membership(services: Services, actor: Actor, entry: str) -> tuple[WorkspaceId, Role]:
    name, _, role = entry.rpartition("=")
    if not name or role not in {one.value for one in MEMBER_ROLES}:
        raise InvalidInputError("Give a workspace as NAME=clinician or NAME=analyst.")
    return find_workspace(services, actor, name).id, Role(role)


@users.command("disable")
def disable_user(username: str, as_user: AsUser = "", as_json: Json = False) -> None:
    """The person's sessions end at once."""
    with opened() as services:
        actor = caller(services, as_user)
        user = services.users.disable(actor, user_id=_find(services, actor, username).id)
    show(_shown(user), as_json=as_json, lines=[f"Disabled {username}."])


@users.command("enable")
def enable_user(username: str, as_user: AsUser = "", as_json: Json = False) -> None:
    with opened() as services:
        actor = caller(services, as_user)
        user = services.users.enable(actor, user_id=_find(services, actor, username).id)
    show(_shown(user), as_json=as_json, lines=[f"Enabled {username}."])


@users.command("reset-password")
def reset_password(username: str, as_user: AsUser = "", as_json: Json = False) -> None:
    """A generated password, shown once; the person's sessions end."""
    with opened() as services:
        actor = caller(services, as_user)
        password = services.users.reset_password(actor, user_id=_find(services, actor, username).id)
    show({"username": username, "password": password}, as_json=as_json, lines=[f"Password, shown once: {password}"])


def _find(services: Services, actor: Actor, username: str) -> User:
    for user in services.users.list(actor):
        if user.username.casefold() == username.casefold():
            return user
    raise NotFoundError("There is no user of this name: see dafe users list.")


def _shown(user: User) -> dict[str, object]:
    roles = sorted(role.value for role in user.roles)
    return {"id": user.id, "username": user.username, "name": user.name, "roles": roles, "disabled": user.disabled}
