"""Records refused calls: what a service turned away before it began."""

import re
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from app.domain.access import Actor
from app.errors import ForbiddenError, NotFoundError
from app.security.auditor import Auditor

_P = ParamSpec("_P")
_R = TypeVar("_R")
_ID = re.compile(r"[0-9A-Z]{26}")
UNKNOWN = "unknown"
"""In place of what was sent as an id and cannot be one: it may be anything, a name too."""


def record_refusals(auditor: Auditor, action: str, method: Callable[_P, _R]) -> Callable[_P, _R]:
    """`method` whose refusals of access leave an event `refused`; errors that were recorded already leave no second."""

    @wraps(method)
    def recorded(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        try:
            return method(*args, **kwargs)
        except (ForbiddenError, NotFoundError) as error:
            if "permission" in error.details and "audited" not in error.details and isinstance(args[0], Actor):
                auditor.refused(args[0], action, workspace_id=_known_form(kwargs.get("workspace_id")))
                error.details["audited"] = 1
            raise

    return recorded


def _known_form(workspace_id: object) -> str | None:
    if not workspace_id:
        return None
    return str(workspace_id) if _ID.fullmatch(str(workspace_id)) else UNKNOWN


def watch_service(auditor: Auditor, name: str, service: object) -> None:
    """Wrap every public method of `service`, known in the table of actions as "name.method"."""
    for method_name in dir(type(service)):
        method = getattr(service, method_name)
        if not method_name.startswith("_") and callable(method):
            setattr(service, method_name, record_refusals(auditor, f"{name}.{method_name}", method))
