"""Audit events and the closed table of audited actions."""

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

GENESIS = "0" * 64
"""What the first event and the first checkpoint name as the hash before them."""


LOG_CHANGED = "The audit log was changed"
"""How the sentence begins that says so."""
WHAT_TO_KEEP = (
    "Keep the data folder and the database as they are, export the log, and compare it with the second device or the"
    " last export."
)
"""What to do then."""


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
    """The event it is about: of several findings the first names the first bad row."""
    kind: str
    detail: str
    sound_to: int | None = None
    """The last event before it that this finding casts no doubt on, where that is not the one before `seq`."""


@dataclass(frozen=True, slots=True)
class AuditVerification:
    """`ok` None means it cannot be told, and `doubt` says why."""

    ok: bool | None
    events: int
    """How many were read."""
    verified_to: int
    findings: tuple[AuditFinding, ...] = ()
    """Ordered by `seq`."""
    verified_from: int = 1
    """Where reading began: behind 1, what came before was verified another time."""
    sealed_to: int = 0
    """The event that the newest checkpoint signs."""
    key_id: str = ""
    """The short name of the public key that verifies the checkpoints."""
    doubt: str = ""
    head: str = GENESIS
    """The hash of the last event that was read."""
    checkpoint: int = 0
    """The last checkpoint up to that event; 0 and GENESIS where there is none."""
    checkpoint_hash: str = GENESIS


@dataclass(frozen=True, slots=True)
class LastVerification:
    """What verifying the installation's own log came to the last time; a finding stays until all of the log was read
    and found sound."""

    at: datetime
    ok: bool | None
    """As in `AuditVerification`."""
    verified_to: int
    findings: int
    detail: str
    """The first findings, or the doubt, as a sentence; empty when it was sound."""
    by_itself: bool
    """Whether the program did it without being asked."""
    sound_at: datetime | None
    """When it was found sound the last time."""
    complete_at: datetime | None
    """When all of it was read and found sound the last time."""


@dataclass(frozen=True, slots=True)
class AuditStatus:
    """How well the log is kept at this moment, without reading it."""

    events: int
    sealed_to: int
    sealed_at: datetime | None
    key_id: str
    """Empty before the first checkpoint."""
    sealing: str
    """What is wrong with the sealing, as a sentence; empty when nothing is."""
    verified_to: int
    """How far the log was verified the last time that it was found intact."""
    verified_at: datetime | None
    second_device: str
    """The second device's state as a sentence; empty when none is set."""
    second_device_ok: bool = True
    behind: int | None = 0
    """How many events the second device lacks; None where that cannot be told."""
    last_verification: LastVerification | None = None
    """None before the first."""


def sha256_hex(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def timestamp(at: datetime) -> str:
    """UTC with six decimals always, so that the order of texts is the order of times."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")
