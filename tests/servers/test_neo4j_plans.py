"""Every query of the Neo4j store begins at an index, whatever conditions it has and whatever the server has counted."""

from collections.abc import Iterator
from contextlib import closing
from itertools import product
from typing import Any

import pytest

from app.domain.ids import WorkspaceId
from backends.graph.base import GraphStore
from backends.loading import load
from tests.conformance.graphs import contribution

pytestmark = pytest.mark.server
VALUES: dict[str, Any] = {
    "workspace_id": "here",
    "permitted": ["v1", "v2"],
    "version_ids": ["v1", "v2"],
    "ids": ["a", "b"],
    "keys": ["a", "b"],
    "text": "aspirin",
    "types": ["Drug"],
    "entity_ids": ["a", "b"],
    "triple_ids": ["a", "b"],
    "relations": ["inhibit"],
    "assertions": ["affirmed"],
    "limit": 5,
    "batch": 10,
    "rows": [],
}
SCANS = ("AllNodesScan", "LabelScan", "AllRelationshipsScan", "TypeScan", "IndexScan", "IndexContainsScan")
"""The last one reads the text index for what it knows of three letters, and is asked for on purpose."""


def queries() -> Iterator[str]:
    from backends.graph import neo4j_templates as templates

    whole = [value for name, value in vars(templates).items() if name.startswith(("ADD", "REMOVE", "FIND", "COUNT"))]
    yield from (value for value in whole if isinstance(value, str))
    yield from templates.REMOVE_WORKSPACE
    for ids, keys, text, types, limit in product((False, True), (False, True), ("", "as", "asp"), *[(False, True)] * 2):
        yield templates.find_entities(templates.EntityChoice(ids, keys, text, types, limit))
    for choice in product((False, True), repeat=5):
        yield templates.find_triples(templates.TripleChoice(*choice))


def operators(plan: dict[str, Any]) -> Iterator[str]:
    yield plan["operatorType"].partition("@")[0]
    for child in plan.get("children", ()):
        yield from operators(child)


def beginnings(plan: dict[str, Any]) -> Iterator[str]:
    """The operators that find something by themselves: what others reach from there is not looked for again."""
    children = plan.get("children", ())
    if not children and not plan["operatorType"].startswith("Argument"):
        yield plan["operatorType"].partition("@")[0]
    for child in children:
        yield from beginnings(child)


def scans(driver: Any, query: str) -> list[str]:
    plan = driver.execute_query(f"EXPLAIN {query}", VALUES).summary.plan
    return [one for one in operators(plan) if one.endswith(SCANS)]


def test_no_query_goes_through_all_of_a_label(neo4j_server: Any) -> None:
    """With a few nodes only, where the planner would otherwise think a scan as good as a seek."""
    store = load(GraphStore, neo4j_server.settings())
    with closing(store), closing(neo4j_server.driver()) as driver:
        store.add(contribution(chunk="c1", version="v1"), workspace_id=WorkspaceId("here"))
        sent = [query.strip() for query in queries()]
        assert len(sent) > 80
        found = {query: scans(driver, query) for query in sent}
        by_text = {query for query in sent if query.startswith("MATCH (n:Name)\nUSING TEXT INDEX")}
        assert by_text
        assert {query: one for query, one in found.items() if one and query not in by_text} == {}
        assert all(found[query] == ["NodeIndexContainsScan"] for query in by_text)
        for query in sent:
            if query.startswith("MATCH"):
                plan = driver.execute_query(f"EXPLAIN {query}", VALUES).summary.plan
                assert len(list(beginnings(plan))) == 1, query
        assert scans(driver, "MATCH (n:Name) WHERE n.name = $text RETURN n") == ["NodeByLabelScan"]


def test_a_removal_of_a_workspace_uses_the_beginning_of_its_indexes(neo4j_server: Any) -> None:
    from backends.graph.neo4j_templates import REMOVE_WORKSPACE

    store = load(GraphStore, neo4j_server.settings())
    with closing(store), closing(neo4j_server.driver()) as driver:
        store.add(contribution(chunk="c1", version="v1"), workspace_id=WorkspaceId("here"))
        for query in REMOVE_WORKSPACE:
            plan = driver.execute_query(f"EXPLAIN {query}", VALUES).summary.plan
            details = str(plan)
            assert "workspace_id = $workspace_id" in details
            assert any("IndexSeek" in one for one in operators(plan)), list(operators(plan))
