"""Routes: jobs of a workspace."""

from typing import Annotated

from fastapi import APIRouter, Query

from app.api.auth import CurrentActor, CurrentServices
from app.domain.ids import JobId, WorkspaceId
from app.domain.jobs import JobState
from app.views import JobView

router = APIRouter(prefix="/workspaces/{workspace_id}/jobs", tags=["jobs"])


@router.get("")
def list_jobs(
    workspace_id: WorkspaceId,
    actor: CurrentActor,
    services: CurrentServices,
    state: Annotated[list[JobState] | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 200,
) -> list[JobView]:
    """Newest first."""
    jobs = services.jobs.list(actor, workspace_id=workspace_id, states=state or (), limit=limit)
    return [JobView.of(job) for job in jobs]


@router.get("/dead")
def list_dead_jobs(workspace_id: WorkspaceId, actor: CurrentActor, services: CurrentServices) -> list[JobView]:
    """What was given up, with its reason, newest first."""
    return [JobView.of(job) for job in services.jobs.dead(actor, workspace_id=workspace_id)]


@router.post("/retry", status_code=202)
def retry_dead_jobs(workspace_id: WorkspaceId, actor: CurrentActor, services: CurrentServices) -> list[JobView]:
    """Try everything again that was given up."""
    return [JobView.of(job) for job in services.jobs.retry_all(actor, workspace_id=workspace_id)]


@router.get("/{job_id}")
def get_job(workspace_id: WorkspaceId, job_id: JobId, actor: CurrentActor, services: CurrentServices) -> JobView:
    return JobView.of(services.jobs.get(actor, workspace_id=workspace_id, job_id=job_id))


@router.post("/{job_id}/stop", status_code=202)
def stop_job(workspace_id: WorkspaceId, job_id: JobId, actor: CurrentActor, services: CurrentServices) -> JobView:
    """The running step ends and what this run added is removed; the file stays."""
    return JobView.of(services.jobs.stop(actor, workspace_id=workspace_id, job_id=job_id))


@router.post("/{job_id}/retry", status_code=202)
def retry_job(workspace_id: WorkspaceId, job_id: JobId, actor: CurrentActor, services: CurrentServices) -> JobView:
    return JobView.of(services.jobs.retry(actor, workspace_id=workspace_id, job_id=job_id))
