"""Routes: the state of the installation."""

from typing import Any

from fastapi import APIRouter

from app.api.auth import CurrentActor, CurrentServices
from app.views import checks_view

router = APIRouter(prefix="/health", tags=["health"])


@router.get("")
def get_health(actor: CurrentActor, services: CurrentServices) -> dict[str, Any]:
    """Every part looked at now."""
    return checks_view(services.health.checks(actor))


@router.get("/model")
def get_model(actor: CurrentActor, services: CurrentServices) -> dict[str, Any]:
    """What the language model was found able to do."""
    probe = services.health.probe(actor)
    return {"model": probe.model.name if probe.model else None, "band": probe.band.value, "reason": probe.reason}
