"""Tells of every backend that the settings offer what it is, where it lies and what it needs."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from app.settings import PREFIX, Settings
from backends.settings import BackendSettings

PROOF = Path(__file__).with_name("conformance.json")
"""Of each adapter how many cases of the conformance suites it passed, and where; by tests.conformance.proof."""


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
    proven: str
    """Where its conformance suite was run, and with how many cases; empty for what only chooses among the others."""

    @property
    def variable(self) -> str:
        return f"{PREFIX}{self.role.upper()}__KIND={self.kind}"


def backends_table() -> Iterator[BackendRow]:
    """In the order of the settings; the settings unions are the registry."""
    proof = json.loads(PROOF.read_text(encoding="utf-8"))
    for role, field in Settings.model_fields.items():
        for one in _offered(field.annotation):
            yield BackendRow(
                role=role,
                kind=one.model_fields["kind"].default,
                meaning=_first_sentence(one.__doc__ or ""),
                adapter=one.adapter,
                extra=one.extra or "",
                default=isinstance(field.default, one),
                proven=_proven(proof.get(one.adapter)),
            )


def backends_markdown() -> Iterator[str]:
    """The table as it stands in the README."""
    yield "| role | kind | what it is | adapter | extra | conformance suite run on |"
    yield "|---|---|---|---|---|---|"
    for row in backends_table():
        kind = f"`{row.kind}`{' (default)' if row.default else ''}"
        adapter = f"`{row.adapter}`" if row.adapter else ""
        yield f"| {row.role} | {kind} | {row.meaning} | {adapter} | {row.extra} | {row.proven} |"


def _offered(annotation: Any) -> list[type[BackendSettings]]:
    """The settings classes of a union, or the one class; none where the setting is no backend."""
    offered = get_args(annotation) or (annotation,)
    return [one for one in offered if isinstance(one, type) and issubclass(one, BackendSettings)]


def _proven(found: dict[str, Any] | None) -> str:
    return f"{found['place']} ({found['cases']} cases)" if found else ""


def _first_sentence(text: str) -> str:
    head, stop, _ = " ".join(text.split()).partition(". ")
    return head + stop.strip()
