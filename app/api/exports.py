"""Routes: exports of the graph, made by the worker and kept for a while."""

from datetime import datetime
from typing import Literal

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import BaseModel

from app.api.auth import CurrentActor, CurrentServices
from app.domain.ids import JobId, WorkspaceId
from app.services.exports import ExportState

router = APIRouter(prefix="/workspaces/{workspace_id}/graph/exports", tags=["graph"])
_MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "graphml": "application/xml",
    "cypher": "text/plain; charset=utf-8",
    "jsonld": "application/ld+json",
}


class ExportView(BaseModel):
    """`until` is when its file goes; None while there is none."""

    id: str
    format: str
    state: str
    done: int
    total: int
    eta_seconds: float | None
    error: str | None
    until: datetime | None

    @classmethod
    def of(cls, export: ExportState) -> "ExportView":
        job = export.job
        return cls(
            id=job.id,
            format=export.format,
            state=job.state.value,
            done=job.done,
            total=job.total,
            eta_seconds=job.eta_seconds,
            error=job.error,
            until=export.until,
        )


class NewExport(BaseModel):
    format: Literal["csv", "graphml", "cypher", "jsonld"] = "jsonld"


@router.post("", status_code=202)
def start_export(
    workspace_id: WorkspaceId, actor: CurrentActor, services: CurrentServices, new: NewExport
) -> ExportView:
    """Have a file made of all facts with their documents, pages and quotes. One that is being made already is given
    as it is; the jobs' routes stop it and try it again."""
    return ExportView.of(services.exports.start(actor, workspace_id=workspace_id, format=new.format))


@router.get("")
def list_exports(workspace_id: WorkspaceId, actor: CurrentActor, services: CurrentServices) -> list[ExportView]:
    """One's own, the newest of each format."""
    return [ExportView.of(one) for one in services.exports.list(actor, workspace_id=workspace_id)]


@router.get(
    "/{export_id}", response_class=Response, responses={200: {"content": {kind: {} for kind in _MEDIA_TYPES.values()}}}
)
def get_export(workspace_id: WorkspaceId, export_id: JobId, actor: CurrentActor, services: CurrentServices) -> Response:
    """The file, as long as everything in it is there and may be seen."""
    export = services.exports.download(actor, workspace_id=workspace_id, export_id=export_id)
    disposition = f'attachment; filename="facts.{export.format}"'
    headers = {"content-disposition": disposition, "cache-control": "no-store"}
    return Response(export.content, media_type=_MEDIA_TYPES[export.format], headers=headers)
