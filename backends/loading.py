"""Turns a backend's settings into the backend: the one place that imports adapters."""

from importlib import import_module
from typing import Any, TypeVar

from app.errors import MissingDependencyError
from backends.settings import BackendSettings

_T = TypeVar("_T")


def load(contract: type[_T], settings: BackendSettings, **parts: Any) -> _T:
    """Build the implementation that `settings` name; `parts` are the resources its kind takes (database, key, …).

    Raises MissingDependencyError naming the extra when the adapter's packages are not installed.
    """
    module_name, _, class_name = settings.adapter.partition(":")
    try:
        module = import_module(module_name)
    except ModuleNotFoundError as error:
        if settings.extra is None:
            raise
        raise MissingDependencyError(
            f"{class_name} needs packages that are not installed: run uv sync --extra {settings.extra}."
        ) from error
    backend = getattr(module, class_name)(settings, **parts)
    if not isinstance(backend, contract):
        raise TypeError(f"{settings.adapter} is not a {contract.__name__}")
    return backend
