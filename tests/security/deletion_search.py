"""Asks every service and route whether it still knows names: search, suggestion, answer, history, count, export."""

from collections.abc import Iterable
from typing import Any

from app.container import OPERATOR
from app.domain.graph import GraphCounts
from app.domain.ids import WorkspaceId
from app.pipeline.exporting import FORMATS
from app.services.workspaces import WorkspaceSummary
from tests.security.deletion import Deletion

_SHOWN = ("sentences", "answer", "citations", "triples", "nearest")
"""Parts of an answer that come from documents; the others hold the question's own words."""


def names_known(installation: Deletion, names: Iterable[str], *, ask_about: int) -> dict[str, set[str]]:
    """The names that services and routes give back, and which do; the first `ask_about` are also searched for."""
    names = list(names)
    found: dict[str, set[str]] = {}
    for place, text in (*_lists(installation), *_exports(installation), *_answers(installation, names[:ask_about])):
        folded = text.lower()
        for name in names:
            if name.lower() in folded:
                found.setdefault(name, set()).add(place)
    for name in names[:ask_about]:
        for route in ("graph/entities", "documents"):
            answer = installation.get(installation.here, route, text=name).json()
            if answer["total"] if route == "documents" else answer:
                found.setdefault(name, set()).add(f"REST search in {route}")
    return found


def _lists(installation: Deletion) -> list[tuple[str, str]]:
    here: dict[str, Any] = {"workspace_id": installation.here}
    services = installation.services
    routes = ["documents?limit=500", "graph/neighbourhood?limit=500", "jobs", "questions", "graph/stats"]
    view = services.graph.neighbourhood(OPERATOR, limit=500, **here)
    facts = [services.graph.triple(OPERATOR, triple_id=one.id, **here) for one in view.subgraph.triples[:100]]
    return [
        ("documents", repr(installation.documents(installation.here))),
        ("neighbourhood", repr(view)),
        ("facts", repr(facts)),
        ("suggestions", repr(services.graph.search(OPERATOR, text="", limit=500, **here))),
        ("jobs", repr(services.jobs.list(OPERATOR, limit=10_000, **here))),
        ("history", repr(services.questions.history(OPERATOR, limit=10_000, **here))),
        ("audit log", repr(services.audit.list(OPERATOR, page_size=500))),
        *((f"REST {route}", installation.get(installation.here, route).text) for route in routes),
        ("REST audit log", installation.client.get("/audit", headers=installation.headers).text),
    ]


def _exports(installation: Deletion) -> list[tuple[str, str]]:
    return [(f"export {name}", installation.export(installation.here, name)) for name in FORMATS]


def _answers(installation: Deletion, names: list[str]) -> list[tuple[str, str]]:
    questions = ["What does warfarin interact with?", *(f"What does {name} interact with?" for name in names)]
    found = []
    for mode in ("rag", "graphrag", "graph"):
        for question in questions:
            answer = installation.ask(installation.here, question, mode)
            found.append((f"answer {mode}", repr([answer[part] for part in _SHOWN])))
    return found


def facts_of(installation: Deletion, workspace_id: WorkspaceId) -> list[str]:
    """Every fact with every place that states it, without ids and times."""
    exported = installation.services.graph.export(OPERATOR, workspace_id=workspace_id, format="csv")
    return sorted(exported.decode("utf-8-sig").splitlines())


def counts_of(installation: Deletion, workspace_id: WorkspaceId) -> tuple[WorkspaceSummary, GraphCounts, list[str]]:
    here: dict[str, Any] = {"workspace_id": workspace_id}
    names = sorted(document.name for document in installation.documents(workspace_id))
    services = installation.services
    return services.workspaces.summary(OPERATOR, **here), services.graph.counts(OPERATOR, **here), names
