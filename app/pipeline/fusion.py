"""Joins ranked lists that cannot be compared by weight."""

from collections.abc import Sequence

from app.domain.ids import ChunkId

_DAMPING_RANKS = 60


def fuse(rankings: Sequence[Sequence[ChunkId]], *, limit: int) -> list[tuple[ChunkId, float]]:
    """Reciprocal rank fusion (Cormack, Clarke and Büttcher 2009, k 60): Σ 1 / (60 + rank), best first, ties by id.

    A chunk that a list lacks gets nothing from that list.
    """
    weights: dict[ChunkId, float] = {}
    for ranking in rankings:
        for rank, chunk_id in enumerate(ranking, start=1):
            weights[chunk_id] = weights.get(chunk_id, 0.0) + 1 / (_DAMPING_RANKS + rank)
    return sorted(weights.items(), key=lambda item: (-item[1], item[0]))[:limit]
