"""dafe graph."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from app.commands.caller import caller, find_workspace, opened
from app.commands.output import AsUser, InWorkspace, Json, columns, show
from app.errors import NotFoundError
from app.views import subgraph_view

graph = typer.Typer(name="graph", no_args_is_help=True, help="Entities and facts of a workspace.")


@graph.command("stats")
def get_stats(workspace: InWorkspace, as_user: AsUser = "", as_json: Json = False) -> None:
    """How much the graph holds."""
    with opened() as services:
        actor = caller(services, as_user)
        workspace_id = find_workspace(services, actor, workspace).id
        counts = services.graph.counts(actor, workspace_id=workspace_id)
        summary = services.workspaces.summary(actor, workspace_id=workspace_id)
    stats = {
        "documents": summary.indexed,
        "chunks": summary.chunks,
        "entities": counts.entities,
        "triples": counts.triples,
        "evidence": counts.evidence,
    }
    show(stats, as_json=as_json, lines=columns(stats.items()))


@graph.command("search")
def search_entities(
    text: str, workspace: InWorkspace, limit: int = 20, as_user: AsUser = "", as_json: Json = False
) -> None:
    """Entities whose name holds TEXT, most mentioned first."""
    with opened() as services:
        actor = caller(services, as_user)
        workspace_id = find_workspace(services, actor, workspace).id
        found = services.graph.search(actor, workspace_id=workspace_id, text=text, limit=limit)
    rows = [{"id": one.id, "name": one.name, "type": one.type, "mentions": one.mentions} for one in found]
    show(
        {"entities": rows}, as_json=as_json, lines=columns((row["name"], row["type"], row["mentions"]) for row in rows)
    )


@graph.command("neighbours")
def list_neighbours(
    entity: str, workspace: InWorkspace, limit: int = 100, as_user: AsUser = "", as_json: Json = False
) -> None:
    """Facts around an entity, given by its exact name or id."""
    with opened() as services:
        actor = caller(services, as_user)
        workspace_id = find_workspace(services, actor, workspace).id
        found = services.graph.search(actor, workspace_id=workspace_id, text=entity, limit=200)
        ids = [one.id for one in found if entity.casefold() in {one.name.casefold(), one.id.casefold()}]
        if not ids:
            raise NotFoundError("There is no entity of this name: see dafe graph search.")
        view = services.graph.neighbourhood(actor, workspace_id=workspace_id, entity_ids=ids, limit=limit)
    shown = subgraph_view(view.subgraph)
    lines = [
        f"{one['subject']} — {'' if one['assertion'] == 'affirmed' else one['assertion'] + ': '}{one['relation']} → "
        f"{one['object']}"
        for one in shown["triples"]
    ]
    show({**shown, "sampled": view.sampled}, as_json=as_json, lines=lines)


@graph.command("export")
def export_graph(
    workspace: InWorkspace,
    format_: Annotated[str, typer.Option("--format", help="csv, graphml, cypher or jsonld.")] = "jsonld",
    output: Annotated[Path | None, typer.Option(help="A file; without it standard output.")] = None,
    as_user: AsUser = "",
    as_json: Json = False,
) -> None:
    """Every fact with its document, page, quote and how it is stated."""
    with opened() as services:
        actor = caller(services, as_user)
        workspace_id = find_workspace(services, actor, workspace).id
        content = services.graph.export(actor, workspace_id=workspace_id, format=format_)
    if output is None and as_json and format_ != "jsonld":
        show({"format": format_, "content": content.decode()}, as_json=True)
        return
    if output is None:
        sys.stdout.buffer.write(content)
        return
    output.write_bytes(content)
    show({"file": str(output), "bytes": len(content)}, as_json=as_json, lines=[f"Written to {output}."])
