"""Word search: BM25 over the postings of the permitted chunks."""

import math
from collections.abc import Iterable

from app.domain.ids import ChunkId
from backends.metadata.base_content import Postings

_SATURATION = 1.5
_LENGTH_WEIGHT = 0.75


def inverse_frequency(stem: str, postings: Postings) -> float:
    """ln(1 + (N - n + ½) / (n + ½)), as Lucene has it: above zero, and highest for a stem that no chunk holds."""
    holding = len(postings.frequencies.get(stem, ()))
    return math.log(1 + (postings.chunks - holding + 0.5) / (holding + 0.5))


def rank_by_words(stems: Iterable[str], postings: Postings, *, limit: int) -> list[tuple[ChunkId, float]]:
    """The `limit` best chunks with their BM25 weight (k1 1.5, b .75), best first, ties by id.

    A stem asked twice counts twice. Chunks that hold none of the stems are not among them.
    """
    weights: dict[ChunkId, float] = {}
    mean_length = postings.mean_length or 1.0
    for stem in stems:
        rarity = inverse_frequency(stem, postings)
        for chunk_id, count in postings.frequencies.get(stem, {}).items():
            relative_length = postings.lengths[chunk_id] / mean_length
            dampened = count + _SATURATION * (1 - _LENGTH_WEIGHT + _LENGTH_WEIGHT * relative_length)
            weights[chunk_id] = weights.get(chunk_id, 0.0) + rarity * count * (_SATURATION + 1) / dampened
    return sorted(weights.items(), key=lambda item: (-item[1], item[0]))[:limit]
