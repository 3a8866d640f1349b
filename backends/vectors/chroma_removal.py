"""Removes vectors from a Chroma collection so that its files no longer hold them."""

from collections.abc import Sequence
from typing import Any

import numpy as np

_REMOVED_TOGETHER = 1000
_SYNC_AFTER = 1000
"""Writes after which Chroma writes its index files anew and empties its queue of the vectors in them: its default."""


def overwrite(collection: Any, ids: Sequence[str]) -> None:
    """Chroma's index marks what is deleted and keeps it: random numbers take its place there first."""
    random = np.random.default_rng()
    dimension = int(collection.metadata["space"].rpartition("/")[2])
    for start in range(0, len(ids), _REMOVED_TOGETHER):
        part = list(ids[start : start + _REMOVED_TOGETHER])
        noise = random.standard_normal((len(part), dimension), dtype=np.float32)
        collection.update(ids=part, embeddings=noise)
        collection.delete(ids=part)


def sync(collection: Any) -> None:
    """Deleting what is not there counts as writing, so index files and queue follow at once what was deleted before."""
    collection.delete(ids=[f"none-{number}" for number in range(_SYNC_AFTER)])
    # The queue is emptied by the first read after it.
    collection.count()
