"""Personalised PageRank over names and chunks."""

from collections.abc import Mapping

import numpy as np

from app.pipeline.adjacency import Adjacency, Places, Weights
from app.pipeline.permitted_edges import PermittedEdges

DAMPING = 0.5
ITERATIONS = 8
_TOO_LITTLE = 2e-13
"""A place goes on only while it has, for each of its edges, more than this times the number of all permitted ones (the
push of Andersen, Chung and Lang 2006): a walk among ten million edges looks at half a million of them a step, those
near its seeds, one among less at all; what it leaves out is spread over thousands."""


def walk(permitted: PermittedEdges, *, names: Mapping[int, float], chunks: Mapping[int, float]) -> Weights:
    """For each chunk how much of a walk ends there that restarts at the seeds with probability one half (Haveliwala
    2002) and goes over permitted chunks only; all is 1 or less.

    `names` and `chunks` are the shares of the seeds by number, normalised here; without any the result is zero
    everywhere. What comes to a place without edges is lost.
    """
    ended: Weights = np.zeros(permitted.adjacency.chunks)
    total = sum(names.values()) + sum(chunks.values())
    if total <= 0:
        return ended
    at_names, at_chunks = _seeds(names, total), _seeds(chunks, total)
    too_little = _TOO_LITTLE * permitted.count
    for step in range(ITERATIONS):
        going = DAMPING**step
        ended[at_chunks[0]] += at_chunks[1] * going * (1 - DAMPING)
        at_names, at_chunks = (
            _step_to_names(permitted.adjacency, at_chunks, least=too_little / going),
            _step_to_chunks(permitted, at_names, least=too_little / going),
        )
    ended[at_chunks[0]] += at_chunks[1] * DAMPING**ITERATIONS
    return ended


_Mass = tuple[Places, Weights]


def _seeds(shares: Mapping[int, float], total: float) -> _Mass:
    return np.fromiter(shares, np.int64, len(shares)), np.fromiter(shares.values(), float, len(shares)) / total


def _step_to_names(adjacency: Adjacency, mass: _Mass, *, least: float) -> _Mass:
    chunks, left = _worth_going_on(mass, adjacency.count_names(mass[0]), least=least)
    owners, names, weights = adjacency.names_of(chunks)
    return _shared(left, owners, names, weights, size=adjacency.names)


def _step_to_chunks(permitted: PermittedEdges, mass: _Mass, *, least: float) -> _Mass:
    names, left = _worth_going_on(mass, permitted.degrees[mass[0]], least=least)
    owners, chunks, weights = permitted.adjacency.chunks_of(names)
    allowed = permitted.chunks[chunks]
    return _shared(left, owners[allowed], chunks[allowed], weights[allowed], size=permitted.adjacency.chunks)


def _worth_going_on(mass: _Mass, edges: Places, *, least: float) -> _Mass:
    enough = mass[1] > least * edges
    return mass[0][enough], mass[1][enough]


def _shared(mass: Weights, owners: Places, targets: Places, weights: Weights, *, size: int) -> _Mass:
    """The mass of each owner among its targets by weight, summed up by target."""
    strength = np.bincount(owners, weights, minlength=len(mass)).astype(np.float64)
    share = np.divide(mass, strength, out=np.zeros_like(mass), where=strength > 0)
    arriving = share[owners] * weights
    if len(targets) * 8 > size:
        summed = np.bincount(targets, arriving, minlength=size).astype(np.float64)
        places = np.flatnonzero(summed)
        return places, summed[places]
    places, inverse = np.unique(targets, return_inverse=True)
    return places, np.bincount(inverse, arriving, minlength=len(places)).astype(np.float64)
