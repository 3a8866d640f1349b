"""Tells of every setting what it means, its value and where that comes from."""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from app.settings import PREFIX, PROFILE_DEFAULTS, SAME_SERVER, Settings, config_path, given_variables, process_settings


@dataclass(frozen=True, slots=True)
class SettingOrigin:
    """`origin` is a variable's name, dafe.toml, profile or default."""

    name: str
    value: Any
    origin: str


def setting_origins() -> list[SettingOrigin]:
    """Every setting of the chosen backends too, in the order of their declaration."""
    settings = process_settings()
    toml = config_path()
    written = tomllib.loads(toml.read_text(encoding="utf-8")) if toml.is_file() else {}
    return [
        SettingOrigin(name, value, _origin(name, settings, written)) for name, value in _leaves(settings, prefix="")
    ]


def settings_table() -> Iterator[dict[str, str]]:
    """The settings of the installation itself; those of backends are in the table of backends."""
    for name, field in Settings.model_fields.items():
        if field.description:
            default = "" if field.default_factory or field.default is None else str(field.default)
            yield {"variable": f"{PREFIX}{name.upper()}", "default": default, "meaning": field.description}


def _leaves(model: BaseModel, *, prefix: str) -> Iterator[tuple[str, Any]]:
    for name in type(model).model_fields:
        value = getattr(model, name)
        if isinstance(value, BaseModel):
            yield from _leaves(value, prefix=f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _origin(name: str, settings: Settings, written: dict[str, Any]) -> str:
    variable = PREFIX + name.replace(".", "__").upper()
    if variable in given_variables():
        return variable
    first, _, rest = name.partition(".")
    inside = written.get(first)
    if first in written and (not rest or (isinstance(inside, dict) and rest in inside)):
        return config_path().name
    if rest in PROFILE_DEFAULTS[settings.profile].get(first, {}):
        return "profile"
    if first == "audit" and rest in SAME_SERVER and settings.audit.kind == settings.metadata.kind == "postgres":
        return _origin(f"metadata.{rest}", settings, written)
    return "default"
