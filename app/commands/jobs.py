"""dafe jobs."""

from typing import Annotated

import typer

from app.commands.caller import caller, find_workspace, opened
from app.commands.output import AsUser, InWorkspace, Json, columns, show
from app.container import Services
from app.domain.access import Actor
from app.domain.ids import JobId, WorkspaceId
from app.errors import InvalidInputError
from app.views import JobView
from backends.queue.base import NO_WORKSPACE

OfWorkspace = Annotated[
    str,
    typer.Option(
        "--workspace",
        "-w",
        metavar="NAME|ID",
        help="The workspace; without it what is done for the whole installation.",
    ),
]
jobs = typer.Typer(name="jobs", no_args_is_help=True, help="Queued work.")


def _where(services: Services, actor: Actor, workspace: str) -> WorkspaceId:
    return find_workspace(services, actor, workspace).id if workspace else NO_WORKSPACE


@jobs.command("list")
def list_jobs(workspace: OfWorkspace = "", limit: int = 200, as_user: AsUser = "", as_json: Json = False) -> None:
    """Newest first."""
    with opened() as services:
        actor = caller(services, as_user)
        workspace_id = _where(services, actor, workspace)
        found = services.jobs.list(actor, workspace_id=workspace_id, limit=limit)
    rows = [JobView.of(job).model_dump() for job in found]
    lines = columns(
        (row["id"], row["kind"], row["state"], row["stage"], f"{row['done']}/{row['total']}") for row in rows
    )
    show({"jobs": rows}, as_json=as_json, lines=lines)


@jobs.command("cancel")
def cancel_job(job: str, workspace: OfWorkspace = "", as_user: AsUser = "", as_json: Json = False) -> None:
    """What this run added is removed; the file stays."""
    with opened() as services:
        actor = caller(services, as_user)
        workspace_id = _where(services, actor, workspace)
        stopped = services.jobs.stop(actor, workspace_id=workspace_id, job_id=JobId(job))
    show(JobView.of(stopped).model_dump(), as_json=as_json, lines=[f"{job}: {stopped.state.value}"])


@jobs.command("dead")
def list_dead_jobs(workspace: InWorkspace, as_user: AsUser = "", as_json: Json = False) -> None:
    """What was given up, with its reason, newest first."""
    with opened() as services:
        actor = caller(services, as_user)
        workspace_id = find_workspace(services, actor, workspace).id
        found = services.jobs.dead(actor, workspace_id=workspace_id)
    lines = columns((job.id, job.document_name, job.error or "") for job in found)
    show({"jobs": [JobView.of(job).model_dump() for job in found]}, as_json=as_json, lines=lines)


@jobs.command("retry")
def retry_job(
    job: Annotated[str, typer.Argument(metavar="[JOB]")] = "",
    workspace: OfWorkspace = "",
    everything: Annotated[bool, typer.Option("--all", help="All that dafe jobs dead lists.")] = False,
    as_user: AsUser = "",
    as_json: Json = False,
) -> None:
    """A stopped or failed job waits again."""
    if bool(job) is everything:
        raise InvalidInputError("Give the id of one job, or --all.")
    if everything and not workspace:
        raise InvalidInputError("Name the workspace whose jobs are to be tried again: --all --workspace NAME.")
    with opened() as services:
        actor = caller(services, as_user)
        workspace_id = _where(services, actor, workspace)
        if everything:
            waiting = services.jobs.retry_all(actor, workspace_id=workspace_id)
        else:
            waiting = [services.jobs.retry(actor, workspace_id=workspace_id, job_id=JobId(job))]
    shown = [JobView.of(one).model_dump() for one in waiting]
    lines = [f"{one.id}: {one.state.value}" for one in waiting]
    show({"jobs": shown} if everything else shown[0], as_json=as_json, lines=lines)
