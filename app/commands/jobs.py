"""dafe jobs."""

import typer

from app.commands.caller import caller, find_workspace, opened
from app.commands.output import AsUser, InWorkspace, Json, columns, show
from app.domain.ids import JobId
from app.views import JobView

jobs = typer.Typer(name="jobs", no_args_is_help=True, help="Queued work.")


@jobs.command("list")
def list_jobs(workspace: InWorkspace, limit: int = 200, as_user: AsUser = "", as_json: Json = False) -> None:
    """Newest first."""
    with opened() as services:
        actor = caller(services, as_user)
        workspace_id = find_workspace(services, actor, workspace).id
        found = services.jobs.list(actor, workspace_id=workspace_id, limit=limit)
    rows = [JobView.of(job).model_dump() for job in found]
    lines = columns(
        (row["id"], row["kind"], row["state"], row["stage"], f"{row['done']}/{row['total']}") for row in rows
    )
    show({"jobs": rows}, as_json=as_json, lines=lines)


@jobs.command("cancel")
def cancel_job(job: str, workspace: InWorkspace, as_user: AsUser = "", as_json: Json = False) -> None:
    """What this run added is removed; the file stays."""
    with opened() as services:
        actor = caller(services, as_user)
        workspace_id = find_workspace(services, actor, workspace).id
        stopped = services.jobs.stop(actor, workspace_id=workspace_id, job_id=JobId(job))
    show(JobView.of(stopped).model_dump(), as_json=as_json, lines=[f"{job}: {stopped.state.value}"])


@jobs.command("retry")
def retry_job(job: str, workspace: InWorkspace, as_user: AsUser = "", as_json: Json = False) -> None:
    """A stopped or failed job waits again."""
    with opened() as services:
        actor = caller(services, as_user)
        workspace_id = find_workspace(services, actor, workspace).id
        waiting = services.jobs.retry(actor, workspace_id=workspace_id, job_id=JobId(job))
    show(JobView.of(waiting).model_dump(), as_json=as_json, lines=[f"{job}: {waiting.state.value}"])
