"""The facts an answer used, drawn as a small graph that runs from the question's names, step by step, to the right."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.domain.answers import AnswerTriple
from app.domain.ids import EntityId
from components.browser_part import browser_part
from components.entity_shapes import entity_shape
from components.stating import stating_data

_COLUMN = 165
_ROW = 58
_MARGIN = 66
_MARGIN_BESIDE = 136
"""With one step only, names stand beside the shapes and not below them."""
_TOP = 52


@dataclass(frozen=True, slots=True)
class PlacedEntity:
    """`step` 0 holds what the question names; `x`, `y` are the middle, in pixels of the drawing."""

    id: EntityId
    name: str
    type: str
    step: int
    x: int
    y: int


def show_path(triples: Sequence[AnswerTriple], *, key: str) -> None:
    browser_part("path_graph")(key=key, data=path_data(triples))


def path_data(triples: Sequence[AnswerTriple]) -> dict[str, Any]:
    placed = place_entities(triples)
    where = {entity.id: entity for entity in placed}
    steps = max((entity.step for entity in placed), default=0)
    beside = steps <= 1
    margin = _MARGIN_BESIDE if beside else _MARGIN
    looks = {entity_shape(entity.type): None for entity in placed}
    return {
        "width": 2 * margin + steps * _COLUMN,
        "height": max((entity.y for entity in placed), default=0) + _ROW // 2 + 8,
        "label": path_in_words(triples),
        "columns": [
            {"x": margin + step * _COLUMN, "text": "In the question" if step == 0 else f"Step {step}"}
            for step in range(steps + 1)
        ],
        "types": [{"word": one.word, "shape": one.shape, "colour": one.colour} for one in looks],
        "entities": [_entity(entity, beside=beside) for entity in placed],
        "edges": [_edge(triple, where, triples) for triple in _once_each(triples)],
    }


def _entity(entity: PlacedEntity, *, beside: bool) -> dict[str, Any]:
    look = entity_shape(entity.type)
    side = ("left" if entity.step == 0 else "right") if beside else "below"
    return {
        "x": entity.x,
        "y": entity.y,
        "name": entity.name,
        "kind": look.word,
        "shape": look.shape,
        "colour": look.colour,
        "side": side,
    }


def path_in_words(triples: Sequence[AnswerTriple]) -> str:
    steps = max((triple.hop for triple in triples), default=0)
    facts = len(_once_each(triples))
    return (
        f"Drawing of {facts} {'fact' if facts == 1 else 'facts'} over {steps} {'step' if steps == 1 else 'steps'};"
        " the same facts are listed as text above."
    )


def place_entities(triples: Sequence[AnswerTriple]) -> list[PlacedEntity]:
    """Columns by step, rows in the order of the facts."""
    steps = steps_of(triples)
    named = {triple.subject_id: (triple.subject, triple.subject_type) for triple in triples}
    named |= {triple.object_id: (triple.object, triple.object_type) for triple in triples}
    sizes = Counter(steps.values())
    tallest = max(sizes.values(), default=0)
    filled: Counter[int] = Counter()
    margin = _MARGIN_BESIDE if max(sizes, default=0) <= 1 else _MARGIN
    placed = []
    for entity_id, step in steps.items():
        y = _TOP + (tallest - sizes[step]) * _ROW // 2 + filled[step] * _ROW
        filled[step] += 1
        placed.append(PlacedEntity(entity_id, *named[entity_id], step, margin + step * _COLUMN, y))
    return placed


def steps_of(triples: Sequence[AnswerTriple]) -> dict[EntityId, int]:
    """How far each entity lies from the question, in the order in which the facts reach it.

    A fact of hop n ties an entity at n - 1 to one at n; where neither is known yet, the end that more facts of this
    hop share is the nearer one, else the subject.
    """
    steps: dict[EntityId, int] = {}
    for triple in sorted(triples, key=lambda one: one.hop):
        ends = (triple.subject_id, triple.object_id)
        known = [end for end in ends if end in steps]
        if not known:
            near = _nearer_end(triple, triples)
            steps[near] = triple.hop - 1
            known = [near]
        for end in ends:
            if end not in steps:
                steps[end] = steps[known[0]] + 1
    return steps


def _nearer_end(triple: AnswerTriple, triples: Sequence[AnswerTriple]) -> EntityId:
    def shared(end: EntityId) -> tuple[int, int]:
        same = sum(end in (one.subject_id, one.object_id) for one in triples if one.hop == triple.hop)
        further = sum(end in (one.subject_id, one.object_id) for one in triples if one.hop > triple.hop)
        return (-further, same)

    subject, other = shared(triple.subject_id), shared(triple.object_id)
    return triple.object_id if other > subject else triple.subject_id


def _once_each(triples: Sequence[AnswerTriple]) -> list[AnswerTriple]:
    return list({triple.triple_id: triple for triple in triples}.values())


def _edge(triple: AnswerTriple, where: dict[EntityId, PlacedEntity], triples: Sequence[AnswerTriple]) -> dict[str, Any]:
    """Facts between the same two entities are bowed apart by `bow`, 0 for the first."""
    ends = {triple.subject_id, triple.object_id}
    same = [one.triple_id for one in _once_each(triples) if {one.subject_id, one.object_id} == ends]
    start, end = where[triple.subject_id], where[triple.object_id]
    return {
        "from": [start.x, start.y],
        "to": [end.x, end.y],
        "bow": same.index(triple.triple_id),
        **stating_data(triple.assertion, triple.relation),
    }
