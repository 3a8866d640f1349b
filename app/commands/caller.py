"""Who a command acts as, and in which workspace."""

import getpass
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from app.container import OPERATOR, Services, process_services
from app.domain.access import Actor, Role
from app.domain.ids import UserId
from app.domain.workspaces import Workspace
from app.errors import DafeError, ForbiddenError, NotFoundError


@contextmanager
def opened() -> Iterator[Services]:
    """The services; at the end the audit log is sealed, unless a sealer runs, and everything closed."""
    services = process_services()
    try:
        yield services
        try:
            services.audit.seal(if_alone=True)
        except DafeError as error:
            print(error.message, file=sys.stderr)
    finally:
        services.close()
        process_services.cache_clear()


def caller(services: Services, as_user: str) -> Actor:
    """The operator, known by the operating system's user, or the person of that user name."""
    if not as_user:
        return operator()
    for user in services.users.list(operator()):
        if user.username.casefold() == as_user.casefold() and not user.disabled:
            return services.sessions.actor_of(user, session_id=None, address="", channel="cli")
    raise NotFoundError("There is no active user of this name: see dafe users list.")


def operator() -> Actor:
    """Known by the operating system's user."""
    return replace(OPERATOR, user_id=UserId(f"operator:{getpass.getuser()}"))


def find_workspace(services: Services, actor: Actor, name_or_id: str) -> Workspace:
    """Raises NotFoundError; ForbiddenError for a person, who does not learn whether there is one of this name."""
    for workspace in services.workspaces.list(actor):
        if name_or_id.casefold() in {workspace.id.casefold(), workspace.name.casefold()}:
            return workspace
    if Role.OPERATOR not in actor.roles:
        raise ForbiddenError("This person is not a member of a workspace of this name: see dafe workspaces list.")
    raise NotFoundError("There is no workspace of this name: see dafe workspaces list.")
