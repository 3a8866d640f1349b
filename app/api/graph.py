"""Routes: entities and facts."""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from app.api.auth import CurrentActor, CurrentServices
from app.domain.graph import Assertion
from app.domain.ids import DocumentId, EntityId, TripleId, WorkspaceId
from app.views import subgraph_view

router = APIRouter(prefix="/workspaces/{workspace_id}/graph", tags=["graph"])


@router.get("/stats")
def get_stats(workspace_id: WorkspaceId, actor: CurrentActor, services: CurrentServices) -> dict[str, int]:
    counts = services.graph.counts(actor, workspace_id=workspace_id)
    summary = services.workspaces.summary(actor, workspace_id=workspace_id)
    return {
        "documents": summary.indexed,
        "chunks": summary.chunks,
        "entities": counts.entities,
        "triples": counts.triples,
        "evidence": counts.evidence,
    }


@router.get("/entities")
def search_entities(
    workspace_id: WorkspaceId,
    actor: CurrentActor,
    services: CurrentServices,
    text: str = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 20,
) -> list[dict[str, Any]]:
    """Entities whose name or alias holds `text`, most mentioned first."""
    found = services.graph.search(actor, workspace_id=workspace_id, text=text, limit=limit)
    return [{"id": one.id, "name": one.name, "type": one.type, "mentions": one.mentions} for one in found]


@router.get("/neighbourhood")
def get_neighbourhood(
    workspace_id: WorkspaceId,
    actor: CurrentActor,
    services: CurrentServices,
    entity_id: Annotated[list[EntityId] | None, Query()] = None,
    document_id: Annotated[list[DocumentId] | None, Query()] = None,
    relation: Annotated[list[str] | None, Query()] = None,
    type: Annotated[list[str] | None, Query()] = None,
    assertion: Annotated[list[Assertion] | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 300,
) -> dict[str, Any]:
    """Facts around entities; around none given, the best supported of all. `sampled` when some were left out."""
    view = services.graph.neighbourhood(
        actor,
        workspace_id=workspace_id,
        entity_ids=entity_id or (),
        document_ids=document_id or (),
        relations=relation or (),
        types=type or (),
        assertions=assertion or (),
        limit=limit,
    )
    return {
        **subgraph_view(view.subgraph),
        "entities_in_all": view.entities_in_all,
        "triples_in_all": view.triples_in_all,
        "sampled": view.sampled,
    }


@router.get("/triples/{triple_id}")
def get_triple(
    workspace_id: WorkspaceId, triple_id: TripleId, actor: CurrentActor, services: CurrentServices
) -> dict[str, Any]:
    """A fact with every quote that states it."""
    view = services.graph.triple(actor, workspace_id=workspace_id, triple_id=triple_id)
    return {
        "id": view.triple.id,
        "subject": view.subject.name,
        "relation": view.triple.relation,
        "object": view.object.name,
        "assertion": view.triple.assertion.value,
        "quotes": [
            {
                "document_id": one.document_id,
                "document": one.document,
                "page": one.page,
                "start": one.span.start,
                "end": one.span.end,
                "quote": one.quote,
            }
            for one in view.quotes
        ],
    }
