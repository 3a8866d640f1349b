"""The Graph page: draw, find, expand, filter, open a fact, the same as a table."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from app.container import OPERATOR, Services
from app.domain.access import Role
from app.domain.documents import Span
from app.domain.graph import Assertion, Entity, Evidence, Subgraph, Triple
from app.domain.ids import ChunkId, DocumentId, EntityId, TripleId, VersionId
from app.domain.jobs import JobState
from app.domain.workspaces import Workspace
from app.services.documents import Upload
from components.graph_canvas import Pick
from components.graph_drawing import drawing_data, place
from components.graph_state import GraphState
from tests.ui.conftest import Person
from tests.working import work_off

OpenPage = Callable[..., AppTest]
LETTER = (
    b"Harlan Voss takes warfarin. Dr Petra Lindqvale treats Harlan Voss. Harlan Voss does not take amiodarone."
    b" Warfarin interacts with amiodarone."
)


def texts(page: AppTest) -> str:
    shown = [*page.title, *page.header, *page.markdown]
    return "\n".join(element.value for element in shown).replace("\\", "")


def state_of(page: AppTest) -> GraphState:
    state = page.session_state["graph-state"]
    assert isinstance(state, GraphState)
    return state


def drawn(page: AppTest) -> list[dict[str, Any]]:
    """What was sent to the browser's pieces, as far as it is a drawing."""
    sent = [json.loads(one.proto.json) for one in page.get("bidi_component") if one.proto.json]
    return [one for one in sent if "nodes" in one]


def step_away(services: Services, workspace: Workspace) -> tuple[Entity, Entity]:
    """An entity, and one beside it that has facts with others too."""
    shown = services.graph.neighbourhood(OPERATOR, workspace_id=workspace.id).subgraph
    entities = {one.id: one for one in shown.entities}
    links = [(one.subject_id, one.object_id) for one in shown.triples]
    links += [(other, one) for one, other in links]
    for one, other in links:
        further = (
            {end for start, end in links if start == other} - {end for start, end in links if start == one} - {one}
        )
        if further:
            return entities[one], entities[other]
    raise AssertionError("no such entities in the letter")


@pytest.fixture
def indexed(
    services: Services, workspace: Workspace, clinician: Person, index_everything: Callable[[], None]
) -> Workspace:
    services.documents.upload(clinician.actor, workspace_id=workspace.id, files=[Upload("letter.txt", LETTER)])
    index_everything()
    return workspace


def entity(services: Services, workspace: Workspace, name: str) -> Entity:
    return services.graph.search(OPERATOR, workspace_id=workspace.id, text=name)[0]


def negated_fact(services: Services, workspace: Workspace) -> Triple:
    view = services.graph.neighbourhood(OPERATOR, workspace_id=workspace.id, assertions=[Assertion.NEGATED])
    return view.subgraph.triples[0]


def test_without_facts_the_page_says_when_they_come(open_page: OpenPage, clinician: Person) -> None:
    page = open_page("graph", clinician)
    assert not page.exception
    assert "Facts appear when the first document is indexed" in texts(page)
    assert [button.label for button in page.main.button] == ["Add documents"]


def test_facts_are_drawn_and_how_many_is_said(
    open_page: OpenPage, services: Services, indexed: Workspace, clinician: Person
) -> None:
    page = open_page("graph", clinician)
    assert not page.exception
    counts = services.graph.counts(OPERATOR, workspace_id=indexed.id)
    assert f"of {counts.entities} entities shown" in texts(page)
    assert "Nothing chosen yet" in texts(page)
    assert len(drawn(page)) == 1


def test_an_entity_is_found_by_a_part_of_its_name_and_its_facts_are_shown(
    open_page: OpenPage, services: Services, indexed: Workspace, clinician: Person
) -> None:
    page = open_page("graph", clinician)
    find = state_of(page).key("find")
    page.text_input(key=find).set_value("voss").run()
    voss = entity(services, indexed, "Harlan Voss")
    pills = page.pills(key=state_of(page).key("suggested"))
    pills.set_value(voss.id).run()
    assert not page.exception
    assert f"around {voss.name}" in texts(page)
    assert page.text_input(key=find).value == voss.name
    assert "fact shown" in texts(page) or "facts shown" in texts(page)
    page.text_input(key=find).set_value("nobody of this name").run()
    assert "Nothing in these documents is called" in texts(page)


def test_a_fact_shows_its_quote_how_it_is_stated_and_where_it_was_read(
    open_page: OpenPage, services: Services, indexed: Workspace, clinician: Person
) -> None:
    page = open_page("graph", clinician)
    fact = negated_fact(services, indexed)
    state_of(page).picked = Pick("fact", fact.id)
    page.run()
    assert not page.exception
    assert "Negated" in texts(page)
    assert "The text says this is not so." in texts(page)
    assert "letter.txt, page 1" in texts(page)
    sent = " ".join(one.proto.json for one in page.get("bidi_component"))
    assert "does not take amiodarone" in sent
    page.button(key="graph-open").click().run()
    assert not page.exception


def test_filters_narrow_what_is_shown(
    open_page: OpenPage, services: Services, indexed: Workspace, clinician: Person
) -> None:
    page = open_page("graph", clinician)
    page.multiselect(key=state_of(page).key("assertions")).set_value(["negated"]).run()
    page.segmented_control(key=state_of(page).key("view")).set_value("Table").run()
    assert not page.exception
    rows = page.dataframe[0].value
    assert len(rows) >= 1
    assert all(relation.startswith("not: ") for relation in rows["Relation"])
    assert state_of(page).filters == 1


def test_clear_brings_the_first_view_back(
    open_page: OpenPage, services: Services, indexed: Workspace, clinician: Person
) -> None:
    page = open_page("graph", clinician)
    page.text_input(key=state_of(page).key("find")).set_value("voss").run()
    page.pills(key=state_of(page).key("suggested")).set_value(entity(services, indexed, "Harlan Voss").id).run()
    assert "around Harlan Voss" in texts(page)
    page.button(key="graph-clear").click().run()
    assert not page.exception
    assert "around" not in page.title[0].value + page.markdown[0].value
    assert state_of(page).centre == {}


def test_expanding_adds_facts_and_moves_nothing(
    open_page: OpenPage, services: Services, indexed: Workspace, clinician: Person
) -> None:
    first, beside = step_away(services, indexed)
    page = open_page("graph", clinician)
    state_of(page).centre, state_of(page).places = {first.id: first.name}, {}
    page.run()
    before = dict(state_of(page).places)
    state_of(page).picked = Pick("entity", beside.id)
    page.run()
    page.button(key="graph-expand").click().run()
    after = state_of(page).places
    assert beside.id in state_of(page).centre
    assert len(after) > len(before)
    assert {one: after[one] for one in before} == before


def test_somebody_who_is_in_no_workspace_sees_no_fact(
    open_page: OpenPage, indexed: Workspace, sign_in: Callable[..., Person]
) -> None:
    for person in (sign_in("oda"), sign_in("root", roles=(Role.ADMINISTRATOR,))):
        page = open_page("graph", person)
        assert not drawn(page)
        assert "Harlan Voss" not in texts(page)


def test_an_export_is_made_by_the_worker_and_then_handed_out(
    open_page: OpenPage, services: Services, indexed: Workspace, clinician: Person
) -> None:
    page = open_page("graph", clinician)
    labels = ["CSV, for spreadsheets", "GraphML, for graph tools", "Cypher, for Neo4j", "JSON-LD, with provenance"]
    assert [one.label for one in page.button if one.label in labels] == labels
    assert not page.get("download_button")
    page.button(key="graph-export-csv").click().run()
    assert not page.exception
    assert [one.key for one in page.button if one.label == "Stop"] == ["graph-export-stop-csv"]
    work_off(services)
    page = open_page("graph", clinician)
    assert [one.label for one in page.get("download_button")] == ["Download CSV"]  # type: ignore[union-attr]
    assert page.button(key="graph-export-csv").label == "Make CSV anew"
    assert services.audit.list(OPERATOR, actions=["exports.start"]).total > 0
    assert services.audit.list(OPERATOR, actions=["exports.download"]).total == 0


def test_a_stopped_export_can_be_started_again(
    open_page: OpenPage, indexed: Workspace, services: Services, clinician: Person
) -> None:
    page = open_page("graph", clinician)
    page.button(key="graph-export-jsonld").click().run()
    page.button(key="graph-export-stop-jsonld").click().run()
    assert not page.exception
    (state,) = services.exports.list(clinician.actor, workspace_id=indexed.id)
    assert state.job.state is JobState.STOPPED
    assert page.button(key="graph-export-jsonld").label == "JSON-LD, with provenance"


# ---- what the browser is given


def subgraph(*facts: tuple[str, str, str, Assertion]) -> Subgraph:
    names = sorted({end for subject, _, object_, _ in facts for end in (subject, object_)})
    evidence = Evidence(
        DocumentId("d"), VersionId("v"), ChunkId("c"), 1, Span(0, 4), "h", "svo", "rules/3", confidence=1.0
    )
    return Subgraph(
        tuple(Entity(EntityId(name), name, name, "Concept") for name in names),
        tuple(
            Triple(TripleId(f"t{place}"), EntityId(one), relation, EntityId(other), stated, (evidence,))
            for place, (one, relation, other, stated) in enumerate(facts)
        ),
    )


def data_of(shown: Subgraph) -> dict[str, Any]:
    return drawing_data(shown, places=place(shown, fixed={}), centre=(), picked="", around="", note="")


def test_the_same_facts_give_the_same_drawing() -> None:
    shown = subgraph(*[(f"a{n % 7}", "meets", f"b{n}", Assertion.AFFIRMED) for n in range(30)])
    assert data_of(shown) == data_of(shown)


def test_no_two_names_cover_each_other() -> None:
    shown = subgraph(*[("hub", "meets", f"entity number {n}", Assertion.AFFIRMED) for n in range(12)])
    places = list(place(shown, fixed={}).items())
    for index, (one, (x, y)) in enumerate(places):
        for other, (other_x, other_y) in places[index + 1 :]:
            assert abs(x - other_x) > 3.5 * (len(one) + len(other)) or abs(y - other_y) > 40


def test_up_to_forty_facts_bear_their_relation_and_those_not_plainly_stated_always_do() -> None:
    facts = [(f"a{n}", "meets", f"b{n}", Assertion.AFFIRMED) for n in range(40)]
    assert all(edge["label"] == "meets" for edge in data_of(subgraph(*facts))["edges"])
    many = data_of(subgraph(*facts, ("x", "has", "y", Assertion.NEGATED)))
    assert [edge["label"] for edge in many["edges"] if edge["label"]] == ["not: has"]


def test_the_legend_names_only_what_is_drawn() -> None:
    shown = data_of(subgraph(("x", "has", "y", Assertion.NEGATED), ("x", "had", "z", Assertion.HISTORICAL)))
    assert [one["word"] for one in shown["styles"]] == ["Negated: “not: …”", "Past: “past: …”"]
    assert [one["word"] for one in shown["types"]] == ["Concept"]


def test_two_facts_between_the_same_entities_are_bowed_apart() -> None:
    shown = data_of(subgraph(("x", "has", "y", Assertion.AFFIRMED), ("y", "is in", "x", Assertion.AFFIRMED)))
    assert [edge["bow"] for edge in shown["edges"]] == [0, 1]
