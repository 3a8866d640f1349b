"""Filters by version, as Chroma writes them."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from app.domain.ids import VersionId

_FILTERED_TOGETHER = 10_000


def scopes(permitted: Collection[VersionId]) -> Iterator[dict[str, Any]]:
    """Filters that let through one part of the permitted versions each: the server refuses a filter that names too
    many."""
    ordered = sorted(permitted)
    for start in range(0, len(ordered), _FILTERED_TOGETHER):
        yield among(ordered[start : start + _FILTERED_TOGETHER])


def among(version_ids: Sequence[VersionId]) -> dict[str, Any]:
    return {"version_id": {"$in": sorted(version_ids)}}
