"""Audit events and the closed table of audited actions."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class AuditKind(StrEnum):
    """How an action is recorded: a disclosure before its bytes leave, a change as intent and then outcome."""

    DISCLOSURE = "disclosure"
    CHANGE = "change"


class Outcome(StrEnum):
    INTENT = "intent"
    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """Who did what to which object, when, from where and how it ended. Ids only: never names, texts or questions."""

    action: str
    """"documents.upload": service and method."""
    kind: AuditKind
    outcome: Outcome
    actor_id: str
    channel: str
    address: str = ""
    session_id: str | None = None
    workspace_id: str | None = None
    objects: tuple[str, ...] = ()
    """Ids of what was seen or changed."""
    purpose: str = ""
    """A closed word such as treatment or operations; empty where none was asked for."""
    details: dict[str, str | int | float | bool] = field(default_factory=dict)
    """Counts, modes and codes; no free text."""
    at: datetime | None = None
    """Set by the log when it writes."""
    seq: int = 0
    """Position in the chain, from 1; 0 before it is written."""


@dataclass(frozen=True, slots=True)
class AuditFinding:
    """One thing wrong with the log: `kind` is modified, missing, reordered, inserted, truncated, seal or device."""

    seq: int
    kind: str
    detail: str


@dataclass(frozen=True, slots=True)
class AuditVerification:
    """`ok` None means it cannot be told (a checkpoint is missing or stale)."""

    ok: bool | None
    events: int
    verified_to: int
    findings: tuple[AuditFinding, ...] = ()
