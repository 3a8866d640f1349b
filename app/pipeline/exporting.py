"""Writes facts with their evidence as CSV, GraphML, Cypher or JSON-LD."""

import csv
import io
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.domain.documents import Span
from app.domain.graph import Entity, Triple

_FORMULA_STARTS = tuple("=+-@\t\r\n＝＋－＠")
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class QuotedTriple:
    """A fact and one place that states it."""

    subject: Entity
    triple: Triple
    object: Entity
    document: str
    page: int
    span: Span
    quote: str


def export_graph(rows: Sequence[QuotedTriple], *, format: str) -> bytes:
    """UTF-8; one row a fact and place, ordered by subject, relation, object, document and place."""
    ordered = sorted(
        rows,
        key=lambda row: (
            row.subject.name,
            row.triple.relation,
            row.object.name,
            row.triple.assertion.value,
            row.document,
            row.span,
        ),
    )
    return FORMATS[format](ordered)


def _csv(rows: Sequence[QuotedTriple]) -> bytes:
    """A cell that a spreadsheet would run as a formula gets an apostrophe before it (OWASP, CSV injection)."""
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\r\n")
    writer.writerow(
        ["subject", "subject_type", "relation", "object", "object_type", "assertion", "document", "page", "quote"]
    )
    for row in rows:
        cells = [row.subject.name, row.subject.type, row.triple.relation, row.object.name, row.object.type]
        cells += [row.triple.assertion.value, row.document, str(row.page), row.quote]
        writer.writerow([f"'{cell}" if cell.lstrip(" ").startswith(_FORMULA_STARTS) else cell for cell in cells])
    return ("\ufeff" + target.getvalue()).encode()


def _graphml(rows: Sequence[QuotedTriple]) -> bytes:
    import networkx

    graph = networkx.MultiDiGraph()
    for row in rows:
        for end in (row.subject, row.object):
            graph.add_node(end.id, name=_xml_safe(end.name), type=_xml_safe(end.type))
        graph.add_edge(
            row.subject.id,
            row.object.id,
            relation=_xml_safe(row.triple.relation),
            assertion=row.triple.assertion.value,
            document=_xml_safe(row.document),
            page=row.page,
            quote=_xml_safe(row.quote),
        )
    target = io.BytesIO()
    networkx.write_graphml(graph, target)
    return target.getvalue()


def _cypher(rows: Sequence[QuotedTriple]) -> bytes:
    """MERGE statements; every value is a quoted string, so nothing in a document becomes a query."""
    entities = {end.id: end for row in rows for end in (row.subject, row.object)}
    lines = [
        f"MERGE (e:Entity {{id: {_quoted(one.id)}}}) SET e.name = {_quoted(one.name)}, e.type = {_quoted(one.type)};"
        for one in sorted(entities.values(), key=lambda one: (one.name, one.type))
    ]
    lines += [
        f"MATCH (s:Entity {{id: {_quoted(row.subject.id)}}}), (o:Entity {{id: {_quoted(row.object.id)}}}) "
        f"MERGE (s)-[f:FACT {{relation: {_quoted(row.triple.relation)}, "
        f"assertion: {_quoted(row.triple.assertion.value)}, document: {_quoted(row.document)}, page: {row.page}, "
        f"quote: {_quoted(row.quote)}}}]->(o);"
        for row in rows
    ]
    return "\n".join([*lines, ""]).encode()


def _jsonld(rows: Sequence[QuotedTriple]) -> bytes:
    """RDF statements (RDF 1.1 reification) with their provenance (PROV-O)."""
    graph = [
        {
            "@type": "rdf:Statement",
            "rdf:subject": {"@id": f"urn:dafe:{row.subject.id}", "schema:name": row.subject.name},
            "rdf:predicate": row.triple.relation,
            "rdf:object": {"@id": f"urn:dafe:{row.object.id}", "schema:name": row.object.name},
            "subject_type": row.subject.type,
            "object_type": row.object.type,
            "assertion": row.triple.assertion.value,
            "prov:wasQuotedFrom": {"document": row.document, "page": row.page},
            "prov:value": row.quote,
        }
        for row in rows
    ]
    context = {
        "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
        "prov": "http://www.w3.org/ns/prov#",
        "schema": "https://schema.org/",
        "@vocab": "urn:dafe:vocabulary:",
    }
    return (json.dumps({"@context": context, "@graph": graph}, ensure_ascii=False, indent=1) + "\n").encode()


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace("\r", "\\r")
    return f"'{escaped}'"


def _xml_safe(text: str) -> str:
    """Without what XML 1.0 (2.2) does not allow, which would make the whole file unreadable."""
    return _NO_XML.sub("", text)


FORMATS: dict[str, Callable[[Sequence[QuotedTriple]], bytes]] = {
    "csv": _csv,
    "graphml": _graphml,
    "cypher": _cypher,
    "jsonld": _jsonld,
}
