"""Two workspaces in one Neo4j server, where any user may read all: our queries alone keep them apart."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

import pytest

from app.domain.graph import Subgraph
from app.domain.ids import VersionId, WorkspaceId
from app.errors import DafeError
from backends.graph.base import GraphStore
from backends.loading import load
from tests.conformance import graphs
from tests.security.store_isolation import IsolatedGraph, LeakFoundError, check_isolation
from tests.servers.requiring import require

pytestmark = pytest.mark.server
FILTERS = {
    "workspace": re.compile(r"((?:\b[a-z]\.workspace_id|coalesce\([a-z]\.workspace_id, ''\)) = \$workspace_id)"),
    "permitted": re.compile(r"((?:\b[a-z]\.version_id|coalesce\([a-z]\.version_id, ''\)) IN \$permitted)"),
}
"""What a mutant loses. Between braces the workspace is part of a key: there it is not taken out."""
HINT = re.compile(r"^USING .*\n", re.MULTILINE)
Rewrite = Callable[[str], str]


@pytest.fixture
def store(request: pytest.FixtureRequest) -> Iterator[GraphStore]:
    if find_spec("neo4j") is None:
        require("neo4j", "install the extra neo4j")
    from tests.servers.real_neo4j import shared_neo4j

    server = shared_neo4j(request.config)
    server.empty()
    opened = load(GraphStore, server.settings())
    yield opened
    opened.close()


@contextmanager
def rewriting(rewrite: Rewrite) -> Iterator[None]:
    """Every text that is sent passes through `rewrite` before."""
    from neo4j import Transaction

    run = Transaction.run

    def run_rewritten(self: Any, query: Any, parameters: Any = None, **more: Any) -> Any:
        return run(self, rewrite(query), parameters, **more)

    with pytest.MonkeyPatch.context() as patching:
        patching.setattr(Transaction, "run", run_rewritten)
        yield


def without(name: str, query: str) -> str:
    """A hint names the index that the condition would have used."""
    if not FILTERS[name].search(query):
        return query
    return HINT.sub("", FILTERS[name].sub(r"(\1 OR true)", query))


def test_workspaces_and_hidden_versions_are_kept_apart(store: GraphStore) -> None:
    check_isolation(IsolatedGraph(), lambda: store, examples=6)


@pytest.mark.parametrize("name", FILTERS)
def test_a_store_without_its_filter_is_found_out(store: GraphStore, name: str) -> None:
    store.count(workspace_id=WorkspaceId("none"), permitted=frozenset())
    with rewriting(lambda query: without(name, query)), pytest.raises(LeakFoundError):
        check_isolation(IsolatedGraph(), lambda: store, examples=3)


def test_equal_ids_in_two_workspaces_are_two_things(store: GraphStore) -> None:
    here, there = ({"workspace_id": WorkspaceId(name)} for name in ("here", "there"))
    permitted = {"permitted": frozenset({VersionId("v1"), VersionId("v9")})}
    store.add(graphs.contribution(chunk="c1", version="v1"), **here)
    before = store.find_triples(**here, **permitted)
    store.add(graphs.contribution(chunk="c1", version="v1", aliases=("Theirs",)), **there)
    store.add(graphs.contribution(chunk="c9", version="v9"), **there)
    assert store.find_triples(**here, **permitted) == before
    store.delete_versions([VersionId("v1"), VersionId("v9")], **there)
    assert store.find_triples(**here, **permitted) == before
    assert store.find_triples(**there, **permitted) == Subgraph((), ())
    store.add(graphs.contribution(chunk="c1", version="v1"), **there)
    store.delete_workspace(WorkspaceId("there"))
    assert store.find_triples(**here, **permitted) == before


CHOSEN = "it is reached from an entity that was chosen within its workspace, and belongs to the same"
TWICE = "a second condition on the workspace stands beside or behind it"
NOTHING_LEFT = "no permitted version has a name with that text, so nothing is left to be read"
OF_ENTITY, OF_KEY = "INDEX e:Entity(workspace_id, id) ...", "INDEX n:Name(workspace_id, key) ..."
OF_TEXT, OF_ALL = "INDEX n:Name(workspace_id, version_id) ...", "INDEX m:MENTIONS(workspace_id, version_id) ..."
ITS_MENTIONS, ITS_NAMES = "MATCH (e)<-[m:MENTIONS]-(:Chunk)", "MATCH (e)<-[:OF]-(n:Name)"
HARMLESS = {
    ("workspace", f"{OF_ALL} {ITS_NAMES}"): CHOSEN,
    ("workspace", f"{OF_ENTITY} {ITS_MENTIONS}"): CHOSEN,
    ("workspace", f"{OF_ENTITY} {ITS_NAMES}"): CHOSEN,
    ("workspace", f"{OF_ENTITY} MATCH (e:Entity)-[r:STATES]-(:Entity)"): TWICE,
    ("workspace", f"{OF_KEY} MATCH (n:Name)"): TWICE,
    ("workspace", f"{OF_KEY} {ITS_MENTIONS}"): CHOSEN,
    ("workspace", f"{OF_KEY} {ITS_NAMES}"): CHOSEN,
    ("workspace", f"{OF_TEXT} {ITS_MENTIONS}"): CHOSEN,
    ("workspace", f"{OF_TEXT} {ITS_NAMES}"): CHOSEN,
    ("permitted", f"{OF_TEXT} {ITS_MENTIONS}"): NOTHING_LEFT,
    ("permitted", f"{OF_TEXT} {ITS_NAMES}"): NOTHING_LEFT,
}
"""Filters whose loss shows nothing, by where the query begins and where they stand, and why."""


def test_each_single_filter_is_missed(store: GraphStore) -> None:
    """Of filters that stand in the same place of queries that begin alike, one."""
    ran: dict[str, None] = {}

    def note(query: str) -> str:
        ran.setdefault(query)
        return query

    with rewriting(note):
        check_isolation(IsolatedGraph(), lambda: store, examples=1)
    mutants = {
        (name, described(query, found.start())): taking_out(query, found.span())
        for query in ran
        for name, pattern in FILTERS.items()
        for found in pattern.finditer(query)
    }
    assert len(mutants) >= 20
    survived = []
    for one, mutant in mutants.items():
        with rewriting(mutant):
            if not is_found_out(store):
                survived.append(one)
    assert [one for one in survived if one not in HARMLESS] == []


def taking_out(only: str, place: tuple[int, int]) -> Rewrite:
    start, end = place
    mutated = HINT.sub("", f"{only[:start]}({only[start:end]} OR true){only[end:]}")
    return lambda query: mutated if query == only else query


def described(query: str, start: int) -> str:
    """The index at which the query begins, and the last MATCH before its lost filter."""
    lines = [line.strip() for line in query[:start].strip().splitlines()]
    return f"{lines[1].removeprefix('USING ')} ... {[line for line in lines if line.startswith('MATCH')][-1]}"


def is_found_out(store: GraphStore) -> bool:
    """A leak, or something that the store itself finds wrong."""
    try:
        check_isolation(IsolatedGraph(), lambda: store, examples=1)
    except (LeakFoundError, DafeError):
        return True
    return False
