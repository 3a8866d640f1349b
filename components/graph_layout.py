"""Places for a drawing's entities: the same facts always give the same picture."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components, dijkstra

Point = tuple[float, float]
Array = npt.NDArray[np.float64]

_WIDE = 1.3
"""Width to height of the drawing, about 520 to 400."""
_HEIGHT_OF_LABEL = 46.0
"""A shape with its name below it, px."""
_BETWEEN_PARTS = 40.0
_CANVAS = np.array([520.0, 400.0])
_MOST_STRETCHED = 1.8
_MOST_NAMED = 80
_MOST_SHRUNK = 2.5
"""A drawing larger than the canvas is shown smaller, its names are not: they need that much more room. With more
entities than `_MOST_NAMED` not all names are written."""
_GOLDEN_ANGLE = np.pi * (3 - np.sqrt(5))


@dataclass(frozen=True, slots=True)
class Link:
    """Two entities that are to lie at least `length` px apart, so that the relation's name fits between them."""

    source: str
    target: str
    length: float


def lay_out(widths: Mapping[str, float], links: Sequence[Link], *, fixed: Mapping[str, Point]) -> dict[str, Point]:
    """A place in px for every entity of `widths` (id and width of its name); those in `fixed` stay where they are.

    Parts that hang together are drawn by stress majorisation (Gansner, Koren and North, 2004), names that would cover
    each other are moved apart, and the parts are set side by side.
    """
    if not widths:
        return {}
    return dict(_laid_out(tuple(widths.items()), tuple(links), tuple(fixed.items())))


@lru_cache(maxsize=64)
def _laid_out(
    named: tuple[tuple[str, float], ...], links: tuple[Link, ...], held_places: tuple[tuple[str, Point], ...]
) -> Mapping[str, Point]:
    """Many people look at the same picture first."""
    widths, fixed = dict(named), dict(held_places)
    ids = list(widths)
    index = {one: place for place, one in enumerate(ids)}
    lengths = _lengths(index, links)
    wide = np.array([widths[one] for one in ids])
    held = np.array([one in fixed for one in ids])
    places = np.array([fixed.get(one, (np.nan, np.nan)) for one in ids], dtype=np.float64)
    _, parts = connected_components(lengths, directed=False)
    loose: list[npt.NDArray[np.intp]] = []
    for part in np.unique(parts):
        members = np.flatnonzero(parts == part)
        places[members] = _draw(places[members], lengths[members][:, members], wide[members], held[members])
        if not held[members].any():
            loose.append(members)
    _pack(places, loose, wide, below=places[held])
    if not held.any():
        width, height = np.maximum(np.ptp(places, axis=0), 1.0)
        places[:, 0] *= min(_MOST_STRETCHED, max(1.0, _WIDE * height / width))
    for _ in range(2 if len(ids) <= _MOST_NAMED else 0):
        shrunk = min(_MOST_SHRUNK, max(1.0, *(np.ptp(places, axis=0) / _CANVAS)))
        places = _separate(places, wide * shrunk, held, height=_HEIGHT_OF_LABEL * shrunk)
    return {one: (round(float(x), 1), round(float(y), 1)) for one, (x, y) in zip(ids, places, strict=True)}


def _lengths(index: Mapping[str, int], links: Sequence[Link]) -> Any:
    """The longest length asked for between two entities, longer where many links meet."""
    longest: dict[tuple[int, int], float] = {}
    for link in links:
        ends = sorted((index[link.source], index[link.target]))
        if ends[0] != ends[1]:
            longest[ends[0], ends[1]] = max(link.length, longest.get((ends[0], ends[1]), 0.0))
    degree = np.zeros(len(index))
    for ends_ in longest:
        degree[list(ends_)] += 1
    values = [
        length * (1 + 0.05 * max(0.0, max(degree[one], degree[other]) - 6)) for (one, other), length in longest.items()
    ]
    rows, columns = ([ends_[side] for ends_ in longest] for side in (0, 1))
    upper = coo_matrix((values, (rows, columns)), shape=(len(index), len(index)))
    return (upper + upper.T).tocsr()


def _draw(start: Array, lengths: Any, wide: Array, held: npt.NDArray[np.bool_]) -> Array:
    """One part that hangs together."""
    if len(start) == 1:
        return np.where(held[:, None], start, 0.0)
    wanted = dijkstra(lengths, directed=False)
    places = _begin(start, wanted, held)
    weights = 1 / np.maximum(wanted, 1.0) ** 2
    np.fill_diagonal(weights, 0.0)
    total = weights.sum(axis=1)
    for _ in range(150 if len(start) <= 120 else 50):
        distance = np.maximum(np.hypot(*(axis[:, None] - axis[None, :] for axis in places.T)), 0.1)
        pulls = weights * wanted / distance
        moved = (weights @ places + places * pulls.sum(axis=1)[:, None] - pulls @ places) / total[:, None]
        places = np.where(held[:, None], places, (places + moved) / 2)
    if not held.any():
        places = _turn(places)
    return _separate(places, wide, held, height=_HEIGHT_OF_LABEL)


def _begin(start: Array, wanted: Array, held: npt.NDArray[np.bool_]) -> Array:
    """Held places as they are, the others on a spiral round the middle, the most central one first."""
    order = np.argsort(np.argsort(wanted.sum(axis=1), kind="stable"), kind="stable")
    radius, angle = 60 * np.sqrt(order), _GOLDEN_ANGLE * order
    spiral = np.column_stack([_WIDE * radius * np.cos(angle), radius * np.sin(angle)])
    if held.any():
        nearest = np.flatnonzero(held)[np.argmin(wanted[:, held], axis=1)]
        middle = start[held].mean(axis=0)
        outward = start[nearest] - middle
        spiral = start[nearest] + 0.4 * outward + 0.3 * spiral
    return np.where(held[:, None], start, spiral)


def _turn(places: Array) -> Array:
    """Middle at the origin, longest axis lying flat."""
    centred = places - places.mean(axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    axes = axes * np.where(axes[:, :1] + 1e-9 * axes[:, 1:] < 0, -1.0, 1.0)
    return np.asarray(centred @ axes.T)


def _separate(places: Array, wide: Array, held: npt.NDArray[np.bool_], *, height: float) -> Array:
    """Push names apart that cover each other, each pair along its shorter way."""
    moved = places.copy()
    one, other = np.triu_indices(len(moved), k=1)
    clear_x = (wide[one] + wide[other]) / 2 + 8
    share = np.where(held, 0.0, 1.0)
    for _ in range(80):
        x, y = (axis[one] - axis[other] for axis in moved.T)
        over_x, over_y = clear_x - np.abs(x), height - np.abs(y)
        covered = np.flatnonzero((over_x > 0) & (over_y > 0))
        if not len(covered):
            break
        first, second = one[covered], other[covered]
        sideways = over_x[covered] < over_y[covered]
        step_x = np.where(sideways, over_x[covered] * np.where(x[covered] <= 0, -0.6, 0.6), 0.0)
        step_y = np.where(sideways, 0.0, over_y[covered] * np.where(y[covered] <= 0, -0.6, 0.6))
        steps = np.column_stack([step_x, step_y]) / np.maximum(share[first] + share[second], 1.0)[:, None]
        np.add.at(moved, first, steps * share[first][:, None])
        np.add.at(moved, second, -steps * share[second][:, None])
    return moved


def _pack(places: Array, parts: Sequence[npt.NDArray[np.intp]], wide: Array, *, below: Array) -> None:
    """Set the parts in rows, the largest first, under what is there already."""
    boxes = [(_box(places[members], wide[members]), members) for members in parts]
    boxes.sort(key=lambda box: (-(box[0][2] * box[0][3]), int(box[1][0])))
    area = sum((width + _BETWEEN_PARTS) * (height + _BETWEEN_PARTS) for (_, _, width, height), _ in boxes)
    row_width = max([np.sqrt(area * _WIDE), *(box[0][2] for box in boxes)], default=0.0)
    x, row_height = 0.0, 0.0
    y = float(below[:, 1].max()) + _HEIGHT_OF_LABEL + _BETWEEN_PARTS if len(below) else 0.0
    left = float(below[:, 0].min()) if len(below) else 0.0
    for (box_left, box_top, width, height), members in boxes:
        if x and x + width > row_width:
            x, y, row_height = 0.0, y + row_height + _BETWEEN_PARTS, 0.0
        places[members] += np.array([left + x - box_left, y - box_top])
        x, row_height = x + width + _BETWEEN_PARTS, max(row_height, height)


def _box(places: Array, wide: Array) -> tuple[float, float, float, float]:
    """Left, top, width and height with the names."""
    left, top = (places[:, 0] - wide / 2).min(), places[:, 1].min() - 12
    return left, top, (places[:, 0] + wide / 2).max() - left, places[:, 1].max() + _HEIGHT_OF_LABEL - 12 - top
