"""What the first start makes: the administrator, and the demo workspaces with the samples."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from app.domain.access import Actor, Role
from app.domain.ids import UserId
from app.errors import ConflictError
from app.settings import Settings

if TYPE_CHECKING:
    from app.container import Services

PASSWORD_FILE = "first-administrator-password"  # noqa: S105
_SAMPLES_MADE = "samples-made"
_PREPARED = "prepared"
_USERNAME = "admin"
_UNSHOWN = ".administrator-password-not-kept-yet"
_MEMBER_ROLES = {"clinical": Role.CLINICIAN, "finance": Role.ANALYST}


@dataclass(frozen=True, slots=True)
class FirstStart:
    """`password` is None when there was an administrator already."""

    username: str
    password: str | None
    password_file: Path


def prepare_folder(settings: Settings) -> FirstStart:
    """Done at every start; a folder that is prepared already is not opened, because that takes seconds."""
    folder = settings.data_dir
    wanted = {"dafe.db", _PREPARED, *([_SAMPLES_MADE] if settings.samples else [])}
    if all((folder / name).exists() for name in wanted):
        return FirstStart(_USERNAME, None, folder / PASSWORD_FILE)
    from app.commands.caller import caller
    from app.container import open_services

    services = open_services(settings)
    try:
        return prepare(services, caller(services, ""))
    finally:
        services.close()


def prepare(services: "Services", actor: Actor) -> FirstStart:
    """What is there stays. Samples are made once, so that deleting them lasts."""
    folder = services.settings.data_dir
    password = _ensure_first_administrator(services, actor)
    if services.settings.samples and not (folder / _SAMPLES_MADE).exists():
        for user in services.users.list(actor):
            if Role.ADMINISTRATOR in user.roles:
                _make_samples(services, actor, user.id)
                break
        _write_private(folder / _SAMPLES_MADE, "")
    _write_private(folder / _PREPARED, "")
    return FirstStart(_USERNAME, password, folder / PASSWORD_FILE)


def _ensure_first_administrator(services: "Services", actor: Actor) -> str | None:
    """The new password. A start that was cut off before it was kept for its owner is repeated with another one."""
    folder = services.settings.data_dir
    unshown = folder / _UNSHOWN
    known = next((user for user in services.users.list(actor) if user.username == _USERNAME), None)
    if known is not None and unshown.exists():
        password: str | None = services.users.reset_password(actor, user_id=known.id)
    else:
        _write_private(unshown, "")
        new = services.users.ensure_first_administrator(actor)
        password = new.password if new else None
    if password is not None:
        _write_private(folder / PASSWORD_FILE, f"{password}\n")
    unshown.unlink(missing_ok=True)
    return password


def _make_samples(services: "Services", actor: Actor, user_id: UserId) -> None:
    known = {workspace.name: workspace for workspace in services.workspaces.list(actor)}
    for sample_set in services.samples.list(actor):
        try:
            workspace = services.workspaces.add(actor, name=sample_set.title, ontology=sample_set.ontology)
        except ConflictError:
            workspace = known[sample_set.title]
        role = _MEMBER_ROLES.get(sample_set.ontology, Role.ANALYST)
        services.workspaces.set_member(actor, workspace_id=workspace.id, user_id=user_id, role=role)
        services.samples.load(actor, workspace_id=workspace.id, name=sample_set.name)


def _write_private(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
