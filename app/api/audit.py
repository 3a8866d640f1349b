"""Routes: the audit log."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import Response

from app.api.auth import CurrentActor, CurrentServices
from app.domain.audit import Outcome
from app.security.audit_chain import timestamp
from app.views import verification_view

router = APIRouter(prefix="/audit", tags=["audit"])


@router.get("")
def list_events(
    actor: CurrentActor,
    services: CurrentServices,
    actor_id: str = "",
    action: Annotated[list[str] | None, Query()] = None,
    outcome: Annotated[list[Outcome] | None, Query()] = None,
    since: datetime | None = None,
    until: datetime | None = None,
    page: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
) -> dict[str, Any]:
    """Newest first, 50 a page."""
    found = services.audit.list(
        actor,
        actor_id=actor_id,
        actions=action or (),
        outcomes=outcome or (),
        since=since,
        until=until,
        page=page,
    )
    events = [
        {
            "seq": one.seq,
            "at": timestamp(one.at) if one.at else None,
            "action": one.action,
            "outcome": one.outcome.value,
            "actor_id": one.actor_id,
            "workspace_id": one.workspace_id,
            "objects": list(one.objects),
            "channel": one.channel,
            "address": one.address,
            "details": one.details,
        }
        for one in found.events
    ]
    return {"events": events, "total": found.total}


@router.post("/verify")
def verify_log(actor: CurrentActor, services: CurrentServices) -> dict[str, Any]:
    """Read the whole log and check its chain, seals and copies."""
    return verification_view(services.audit.verify(actor))


@router.get("/export")
def export_log(actor: CurrentActor, services: CurrentServices) -> Response:
    """Every event as written, the checkpoints and the public key, one JSON object a line."""
    disposition = 'attachment; filename="audit.jsonl"'
    content = services.audit.export(actor)
    return Response(content, media_type="application/jsonl", headers={"content-disposition": disposition})
