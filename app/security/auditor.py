"""Records what services do: a disclosure before its bytes leave, a change as intent and then outcome."""

import re
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Lock
from time import monotonic

from ulid import ULID

from app.domain.access import Actor
from app.domain.audit import AuditEvent, AuditKind, Outcome, sha256_hex
from app.errors import DafeError, ForbiddenError
from app.security.actions import ACTIONS, SHOWN_AGAIN, kind_of
from app.security.audit_chain import canonical
from app.security.audit_log import AuditLog
from backends.audit.base import EventFilter

Details = Mapping[str, str | int | float | bool]

MOST_OBJECTS = 1_000
"""More objects than this are recorded as their count and the SHA-256 of their ids, one a line, in the order given."""

_SHOWN_AGAIN_SECONDS = 600.0
_SHOWN_REMEMBERED = 10_000
_NEWEST = 1_000
_CODE = re.compile(r"[A-Za-z0-9_.:/+-]{0,128}")


class Auditor:
    """Writes to one log. When the log cannot be written nothing proceeds: BackendUnavailableError."""

    def __init__(self, log: AuditLog) -> None:
        self._log = log
        self._shown: OrderedDict[str, float] = OrderedDict()
        self._lock = Lock()

    @contextmanager
    def disclosure(
        self,
        actor: Actor,
        action: str,
        *,
        workspace_id: str | None = None,
        objects: Sequence[str] = (),
        details: Details | None = None,
    ) -> Iterator[None]:
        """The event is durable before the block begins, so before its result leaves; a block that fails adds `failed`.

        On the web the same objects shown again within ten minutes of one session are no second event.
        """
        event = self._event(actor, action, Outcome.DONE, workspace_id, objects, details)
        if event.kind is not AuditKind.DISCLOSURE:
            raise LookupError(f"the action {action} is a change, not a disclosure")
        if not self._was_shown(event):
            self._log.append(event)
            self._remember_shown(event)
        try:
            yield
        except Exception as error:
            self._log.append(self._ended(event, error))
            raise

    @contextmanager
    def change(
        self,
        actor: Actor,
        action: str,
        *,
        workspace_id: str | None = None,
        objects: Sequence[str] = (),
        details: Details | None = None,
    ) -> Iterator[dict[str, str | int | float | bool]]:
        """`intent` before the block, then `done`, `refused` (ForbiddenError) or `failed`; all carry one change id.

        What the block puts into the dict it is given joins the details of the last event.
        """
        marked = {**(details or {}), "change": str(ULID())}
        intent = self._event(actor, action, Outcome.INTENT, workspace_id, objects, marked)
        if intent.kind is not AuditKind.CHANGE:
            raise LookupError(f"the action {action} is a disclosure, not a change")
        self._log.append(intent)
        found: dict[str, str | int | float | bool] = {}
        try:
            yield found
        except BaseException as error:
            self._log.append(self._ended(intent, error))
            raise
        self._log.append(self._event(actor, action, Outcome.DONE, workspace_id, objects, {**marked, **found}))

    def refused(
        self,
        actor: Actor,
        action: str,
        *,
        workspace_id: str | None = None,
        objects: Sequence[str] = (),
        details: Details | None = None,
    ) -> None:
        """Record that `action`, audited or not, was refused before it began."""
        self._log.append(self._event(actor, action, Outcome.REFUSED, workspace_id, objects, details))

    def has_done(self, action: str, *, job_id: str) -> bool:
        """Whether the outcome of a job's change was recorded, looked for among the newest of its kind."""
        newest = EventFilter(actions=(action,), outcomes=(Outcome.DONE,), limit=_NEWEST)
        return any(event.details.get("job") == job_id for event in self._log.find(newest)[0])

    def _event(
        self,
        actor: Actor,
        action: str,
        outcome: Outcome,
        workspace_id: str | None,
        objects: Sequence[str],
        details: Details | None,
    ) -> AuditEvent:
        refusal = outcome is Outcome.REFUSED and action in ACTIONS
        kind = ACTIONS[action] if refusal else kind_of(action)
        given = dict(details or {})
        for key, value in given.items():
            if isinstance(value, str) and not _CODE.fullmatch(value):
                raise ValueError(f"the detail {key} of {action} is free text; events hold ids, counts and codes only")
        if len(objects) > MOST_OBJECTS:
            given |= {"objects_count": len(objects), "objects_sha256": sha256_hex("\n".join(objects))}
            objects = ()
        return AuditEvent(
            action=action,
            kind=kind if isinstance(kind, AuditKind) else AuditKind.DISCLOSURE,
            outcome=outcome,
            actor_id=actor.user_id,
            channel=actor.channel,
            address=actor.address,
            session_id=actor.session_id,
            workspace_id=workspace_id,
            objects=tuple(objects),
            details=given,
        )

    def _ended(self, event: AuditEvent, error: BaseException) -> AuditEvent:
        if isinstance(error, DafeError):
            error.details["audited"] = 1
        outcome = Outcome.REFUSED if isinstance(error, ForbiddenError) else Outcome.FAILED
        return AuditEvent(
            action=event.action,
            kind=event.kind,
            outcome=outcome,
            actor_id=event.actor_id,
            channel=event.channel,
            address=event.address,
            session_id=event.session_id,
            workspace_id=event.workspace_id,
            objects=event.objects,
            details={**event.details, "error": type(error).__name__},
        )

    def _was_shown(self, event: AuditEvent) -> bool:
        if event.action not in SHOWN_AGAIN or event.channel != "web" or event.session_id is None:
            return False
        with self._lock:
            shown = self._shown.get(_shown_key(event))
        return shown is not None and monotonic() - shown < _SHOWN_AGAIN_SECONDS

    def _remember_shown(self, event: AuditEvent) -> None:
        if event.action not in SHOWN_AGAIN:
            return
        with self._lock:
            self._shown[_shown_key(event)] = monotonic()
            while len(self._shown) > _SHOWN_REMEMBERED:
                self._shown.popitem(last=False)


def _shown_key(event: AuditEvent) -> str:
    parts = [event.session_id, event.actor_id, event.action, event.workspace_id, list(event.objects), event.details]
    return sha256_hex(canonical(parts))
