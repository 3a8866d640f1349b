"""Routes: the audit log."""

from datetime import datetime
from io import BytesIO
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import Response

from app.api.auth import CurrentActor, CurrentServices
from app.domain.audit import Outcome, timestamp
from app.views import audit_status_view, verification_view

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
def verify_log(actor: CurrentActor, services: CurrentServices, incremental: bool = False) -> dict[str, Any]:
    """Read the log and check its chain, seals and copies; `incremental`: from where that ended well the last time."""
    return verification_view(services.audit.verify(actor, incremental=incremental))


@router.get("/status")
def show_status(actor: CurrentActor, services: CurrentServices) -> dict[str, Any]:
    """How far the log is sealed, copied and verified, without reading it."""
    return audit_status_view(services.audit.status(actor))


@router.get("/export", response_class=Response, responses={200: {"content": {"application/zip": {}}}})
def export_log(actor: CurrentActor, services: CurrentServices) -> Response:
    """A ZIP archive: every event as written, the checkpoints, the public key and a program that verifies them."""
    content = BytesIO()
    services.audit.export(actor, content)
    disposition = 'attachment; filename="audit.zip"'
    return Response(content.getvalue(), media_type="application/zip", headers={"content-disposition": disposition})
