"""The settings of the two profiles that an installation is moved between, both from what is given once."""

from typing import Any, get_args

from pydantic import model_validator

from app.errors import ConfigurationError
from app.settings import PROFILE_DEFAULTS, Profile, Settings, load_as
from backends.settings import BackendSettings


def settings_of_both(source: Profile, target: Profile, **given: Any) -> tuple[Settings, Settings]:
    """The profile decides where its installation keeps something, and takes of the settings that are given what that
    store knows.

    A kind that is given counts for the profile whose own it is, and for both where it is neither's; that of the audit
    log counts for both: it stays where it is told to be. Raises ConfigurationError also for an option that both stores
    know while no kind says which is meant.
    """
    return _load(source, target, given), _load(target, source, given)


def _load(profile: Profile, other: Profile, given: dict[str, Any]) -> Settings:
    class Side(Settings):
        @model_validator(mode="before")
        @classmethod
        def _fill_from_profile(cls, given: dict[str, Any]) -> dict[str, Any]:
            chosen = {name: _of_side(name, one, profile, other) for name, one in given.items()}
            filled: dict[str, Any] = Settings._fill_from_profile(  # type: ignore[operator]
                {name: one for name, one in chosen.items() if one is not None}
            )
            return filled

    return load_as(Side, **{**given, "profile": profile})


def _of_side(name: str, chosen: Any, profile: Profile, other: Profile) -> Any:
    """What is `chosen` for the side of `profile`; None where it is all meant for the other."""
    if all(name not in defaults for defaults in PROFILE_DEFAULTS.values()):
        return chosen
    mine, theirs = _kind(name, profile), _kind(name, other)
    if mine is theirs:
        return chosen
    kind = chosen.get("kind") if isinstance(chosen, dict) else chosen.kind
    if kind is not None:
        if name == "audit":
            return chosen
        return None if kind == _name(theirs) else chosen
    both = sorted(chosen.keys() & mine.model_fields.keys() & theirs.model_fields.keys())
    if both:
        raise ConfigurationError(
            f"The setting {name}.{both[0]} could be meant for {_name(mine)} or for {_name(theirs)}: say for which with"
            f" DAFE_{name.upper()}__KIND."
        )
    return {option: value for option, value in chosen.items() if option not in theirs.model_fields}


def _kind(name: str, profile: Profile) -> type[BackendSettings]:
    field = Settings.model_fields[name]
    kind = PROFILE_DEFAULTS[profile].get(name, {}).get("kind") or field.default.kind
    offered: tuple[type[BackendSettings], ...] = get_args(field.annotation)
    return next(one for one in offered if _name(one) == kind)


def _name(kind: type[BackendSettings]) -> str:
    return str(kind.model_fields["kind"].default)
