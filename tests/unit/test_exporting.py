"""Exports keep hostile names as they are and harmless."""

import csv
import io
import json
import re

import networkx
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.documents import Span
from app.domain.graph import Assertion, Entity, Triple
from app.domain.ids import EntityId, TripleId
from app.pipeline.exporting import FORMATS, QuotedTriple, export_graph

HOSTILE = [
    "=HYPERLINK('x')",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1+1",
    "'; MATCH (n) DETACH DELETE n; //",
    "back\\slash' quote",
    "</data><script>alert(1)</script>",
    'comma, "quote"\nnew line',
    "bell\x07 and null\x00",
]


def row(name: str, *, n: int = 0, document: str = "letter.txt", page: int = 1, quote: str = "A quote.") -> QuotedTriple:
    subject = Entity(EntityId(f"s{n}"), name, name, "Drug")
    other = Entity(EntityId(f"o{n}"), "object", "object", "Drug")
    triple = Triple(TripleId(f"t{n}"), subject.id, "interacts with", other.id, Assertion.AFFIRMED, ())
    return QuotedTriple(subject, triple, other, document, page, Span(n, n + 3), quote)


ROWS = [row(name, n=n, document=name, quote=name) for n, name in enumerate(HOSTILE)]


def test_no_cell_of_a_csv_is_run_as_a_formula() -> None:
    text = export_graph(ROWS, format="csv").decode("utf-8-sig")
    cells = [cell for line in csv.reader(io.StringIO(text, newline="")) for cell in line]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert {"'=HYPERLINK('x')", "'+1", "'-1", "'@SUM(A1)"} <= set(cells)
    assert "back\\slash' quote" in cells


def test_graphml_is_well_formed_whatever_the_names() -> None:
    graph = networkx.parse_graphml(export_graph(ROWS, format="graphml").decode())
    names = {data["name"] for _, data in graph.nodes(data=True)}
    assert {"</data><script>alert(1)</script>", "bell and null"} <= names
    assert graph.number_of_edges() == len(ROWS)


def test_jsonld_gives_every_name_back() -> None:
    graph = json.loads(export_graph(ROWS, format="jsonld"))["@graph"]
    assert {one["rdf:subject"]["schema:name"] for one in graph} == set(HOSTILE)


def cypher_strings(statement: str) -> tuple[list[str], str]:
    """The string literals of a statement, unescaped, and what is left when they are taken out."""
    literal = re.compile(r"'((?:\\.|[^'\\])*)'", re.DOTALL)
    unescape = {"\\\\": "\\", "\\'": "'", "\\n": "\n", "\\r": "\r"}
    found = [re.sub(r"\\.", lambda sign: unescape[sign.group()], text) for text in literal.findall(statement)]
    return found, literal.sub("''", statement)


def check_cypher(names: list[str]) -> None:
    rows = [row(name, n=n, document=name, quote=name) for n, name in enumerate(names)]
    statements = export_graph(rows, format="cypher").decode().removesuffix("\n").split("\n")
    assert len(statements) == 2 * len(names) + len(names)
    shapes = set()
    values: set[str] = set()
    for statement in statements:
        found, shape = cypher_strings(statement)
        values |= set(found)
        shapes.add(shape)
    assert set(names) <= values
    assert shapes == {
        "MERGE (e:Entity {id: ''}) SET e.name = '', e.type = '';",
        "MATCH (s:Entity {id: ''}), (o:Entity {id: ''}) MERGE (s)-[f:FACT {relation: '', assertion: '', document: '', "
        "page: 1, quote: ''}]->(o);",
    }


def test_nothing_in_a_name_becomes_cypher() -> None:
    check_cypher(HOSTILE)


@given(st.lists(st.text(alphabet="ab'\\\n\r;{}$`\"/ ", min_size=1, max_size=12), min_size=1, max_size=4, unique=True))
@settings(max_examples=100, deadline=None)
def test_any_name_stays_one_cypher_string(names: list[str]) -> None:
    check_cypher(names)


def test_rows_are_in_one_order_whatever_order_they_come_in() -> None:
    for format_ in FORMATS:
        assert export_graph(ROWS, format=format_) == export_graph(ROWS[::-1], format=format_)


def test_an_empty_graph_is_exported_too() -> None:
    assert len(export_graph([], format="csv").decode("utf-8-sig").splitlines()) == 1
    assert json.loads(export_graph([], format="jsonld"))["@graph"] == []
    assert networkx.parse_graphml(export_graph([], format="graphml").decode()).number_of_nodes() == 0
    assert export_graph([], format="cypher") == b""
