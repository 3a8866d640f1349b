"""Personalised PageRank over entities and chunks."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Mass = NDArray[np.float64]

DAMPING = 0.5
ITERATIONS = 8
_ENOUGH = 1e-9


def make_transition(rows: Sequence[int], columns: Sequence[int], weights: Sequence[float], *, nodes: int) -> Any:
    """A SciPy CSR matrix whose column j shares the mass of node j among its neighbours by edge weight.

    Edges are given once and count both ways; an edge given twice adds up. Nodes without edges keep nothing.
    """
    from scipy.sparse import coo_array, diags_array

    one_way = coo_array((np.asarray(weights, dtype=np.float64), (rows, columns)), shape=(nodes, nodes)).tocsr()
    both_ways = one_way + one_way.T
    strength = np.asarray(both_ways.sum(axis=0)).ravel()
    shares = np.divide(1.0, strength, out=np.zeros_like(strength), where=strength > 0)
    return (both_ways @ diags_array(shares)).tocsr()


def spread(transition: Any, seeds: Mapping[int, float]) -> Mass:
    """Where a walk ends that restarts at the seeds with probability one half (Haveliwala 2002); all mass is 1 or less.

    `seeds` are shares, normalised here; without any the result is zero everywhere.
    """
    nodes = transition.shape[0]
    restart: Mass = np.zeros(nodes)
    for node, share in seeds.items():
        restart[node] += share
    total = restart.sum()
    if total <= 0:
        return restart
    restart /= total
    mass = restart.copy()
    for _ in range(ITERATIONS):
        following = (1 - DAMPING) * restart + DAMPING * (transition @ mass)
        change = float(np.abs(following - mass).sum())
        mass = following
        if change < _ENOUGH:
            break
    return mass
