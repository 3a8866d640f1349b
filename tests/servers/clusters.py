"""Settings of the cluster profile on the servers of a test."""

from typing import Any

Chosen = dict[str, dict[str, Any]]


def plain(settings: Any) -> dict[str, Any]:
    values = settings.model_dump(exclude_unset=True) | {"kind": settings.kind}
    return {name: getattr(value, "get_secret_value", lambda value=value: value)() for name, value in values.items()}


def variables(chosen: Chosen) -> dict[str, str]:
    """The same as environment variables, without kinds: those are the profile's."""
    return {
        f"{part}__{name}".upper(): str(value)
        for part, values in chosen.items()
        for name, value in values.items()
        if name != "kind"
    }
