"""dafe ingest and dafe documents."""

from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer

from app.commands.caller import caller, find_workspace, opened
from app.commands.output import AsUser, InWorkspace, Json, columns, show
from app.commands.working import wait_for_jobs
from app.container import Services
from app.domain.access import Actor
from app.domain.documents import Document, DocumentStatus
from app.domain.ids import DocumentId, UserId, WorkspaceId
from app.domain.jobs import JobState
from app.errors import InvalidInputError, NotFoundError
from app.services.access import DocumentAccess
from app.services.documents import SameName, Upload, Uploaded, UploadState
from app.views import DocumentView, JobView
from backends.metadata.base_content import DocumentFilter

documents = typer.Typer(name="documents", no_args_is_help=True, help="Documents of a workspace.")


def ingest(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH…", help="Files and folders, folders with all in them.")],
    workspace: InWorkspace,
    wait: Annotated[bool, typer.Option("--wait", help="Return when everything is indexed.")] = False,
    new_version: Annotated[bool, typer.Option("--new-version", help="Files of a known name replace it.")] = False,
    as_user: AsUser = "",
    as_json: Json = False,
) -> None:
    """Add files to a workspace. With --wait exit code 1 when any of them is not indexed."""
    with opened() as services:
        actor = caller(services, as_user)
        workspace_id = find_workspace(services, actor, workspace).id
        found = _files(paths)
        batch = len(found) > 1
        outcomes = [
            outcome
            for path in found
            for outcome in _upload(services, actor, workspace_id, path, new_version=new_version, batch=batch)
        ]
        ids = [outcome.document.id for outcome in outcomes if outcome.document]
        if wait:
            wait_for_jobs(services, actor, workspace_id=workspace_id, document_ids=ids)
        shown = [_outcome(services, actor, workspace_id, outcome) for outcome in outcomes]
    rows = columns((one["status"], one["name"], f"{one['triples']} facts", one["error"] or "") for one in shown)
    show({"documents": shown}, as_json=as_json, lines=rows)
    if wait and any(one["status"] != DocumentStatus.INDEXED for one in shown):
        raise typer.Exit(1)


def _files(paths: list[Path]) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += sorted(one for one in path.rglob("*") if one.is_file() and not one.name.startswith("."))
        elif path.is_file():
            found.append(path)
        else:
            raise InvalidInputError(f"There is no file or folder {path}.")
    return found


def _upload(
    services: Services, actor: Actor, workspace_id: WorkspaceId, path: Path, *, new_version: bool, batch: bool
) -> list[Uploaded]:
    try:
        with path.open("rb") as file:
            content = file.read(services.settings.loader.file_mb * 1_000_000 + 1)
    except OSError as error:
        return [Uploaded(path.name, UploadState.REFUSED, None, f"The file cannot be read: {error.strerror}.")]
    decision = SameName.NEW_VERSION if new_version else SameName.SEPARATE
    upload = Upload(path.name, content)
    outcomes = services.documents.upload(actor, workspace_id=workspace_id, files=[upload], batch=batch)
    if any(outcome.state is UploadState.SAME_NAME for outcome in outcomes):
        names = {outcome.name: decision for outcome in outcomes if outcome.state is UploadState.SAME_NAME}
        again = services.documents.upload(
            actor, workspace_id=workspace_id, files=[upload], same_name=names, batch=batch
        )
        outcomes = [
            two if one.state is UploadState.SAME_NAME else one for one, two in zip(outcomes, again, strict=True)
        ]
    return outcomes


def _outcome(services: Services, actor: Actor, workspace_id: WorkspaceId, outcome: Uploaded) -> dict[str, Any]:
    if outcome.document is None:
        nothing = {"id": None, "pages": 0, "chunks": 0, "quarantined": 0, "triples": 0}
        return {**nothing, "name": outcome.name, "status": "refused", "error": outcome.message}
    document = services.documents.get(actor, workspace_id=workspace_id, document_id=outcome.document.id)
    return {**_shown(document), "already_here": outcome.state is UploadState.ALREADY_HERE}


def _shown(document: Document) -> dict[str, Any]:
    return DocumentView.of(document).model_dump(mode="json")


@documents.command("list")
def list_documents(workspace: InWorkspace, text: str = "", as_user: AsUser = "", as_json: Json = False) -> None:
    """Newest first."""
    with opened() as services:
        actor = caller(services, as_user)
        workspace_id = find_workspace(services, actor, workspace).id
        page = services.documents.list(actor, workspace_id=workspace_id, document_filter=DocumentFilter(text=text))
    rows = [_shown(document) for document in page.documents]
    lines = columns((one["id"], one["status"], f"{one['triples']} facts", one["name"]) for one in rows)
    counts = {status.value: count for status, count in page.counts.items()}
    show({"documents": rows, "total": page.total, "counts": counts}, as_json=as_json, lines=lines)


@documents.command("show")
def show_document(document: str, workspace: InWorkspace, as_user: AsUser = "", as_json: Json = False) -> None:
    """A document by id or name, with its coverage."""
    with opened() as services:
        actor = caller(services, as_user)
        workspace_id = find_workspace(services, actor, workspace).id
        document_id = _find(services, actor, workspace_id, document)
        shown = _shown(services.documents.get(actor, workspace_id=workspace_id, document_id=document_id))
    show(shown, as_json=as_json, lines=columns(shown.items()))


@documents.command("versions")
def list_versions(document: str, workspace: InWorkspace, as_user: AsUser = "", as_json: Json = False) -> None:
    """Newest first."""
    with opened() as services:
        actor = caller(services, as_user)
        workspace_id = find_workspace(services, actor, workspace).id
        document_id = _find(services, actor, workspace_id, document)
        versions = services.documents.versions(actor, workspace_id=workspace_id, document_id=document_id)
    rows = [{"id": one.id, "number": one.number, "status": one.status.value, "sha256": one.sha256} for one in versions]
    show({"versions": rows}, as_json=as_json, lines=columns(row.values() for row in rows))


@documents.command("access")
def document_access(
    document: str,
    workspace: InWorkspace,
    only: Annotated[list[str] | None, typer.Option(metavar="NAME|ID", help="Who may see it; once a person.")] = None,
    everybody: Annotated[bool, typer.Option("--everybody", help="Everybody in the workspace may see it.")] = False,
    as_user: AsUser = "",
    as_json: Json = False,
) -> None:
    """Who may see a document; with --only or --everybody, decide it."""
    if only and everybody:
        raise InvalidInputError("Give --only or --everybody, not both.")
    with opened() as services:
        actor = caller(services, as_user)
        workspace_id = find_workspace(services, actor, workspace).id
        document_id = _find(services, actor, workspace_id, document)
        scope: dict[str, Any] = {"workspace_id": workspace_id, "document_id": document_id}
        access = services.access.get(actor, **scope)
        if only or everybody:
            wanted = None if everybody else [_person(access, name_or_id) for name_or_id in only or ()]
            access = services.access.set(actor, user_ids=wanted, **scope)
    listed = None if access.user_ids is None else sorted(access.user_ids)
    people = [{"id": id_, "name": name} for id_, name in access.people.items() if listed is None or id_ in listed]
    lines = ["Everybody in the workspace may see it." if listed is None else "Only these people may see it:"]
    lines += columns((one["id"], one["name"]) for one in people)
    show({"id": document_id, "user_ids": listed, "people": people}, as_json=as_json, lines=lines)


def _person(access: DocumentAccess, name_or_id: str) -> UserId:
    """By id, or by name where exactly one member bears it."""
    wanted = name_or_id.casefold()
    found = [id_ for id_, name in access.people.items() if wanted in {id_.casefold(), name.casefold()}]
    if len(found) != 1:
        raise InvalidInputError("Name members of the workspace, by id where two bear the same name.")
    return found[0]


@documents.command("redo")
def redo_document(
    document: str,
    workspace: InWorkspace,
    wait: Annotated[bool, typer.Option("--wait", help="Return when it is read.")] = False,
    as_user: AsUser = "",
    as_json: Json = False,
) -> None:
    """Read a document by id or name again; what was read of it stays in use until that is done."""
    with opened() as services:
        actor = caller(services, as_user)
        workspace_id = find_workspace(services, actor, workspace).id
        document_id = _find(services, actor, workspace_id, document)
        job = services.documents.retry(actor, workspace_id=workspace_id, document_id=document_id)
        if wait:
            wait_for_jobs(services, actor, workspace_id=workspace_id, document_ids=[document_id])
            job = services.jobs.get(actor, workspace_id=workspace_id, job_id=job.id)
    show(JobView.of(job).model_dump(), as_json=as_json, lines=[f"{document}: {job.state.value}"])
    if wait and job.state is not JobState.DONE:
        raise typer.Exit(1)


@documents.command("delete")
def delete_document(document: str, workspace: InWorkspace, as_user: AsUser = "", as_json: Json = False) -> None:
    """Remove a document by id or name; returns when nothing is left of it."""
    with opened() as services:
        actor = caller(services, as_user)
        workspace_id = find_workspace(services, actor, workspace).id
        document_id = _find(services, actor, workspace_id, document)
        jobs = services.documents.delete(actor, workspace_id=workspace_id, document_id=document_id)
        wait_for_jobs(services, actor, workspace_id=workspace_id, document_ids=[document_id])
        ended = [services.jobs.get(actor, workspace_id=workspace_id, job_id=job.id) for job in jobs]
    states = Counter(job.state.value for job in ended)
    lines = [f"Deleted: nothing is left of {document_id}."]
    show(
        {"deleted": document_id, "jobs": [JobView.of(job).model_dump() for job in ended]}, as_json=as_json, lines=lines
    )
    if set(states) - {"done"}:
        raise typer.Exit(1)


def _find(services: Services, actor: Actor, workspace_id: WorkspaceId, name_or_id: str) -> DocumentId:
    """By name where exactly one document bears it, else by id."""
    wanted = DocumentFilter(name=name_or_id, limit=2)
    named = services.documents.list(actor, workspace_id=workspace_id, document_filter=wanted).documents
    if len(named) > 1:
        raise NotFoundError("Several documents bear this name: give the id, see dafe documents list.")
    return named[0].id if named else DocumentId(name_or_id)
