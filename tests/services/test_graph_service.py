"""The graph as people explore it: search, filters, the notice of a sample, a fact with its quotes, exports."""

import csv
import io
import json
from collections.abc import Callable

import networkx
import pytest
import sqlalchemy

from app.container import OPERATOR, Services
from app.domain.access import Actor
from app.domain.documents import Document
from app.domain.graph import Assertion
from app.domain.ids import TripleId
from app.domain.workspaces import Workspace
from app.errors import InvalidInputError, NotFoundError
from app.services.graph import GraphView
from tests.services.letters import ASPIRIN, WARFARIN, Work, add, facts, long_letter

NEGATED = b"Medication review\n\nDigoxin does not interact with heparin. Digoxin may increase the risk of bleeding.\n"


@pytest.fixture
def letters(services: Services, workspace: Workspace, work: Work) -> list[Document]:
    documents = [
        add(services, workspace.id, f"{name}.txt", content)
        for name, content in (("warfarin", WARFARIN), ("aspirin", ASPIRIN), ("digoxin", NEGATED))
    ]
    work()
    return documents


def ends(view: GraphView) -> set[tuple[str, str, str]]:
    names = {entity.id: entity.name.casefold() for entity in view.subgraph.entities}
    return {(names[one.subject_id], one.relation, names[one.object_id]) for one in view.subgraph.triples}


@pytest.mark.usefixtures("letters")
def test_entities_are_found_by_a_part_of_their_name(services: Services, workspace: Workspace) -> None:
    found = services.graph.search(OPERATOR, workspace_id=workspace.id, text="AMIO")
    assert [entity.name.casefold() for entity in found] == ["amiodarone"]
    assert found[0].mentions == 2
    assert services.graph.search(OPERATOR, workspace_id=workspace.id, text="unknown") == []
    assert services.graph.search(OPERATOR, workspace_id=workspace.id, text="amio", types=["No such type"]) == []


def test_facts_are_narrowed_by_entity_relation_document_and_assertion(
    services: Services, workspace: Workspace, letters: list[Document]
) -> None:
    def view(**filters: object) -> set[tuple[str, str, str]]:
        return ends(services.graph.neighbourhood(OPERATOR, workspace_id=workspace.id, **filters))  # type: ignore[arg-type]

    everything = view()
    interacts = {one for one in everything if {one[0], one[2]} == {"warfarin", "amiodarone"}}
    assert len(interacts) == 1
    relation = next(iter(interacts))[1]
    assert interacts <= view(relations=[relation])
    assert {one[1] for one in view(relations=[relation])} == {relation}
    (amiodarone,) = services.graph.search(OPERATOR, workspace_id=workspace.id, text="amiodarone")
    assert all("amiodarone" in (one[0], one[2]) for one in view(entity_ids=[amiodarone.id]))
    assert interacts <= view(document_ids=[letters[0].id])
    assert not any("digoxin" in one for one in view(document_ids=[letters[0].id, letters[1].id]))
    negated = view(assertions=[Assertion.NEGATED])
    assert {(one[0], one[2]) for one in negated} == {("digoxin", "heparin")}
    assert not negated & view(assertions=[Assertion.AFFIRMED])
    assert view(types=["No such type"]) == set()


def test_a_view_says_what_it_could_be_filtered_by_and_whether_it_is_a_sample(
    services: Services, workspace: Workspace, work: Work
) -> None:
    add(services, workspace.id, "long.txt", long_letter(sentences=60))
    work()
    whole = services.graph.neighbourhood(OPERATOR, workspace_id=workspace.id, limit=500)
    assert not whole.sampled
    assert (len(whole.subgraph.entities), len(whole.subgraph.triples)) == (whole.entities_in_all, whole.triples_in_all)
    assert set(whole.relations) == {triple.relation for triple in whole.subgraph.triples}
    assert set(whole.types) == {entity.type for entity in whole.subgraph.entities}
    part = services.graph.neighbourhood(OPERATOR, workspace_id=workspace.id, limit=4)
    assert part.sampled
    assert len(part.subgraph.entities) <= 4
    assert (part.entities_in_all, part.triples_in_all) == (whole.entities_in_all, whole.triples_in_all)
    drawn = {entity.id for entity in part.subgraph.entities}
    assert all({triple.subject_id, triple.object_id} <= drawn for triple in part.subgraph.triples)


def test_many_who_look_at_the_same_read_it_once_and_see_what_changed_at_once(
    services: Services, workspace: Workspace, letters: list[Document], work: Work
) -> None:
    read: list[str] = []

    def look() -> tuple[set[tuple[str, str, str]], set[tuple[str, int]]]:
        view = services.graph.neighbourhood(OPERATOR, workspace_id=workspace.id)
        found = services.graph.search(OPERATOR, workspace_id=workspace.id, text="")
        return ends(view), {(one.name.casefold(), one.mentions) for one in found}

    first = look()
    sqlalchemy.event.listen(
        sqlalchemy.Engine, "before_cursor_execute", listener := lambda _c, _cursor, text, *_: read.append(text)
    )
    try:
        assert look() == first
    finally:
        sqlalchemy.event.remove(sqlalchemy.Engine, "before_cursor_execute", listener)
    assert read and not [text for text in read if "FROM triples" in text or "FROM entities" in text]
    services.documents.delete(OPERATOR, workspace_id=workspace.id, document_id=letters[0].id)
    facts_left, names_left = look()
    assert facts_left < first[0]
    assert sum(mentions for _, mentions in names_left) < sum(mentions for _, mentions in first[1])
    add(services, workspace.id, "again.txt", WARFARIN)
    work()
    assert look() == first


@pytest.mark.usefixtures("letters")
def test_a_fact_is_shown_with_every_quote_that_states_it(
    services: Services, workspace: Workspace, letters: list[Document]
) -> None:
    view = services.graph.neighbourhood(OPERATOR, workspace_id=workspace.id)
    names = {entity.id: entity.name.casefold() for entity in view.subgraph.entities}
    (triple,) = [one for one in view.subgraph.triples if names[one.object_id] == "amiodarone"]
    shown = services.graph.triple(OPERATOR, workspace_id=workspace.id, triple_id=triple.id)
    assert {quote.quote for quote in shown.quotes} == {"Warfarin interacts with amiodarone."}
    assert {quote.document for quote in shown.quotes} == {"warfarin.txt", "aspirin.txt"}
    assert {quote.document_id for quote in shown.quotes} == {letters[0].id, letters[1].id}
    assert all(quote.page == 1 for quote in shown.quotes)
    with pytest.raises(NotFoundError):
        services.graph.triple(OPERATOR, workspace_id=workspace.id, triple_id=TripleId("none"))


@pytest.mark.usefixtures("letters")
def test_every_export_holds_every_fact_with_its_source(services: Services, workspace: Workspace) -> None:
    def export(format_: str) -> str:
        return services.graph.export(OPERATOR, workspace_id=workspace.id, format=format_).decode("utf-8-sig")

    rows = list(csv.DictReader(io.StringIO(export("csv"))))
    stated = {(row["subject"], row["relation"], row["object"], row["assertion"], row["document"]) for row in rows}
    assert any(one[3] == "negated" for one in stated)
    assert {row["quote"] for row in rows if row["object"] == "amiodarone"} == {"Warfarin interacts with amiodarone."}
    graph = json.loads(export("jsonld"))["@graph"]
    assert {
        (
            one["rdf:subject"]["schema:name"],
            one["rdf:predicate"],
            one["rdf:object"]["schema:name"],
            one["assertion"],
            one["prov:wasQuotedFrom"]["document"],
        )
        for one in graph
    } == stated
    drawn = networkx.parse_graphml(export("graphml"))
    assert {
        (
            drawn.nodes[subject]["name"],
            edge["relation"],
            drawn.nodes[object_]["name"],
            edge["assertion"],
            edge["document"],
        )
        for subject, object_, edge in drawn.edges(data=True)
    } == stated
    assert export("cypher").count("MERGE (s)-[f:FACT") == len(rows)
    with pytest.raises(InvalidInputError):
        export("xml")


@pytest.mark.usefixtures("letters")
def test_a_member_of_another_workspace_sees_nothing_of_it(
    services: Services, workspace: Workspace, other_workspace: Workspace, make_actor: Callable[..., Actor]
) -> None:
    ilse = make_actor("ilse", workspace=other_workspace)
    with pytest.raises(NotFoundError):
        services.graph.export(ilse, workspace_id=workspace.id, format="csv")
    assert services.graph.search(ilse, workspace_id=other_workspace.id, text="amiodarone") == []
    assert services.graph.counts(ilse, workspace_id=other_workspace.id).entities == 0
    view = services.graph.neighbourhood(OPERATOR, workspace_id=workspace.id)
    for triple in view.subgraph.triples:
        with pytest.raises(NotFoundError):
            services.graph.triple(ilse, workspace_id=other_workspace.id, triple_id=triple.id)
    assert facts(services, other_workspace.id) == []
