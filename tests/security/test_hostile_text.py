"""Hostile text is text: in searches, filters, names, exports and answers."""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import defusedxml.ElementTree
import pytest

from app.container import OPERATOR, Services, open_services
from app.domain.answers import Answer, Mode
from app.domain.documents import Span
from app.domain.graph import Assertion, Entity, Triple
from app.domain.ids import EntityId, TripleId, WorkspaceId
from app.domain.names import fold
from app.errors import InvalidInputError, NotFoundError
from app.pipeline.exporting import FORMATS, QuotedTriple, export_graph
from app.settings import load_settings
from backends.metadata.base_content import DocumentFilter
from tests.security.hostile_texts import DATA, FORMULAS, ORDERS, QUERIES, SCRIPTS, orders, payloads
from tests.services.letters import WARFARIN, add, names
from tests.working import work_off

HOSTILE = (*SCRIPTS, *FORMULAS, *QUERIES, *ORDERS)
NAMED = (SCRIPTS[0], SCRIPTS[1], FORMULAS[0], "100%_sure", "a_b", "c%d")
FACT = "Warfarin interacts with amiodarone."


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    folder = tmp_path_factory.mktemp("hostile")
    opened = open_services(load_settings(data_dir=folder, embeddings={"kind": "hashing"}, llm={"kind": "none"}))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def ward(services: Services) -> WorkspaceId:
    """A workspace whose documents are hostile texts beside one that states a fact."""
    workspace = services.workspaces.add(OPERATOR, name=f"Ward {SCRIPTS[1]}", ontology="clinical")
    add(services, workspace.id, "warfarin.txt", WARFARIN)
    for number, text in enumerate(NAMED):
        add(services, workspace.id, f"{text.replace('/', ' ')} {number}.txt", f"Note {number}\n\n{FACT}\n".encode())
    facts = "\n\n".join(f"{text}\n\nDigoxin interacts with {text or 'nothing'}." for text in HOSTILE)
    add(services, workspace.id, "hostile.txt", facts.encode())
    work_off(services)
    return workspace.id


def search_everywhere(services: Services, workspace_id: WorkspaceId, text: str) -> None:
    here: dict[str, Any] = {"workspace_id": workspace_id}
    services.graph.search(OPERATOR, text=text, types=[text], **here)
    found = services.graph.search(OPERATOR, text=text, limit=500, **here)
    names = [[fold(name) for name in (one.name, *one.aliases)] for one in found]
    assert all(any(fold(text) in name for name in several) for several in names)
    page = services.documents.list(OPERATOR, document_filter=DocumentFilter(text=text), **here)
    assert all(text.casefold() in one.name.casefold() for one in page.documents)
    view = services.graph.neighbourhood(OPERATOR, relations=[text], types=[text], **here)
    assert view.triples_in_all == 0
    for look in (
        lambda: services.graph.triple(OPERATOR, triple_id=TripleId(text), **here),
        lambda: services.documents.get(OPERATOR, document_id=text, **here),
    ):
        with pytest.raises((NotFoundError, InvalidInputError)):
            look()


def test_nothing_of_a_search_becomes_part_of_a_query(services: Services, ward: WorkspaceId) -> None:
    here: dict[str, Any] = {"workspace_id": ward}
    before = services.workspaces.summary(OPERATOR, **here)
    for text in (*SCRIPTS[:3], *FORMULAS[:3], *QUERIES, *islice(payloads(), 0, None, 400)):
        search_everywhere(services, ward, text)
    assert services.workspaces.summary(OPERATOR, **here) == before
    everything = names(services, ward)
    for sign in "%_":
        page = services.documents.list(OPERATOR, document_filter=DocumentFilter(text=sign), **here)
        assert 0 < page.total < len(everything)
    assert services.graph.search(OPERATOR, text="", limit=500, **here)
    assert all("%" in repr(one) for one in services.graph.search(OPERATOR, text="%", **here))


def last(answers: Iterator[Answer]) -> Answer:
    *_, answer = answers
    return answer


def test_what_a_document_orders_changes_no_answer(services: Services, ward: WorkspaceId) -> None:
    """Each sentence is a quote of the passage that it cites, and what no document says is refused."""
    here: dict[str, Any] = {"workspace_id": ward}
    page = services.documents.list(OPERATOR, document_filter=DocumentFilter(), **here)
    ids = {document.id for document in page.documents}
    for mode in (Mode.AUTO, Mode.RAG, Mode.GRAPHRAG, Mode.GRAPH):
        for question in ("What does warfarin interact with?", *ORDERS[::2], QUERIES[1]):
            answer = last(services.questions.ask(OPERATOR, workspace_id=ward, text=question, mode=mode))
            assert mode is Mode.AUTO or answer.mode is mode
            for sentence in answer.sentences:
                assert sentence.citations
            for citation in answer.citations:
                assert citation.document_id in ids
                place = {"version_id": citation.version_id, "span": citation.span}
                evidence = services.evidence.evidence(OPERATOR, **place, **here)
                assert evidence.quote == " ".join(citation.quote.split())
    unknown = "Which satellite does the moon Ganymede orbit in the Kuiper archipelago?"
    assert last(services.questions.ask(OPERATOR, workspace_id=ward, text=unknown, mode=Mode.RAG)).refused
    fact = last(services.questions.ask(OPERATOR, workspace_id=ward, text="What does warfarin interact with?"))
    assert "amiodarone" in fact.text


def quoted(texts: Sequence[str]) -> list[QuotedTriple]:
    """A fact a text, which stands in each of its fields."""
    rows = []
    for number, text in enumerate(texts):
        ends = [Entity(EntityId(f"{side}{number}"), text, text, text, (), 1) for side in "so"]
        triple = Triple(TripleId(f"t{number}"), ends[0].id, text, ends[1].id, Assertion.AFFIRMED, ())
        rows.append(QuotedTriple(ends[0], triple, ends[1], text, 1, Span(0, 1), text))
    return rows


def exported_safely(texts: Sequence[str]) -> None:
    rows = quoted(texts)
    table = export_graph(rows, format="csv").decode("utf-8-sig")
    cells = [cell for row in csv.reader(io.StringIO(table, newline="")) for cell in row]
    assert len(cells) == 9 * (len(rows) + 1)
    assert not [cell for cell in cells if cell.lstrip(" ").startswith(tuple("=+-@\t\r\n＝＋－＠"))]
    graph = defusedxml.ElementTree.fromstring(export_graph(rows, format="graphml"))
    assert len(graph.findall(".//{*}edge")) == len(rows)
    records = json.loads(export_graph(rows, format="jsonld"))["@graph"]
    assert sorted(one["prov:value"] for one in records) == sorted(texts)
    statements = export_graph(rows, format="cypher").decode()
    assert len(statements.split("\n")) == 3 * len(rows) + 1
    for line in filter(None, statements.split("\n")):
        assert without_strings(line).startswith(("MERGE (e:Entity {id: }) SET ", "MATCH (s:Entity {id: }), (o:Entity "))


def without_strings(statement: str) -> str:
    """What is left when every quoted string is taken out: nothing of the texts may be."""
    left, inside, place = [], False, 0
    while place < len(statement):
        sign = statement[place]
        if inside and sign == "\\":
            place += 1
        elif sign == "'":
            inside = not inside
        elif not inside:
            left.append(sign)
        place += 1
    assert not inside
    return "".join(left)


def test_exports_can_be_opened_without_harm() -> None:
    exported_safely([*HOSTILE, "\x00\x0b\x1f", "a\ufffe\uffffb", "]]>", "\\", "\\'", "  =1+1", "a\u2028b", "😀"])


def test_every_payload_of_the_sets_is_exported_safely() -> None:
    if not DATA.is_dir():
        pytest.skip(f"the public sets are not in {DATA}")
    found = [*payloads(), *orders()]
    assert len(found) > 3_000
    exported_safely(found)


def test_an_export_of_the_workspace_holds_its_hostile_documents(services: Services, ward: WorkspaceId) -> None:
    for name in FORMATS:
        content = services.graph.export(OPERATOR, workspace_id=ward, format=name)
        assert "onerror" in content.decode()
