"""Two workspaces in one store: no read or write crosses, and a store whose scope filter is taken out is found out."""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa

from app.domain.graph import Subgraph
from app.domain.ids import VersionId, WorkspaceId
from app.errors import ConflictError
from backends.cache.settings import SqlCacheSettings
from backends.cache.sql import SqlCacheStore
from backends.graph.memory import MemoryGraphStore
from backends.graph.settings import MemoryGraphSettings, SqlGraphSettings
from backends.graph.sql import SqlGraphStore
from backends.metadata.settings import SqliteMetadataSettings
from backends.metadata.sql import SqlMetadataStore
from backends.sql.engine import Database
from backends.sql.migrating import upgrade
from backends.sql.schema import METADATA
from backends.vectors.matrix import VectorMatrix
from backends.vectors.memory import MemoryVectorStore
from backends.vectors.settings import MemoryVectorSettings, SqlVectorSettings
from backends.vectors.sql import SqlVectorStore
from tests.conformance import graphs
from tests.conformance.implementations import DIMENSION, open_database
from tests.security.store_isolation import (
    Isolated,
    IsolatedCache,
    IsolatedGraph,
    IsolatedMetadata,
    IsolatedVectors,
    LeakFoundError,
    check_isolation,
)

SPACE = {"embedding_name": "model-a", "dimension": DIMENSION}
ON_SQL: dict[str, tuple[Isolated, Callable[[Database], Any]]] = {
    "graph": (IsolatedGraph(), lambda database: SqlGraphStore(SqlGraphSettings(), database=database)),
    "vectors": (IsolatedVectors(), lambda database: SqlVectorStore(SqlVectorSettings(), database=database, **SPACE)),
    "metadata": (IsolatedMetadata(), lambda database: SqlMetadataStore(SqliteMetadataSettings(), database=database)),
    "cache": (IsolatedCache(), lambda database: SqlCacheStore(SqlCacheSettings(), database=database)),
}
FILTERS = {
    "workspace": re.compile(r"(\(\+ \w+\.workspace_id\) = \?|\w+\.workspace_id = \?)"),
    "permitted": re.compile(r"((?:\(\+ \w+\.version_id\)|\w+\.version_id) IN \(SELECT [^()]*json_each\(\?\)[^()]*\))"),
    "scope": re.compile(r"(\bcache\.scope = \?)"),
    "lists": re.compile(r"(\(\w+\.\w+ NOT IN \(SELECT (?:access_lists|question_documents)\b)"),
}
"""Of access lists only how the condition begins: it ends with its bracket."""


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    database = open_database(tmp_path_factory.mktemp("isolation"))
    upgrade(database)
    yield database
    database.close()


@pytest.fixture
def database(opened: Database) -> Database:
    empty(opened)
    return opened


def empty(database: Database) -> None:
    """A mutant may destroy what others left in the database: each begins with none of it."""
    with database.write() as connection:
        for table in reversed(METADATA.sorted_tables):
            connection.execute(table.delete())


@contextmanager
def rewriting(database: Database, rewrite: Callable[[str], str]) -> Iterator[None]:
    """Every statement of the database passes through `rewrite` before it runs."""

    def before(
        _connection: object, _cursor: object, statement: str, parameters: object, *_rest: object
    ) -> tuple[str, object]:
        return rewrite(statement), parameters

    sa.event.listen(database.engine, "before_cursor_execute", before, retval=True)
    try:
        yield
    finally:
        sa.event.remove(database.engine, "before_cursor_execute", before)


def without(name: str, statement: str) -> str:
    if name == "lists":
        return without_lists(statement)
    return FILTERS[name].sub(r"(\1 OR 1)", statement)


def without_lists(statement: str) -> str:
    found = FILTERS["lists"].search(statement)
    if found is None:
        return statement
    depth = 0
    for end in range(found.start(), len(statement)):
        depth += {"(": 1, ")": -1}.get(statement[end], 0)
        if depth == 0:
            kept, rest = statement[found.start() : end + 1], statement[end + 1 :]
            return f"{statement[: found.start()]}({kept} OR 1){without_lists(rest)}"
    raise AssertionError("the statement has brackets that do not close")


@pytest.mark.parametrize("name", ON_SQL)
def test_a_store_on_sql_keeps_workspaces_and_hidden_versions_apart(database: Database, name: str) -> None:
    kind, make = ON_SQL[name]
    check_isolation(kind, lambda: make(database), examples=6)


@pytest.mark.parametrize(
    ("name", "taken_out"),
    [
        ("graph", "workspace"),
        ("graph", "permitted"),
        ("vectors", "workspace"),
        ("metadata", "workspace"),
        ("metadata", "permitted"),
        ("metadata", "lists"),
        ("cache", "scope"),
    ],
)
def test_a_store_on_sql_without_its_filter_is_found_out(database: Database, name: str, taken_out: str) -> None:
    kind, make = ON_SQL[name]
    found_out = (LeakFoundError, ConflictError)  # the latter where equal content of the other workspace is seen
    with rewriting(database, lambda statement: without(taken_out, statement)), pytest.raises(found_out):
        check_isolation(kind, lambda: make(database))


def test_equal_ids_in_two_workspaces_show_nothing_of_the_other(database: Database) -> None:
    """The graph's keys are made so that this cannot be; the queries do not rely on it."""
    store = ON_SQL["graph"][1](database)
    here, there = ({"workspace_id": WorkspaceId(name)} for name in ("here", "there"))
    permitted = {"permitted": frozenset({VersionId("v1"), VersionId("v9")})}
    store.add(graphs.contribution(chunk="c1", version="v1"), **here)
    before = store.find_triples(**here, **permitted)
    store.add(graphs.contribution(chunk="c9", version="v9"), **there)
    assert store.find_triples(**here, **permitted) == before
    assert store.find_triples(**there, **permitted) == Subgraph((), ())
    assert store.find_entities(**there, **permitted) == []
    store.delete_versions([VersionId("v9")], **there)
    assert store.find_triples(**here, **permitted) == before


OF_ONE_WORKSPACE = "an entity or fact belongs to one workspace and was chosen within it"
CANDIDATES = "what a removal looks at; only what has no mention or evidence left goes"
OF_CHUNKS = "IN (SELECT chunks.number \nFROM chunks \nWHERE chunks.id IN"
UNDONE = "the chunks themselves stay, so writing theirs again fails and the whole is undone"
OWN_SOURCES = "an answer cites documents of its own workspace"
COUNTERS = "how often vectors were removed: a matrix is read again too often, and never shared"
HARMLESS = {
    ("workspace", "SELECT entity_names.entity_id, entity_names.name, min("): OF_ONE_WORKSPACE,
    ("workspace", "SELECT DISTINCT entity_names.entity_id, entity_names.name"): OF_ONE_WORKSPACE,
    ("workspace", "SELECT evidence.triple_id, evidence.version_id, evidence.span_start"): OF_ONE_WORKSPACE,
    ("workspace", "SELECT evidence.triple_id \n"): CANDIDATES,
    ("permitted", "SELECT evidence.triple_id \n"): CANDIDATES,
    ("workspace", "SELECT mentions.entity_id \n"): CANDIDATES,
    ("permitted", "SELECT mentions.entity_id \n"): CANDIDATES,
    ("workspace", "SELECT vector_removals.count"): COUNTERS,
    ("workspace", "UPDATE vector_removals"): COUNTERS,
    ("workspace", "SELECT triples.id, triples.workspace_id, triples.subject_id"): OF_ONE_WORKSPACE,
    ("workspace", "SELECT triples.subject_id, triples.object_id \nFROM triples"): CANDIDATES,
    ("workspace", "DELETE FROM triples WHERE triples.id IN"): CANDIDATES,
    ("workspace", "DELETE FROM entities WHERE entities.id IN"): CANDIDATES,
    ("workspace", f"DELETE FROM chunk_stems WHERE chunk_stems.chunk_number {OF_CHUNKS}"): UNDONE,
    ("workspace", "SELECT count(*) AS count_1 \nFROM documents \nWHERE"): OWN_SOURCES,
}
"""Filters whose loss shows nothing, by the beginning of their query, and why."""


@pytest.mark.parametrize("name", ON_SQL)
def test_each_single_query_without_its_filter_is_found_out(database: Database, name: str) -> None:
    """A sixth of them; all with DAFE_TEST_ALL_MUTANTS=1, which takes a minute."""
    kind, make = ON_SQL[name]
    ran: dict[str, None] = {}

    def note(statement: str) -> str:
        ran.setdefault(statement)
        return statement

    with rewriting(database, note):
        check_isolation(kind, lambda: make(database), examples=1)
    mutants = [
        (taken, one) for one in ran for taken in FILTERS if without(taken, one) != one and not is_own(taken, one)
    ]
    assert len(mutants) >= {"graph": 30, "vectors": 6, "metadata": 30, "cache": 2}[name]
    survived = []
    for taken, one in mutants[:: 1 if "DAFE_TEST_ALL_MUTANTS" in os.environ else 6]:
        empty(database)
        with rewriting(database, taking_out(taken, one)):
            if not is_found_out(kind, lambda: make(database)):
                survived.append((taken, one))
    assert [
        one for one in survived if not any(one[0] == taken and one[1].startswith(begin) for taken, begin in HARMLESS)
    ] == []


def is_own(taken: str, statement: str) -> bool:
    """A removal that forgets which versions to take stays within its workspace: no matter of isolation."""
    return taken == "permitted" and not statement.startswith("SELECT")


def taking_out(name: str, only: str) -> Callable[[str], str]:
    return lambda statement: without(name, statement) if statement == only else statement


def is_found_out(kind: Isolated, make: Callable[[], Any]) -> bool:
    """A leak, a write into another workspace that breaks its rows, or ids that a second filter does not know."""
    try:
        check_isolation(kind, make, examples=1)
    except (LeakFoundError, ConflictError, sa.exc.IntegrityError, KeyError):
        return True
    return False


def memory_graph() -> MemoryGraphStore:
    return MemoryGraphStore(MemoryGraphSettings())


def memory_vectors() -> MemoryVectorStore:
    return MemoryVectorStore(MemoryVectorSettings(), dimension=DIMENSION)


class Everything(frozenset[Any]):
    """A permitted set that holds whatever is asked for."""

    def __contains__(self, _one: object) -> bool:
        return True


class OneForAll(dict[Any, Any]):
    """A dict that has the same value under every key: workspaces that are not told apart."""

    def __init__(self, value: Any) -> None:
        super().__init__()
        self.value = value

    def __missing__(self, _key: object) -> Any:
        return self.value

    def get(self, _key: object, _default: object = None) -> Any:
        return self.value

    def setdefault(self, _key: object, _default: object = None) -> Any:
        return self.value


class GraphThatPermitsAll(MemoryGraphStore):
    def _entities(self, workspace_id: Any, permitted: Any, ids: Any) -> Any:
        return super()._entities(workspace_id, Everything(permitted), ids)

    def _triples(self, workspace_id: Any, permitted: Any) -> Any:
        return super()._triples(workspace_id, Everything(permitted))


def test_the_stores_in_memory_keep_workspaces_and_hidden_versions_apart() -> None:
    check_isolation(IsolatedGraph(), memory_graph, examples=30)
    check_isolation(IsolatedVectors(), memory_vectors, examples=30)


def test_a_graph_in_memory_without_its_filters_is_found_out() -> None:
    def one_for_all() -> MemoryGraphStore:
        store = memory_graph()
        store._workspaces = OneForAll(store._workspaces["w"])
        return store

    with pytest.raises(LeakFoundError):
        check_isolation(IsolatedGraph(), one_for_all)
    with pytest.raises(LeakFoundError):
        check_isolation(IsolatedGraph(), lambda: GraphThatPermitsAll(MemoryGraphSettings()))


def test_vectors_in_memory_without_their_workspace_are_found_out() -> None:
    def one_for_all() -> MemoryVectorStore:
        store = memory_vectors()
        store._rows = OneForAll({})
        return store

    with pytest.raises(LeakFoundError):
        check_isolation(IsolatedVectors(), one_for_all)


def test_vectors_without_the_permitted_mask_are_found_out(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    search = VectorMatrix.search

    def unmasked(self: VectorMatrix, vector: Any, *, permitted: frozenset[Any], limit: int) -> Any:
        return search(self, vector, permitted=frozenset(self._version_numbers), limit=limit)

    monkeypatch.setattr(VectorMatrix, "search", unmasked)
    for make in (memory_vectors, lambda: ON_SQL["vectors"][1](database)):
        with pytest.raises(LeakFoundError):
            check_isolation(IsolatedVectors(), make)
