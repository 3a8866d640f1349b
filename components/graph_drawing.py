"""Turns facts into what the browser draws: places, shapes, lines, words and the legend."""

from collections import Counter
from collections.abc import Collection, Mapping
from hashlib import blake2s
from json import dumps
from typing import Any

from app.domain.graph import Assertion, Entity, Subgraph, Triple
from components.entity_shapes import entity_shape
from components.formats import counted
from components.graph_layout import Link, Point, lay_out
from components.stating import DASHES, stating_data
from components.words import ASSERTION

LIBRARY = "/session-assets/vis-network.min.js"
MOST_LABELLED_EDGES = 40
_LONGEST_NAME = 26
_LONGEST_RELATION = 26
_INFERRED = "2 2"


def place(subgraph: Subgraph, *, fixed: Mapping[str, Point]) -> dict[str, Point]:
    """Where each entity is drawn; those in `fixed` stay."""
    widths = {str(one.id): 7.0 * len(_short(one.name, _LONGEST_NAME)) + 6 for one in subgraph.entities}
    labelled = len(subgraph.triples) <= MOST_LABELLED_EDGES
    links = [
        Link(one.subject_id, one.object_id, max(112.0, 5.9 * len(_label(one, labelled)) + 56))
        for one in subgraph.triples
    ]
    return lay_out(widths, links, fixed={one: fixed[one] for one in widths if one in fixed})


def drawing_data(
    subgraph: Subgraph, *, places: Mapping[str, Point], centre: Collection[str], picked: str, around: str, note: str
) -> dict[str, Any]:
    """`centre` is drawn larger, `picked` (an entity's or a fact's id) selected; `around` says whose facts these
    are, `note` what is not drawn."""
    degrees = Counter(end for one in subgraph.triples for end in (one.subject_id, one.object_id))
    entities = sorted(subgraph.entities, key=lambda one: (one.id not in centre, -degrees[one.id], one.name, one.id))
    names = {str(one.id): one.name for one in entities}
    labelled = len(subgraph.triples) <= MOST_LABELLED_EDGES
    nodes = [_node(one, places[one.id], one.id in centre) for one in entities]
    edges = _edges(subgraph, names, labelled)
    content = dumps([nodes, edges], sort_keys=True).encode()
    return {
        "library": LIBRARY,
        "signature": blake2s(content, digest_size=8).hexdigest(),
        "summary": f"Drawing of {counted(len(nodes), 'entity', 'entities')} and {counted(len(edges), 'fact')}{around}.",
        "nodes": nodes,
        "edges": edges,
        "types": _types(entities),
        "styles": _styles(subgraph),
        "picked": picked,
        "note": note,
    }


def is_inferred(triple: Triple) -> bool:
    """No place that states it holds the relation's own words."""
    return all(evidence.inferred for evidence in triple.evidence)


def _node(entity: Entity, point: Point, central: bool) -> dict[str, Any]:
    looks = entity_shape(entity.type)
    return {
        "id": entity.id,
        "label": _short(entity.name, _LONGEST_NAME),
        "title": f"{entity.name} ({looks.word})",
        "shape": looks.shape,
        "colour": looks.colour,
        "central": central,
        "x": point[0],
        "y": point[1],
    }


def _edges(subgraph: Subgraph, names: Mapping[str, str], labelled: bool) -> list[dict[str, Any]]:
    """Facts between the same two entities are bowed apart by `bow`, 0 for the first."""
    between: Counter[frozenset[str]] = Counter()
    edges = []
    for triple in subgraph.triples:
        ends = frozenset((triple.subject_id, triple.object_id))
        stated = stating_data(triple.assertion, triple.relation)
        inferred = triple.assertion is Assertion.AFFIRMED and is_inferred(triple)
        edges.append(
            {
                "id": triple.id,
                "from": triple.subject_id,
                "to": triple.object_id,
                "label": _label(triple, labelled),
                "title": f"{names[triple.subject_id]} – {stated['relation']} → {names[triple.object_id]}",
                "colour": stated["colour"],
                "line": _INFERRED if inferred else stated["line"],
                "bow": between[ends],
            }
        )
        between[ends] += 1
    return edges


def _label(triple: Triple, labelled: bool) -> str:
    """A fact that is not plainly stated always says so on its line."""
    statement = ASSERTION[triple.assertion]
    return _short(f"{statement.prefix}{triple.relation}", _LONGEST_RELATION) if labelled or statement.prefix else ""


def _types(entities: Collection[Entity]) -> list[dict[str, Any]]:
    looks = {entity_shape(one.type) for one in entities}
    ordered = sorted(looks, key=lambda one: one.word)
    return [{"word": one.word, "shape": one.shape, "colour": one.colour} for one in ordered]


def _styles(subgraph: Subgraph) -> list[dict[str, str]]:
    shown = {one.assertion for one in subgraph.triples}
    styles = [
        {
            "word": f"{statement.word.text}: “{statement.prefix}…”" if statement.prefix else statement.word.text,
            "colour": statement.word.colour,
            "line": DASHES[statement.line],
        }
        for assertion, statement in ASSERTION.items()
        if assertion in shown
    ]
    if any(one.assertion is Assertion.AFFIRMED and is_inferred(one) for one in subgraph.triples):
        styles.append({"word": "Inferred", "colour": "gray", "line": _INFERRED})
    return styles


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"
