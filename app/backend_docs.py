"""Tells of every backend that the settings offer what it is, where it lies and what it needs."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, get_args

from app.settings import PREFIX, Settings
from backends.settings import BackendSettings


@dataclass(frozen=True, slots=True)
class BackendRow:
    """One implementation; `default` when the embedded profile chooses it."""

    role: str
    kind: str
    meaning: str
    """The first sentence of its settings' docstring."""
    adapter: str
    extra: str
    default: bool

    @property
    def variable(self) -> str:
        return f"{PREFIX}{self.role.upper()}__KIND={self.kind}"


def backends_table() -> Iterator[BackendRow]:
    """In the order of the settings; the settings unions are the registry."""
    for role, field in Settings.model_fields.items():
        for one in _offered(field.annotation):
            yield BackendRow(
                role=role,
                kind=one.model_fields["kind"].default,
                meaning=_first_sentence(one.__doc__ or ""),
                adapter=one.adapter,
                extra=one.extra or "",
                default=isinstance(field.default, one),
            )


def backends_markdown() -> Iterator[str]:
    """The table as it stands in the README."""
    yield "| role | kind | what it is | adapter | extra |"
    yield "|---|---|---|---|---|"
    for row in backends_table():
        kind = f"`{row.kind}`{' (default)' if row.default else ''}"
        adapter = f"`{row.adapter}`" if row.adapter else ""
        yield f"| {row.role} | {kind} | {row.meaning} | {adapter} | {row.extra} |"


def _offered(annotation: Any) -> list[type[BackendSettings]]:
    """The settings classes of a union, or the one class; none where the setting is no backend."""
    offered = get_args(annotation) or (annotation,)
    return [one for one in offered if isinstance(one, type) and issubclass(one, BackendSettings)]


def _first_sentence(text: str) -> str:
    head, stop, _ = " ".join(text.split()).partition(". ")
    return head + stop.strip()
