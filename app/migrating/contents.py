"""What indexing derived from one version of a document, as each store holds it: read, compared and written again."""

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from app.domain.documents import Chunk
from app.domain.graph import Contribution, Entity, Mention, Triple
from app.domain.ids import ChunkId, EntityId, VersionId, WorkspaceId
from app.errors import IntegrityError
from app.installation import Stores
from app.pipeline.embedding import embedded_text
from app.pipeline.words import content_stems
from backends.vectors.base import Vectors

_WRITTEN_TOGETHER = 500
_CHUNKS_TOGETHER = 100
"""Whose part of the graph is written in one transaction."""
_ROUNDED = 1e-5
"""Stores that bring vectors to unit length again change their last digits."""


@dataclass(frozen=True, slots=True)
class Place:
    """One version, and the ids of its chunks in their order."""

    version_id: VersionId
    workspace_id: WorkspaceId
    chunk_ids: tuple[ChunkId, ...] = ()

    @property
    def scope(self) -> dict[str, Any]:
        return {"workspace_id": self.workspace_id, "permitted": frozenset({self.version_id})}


class Content(ABC):
    """One kind of what is derived."""

    name: str
    """A word for people."""

    @abstractmethod
    def store(self, stores: Stores) -> object:
        """What tells the store that holds it from another one."""

    @abstractmethod
    def read(self, stores: Stores, place: Place) -> Any:
        """All of it. Raises IntegrityError where that cannot be read."""

    def is_same(self, one: Any, other: Any) -> bool:
        return bool(one == other)

    @abstractmethod
    def counts(self, found: Any) -> dict[str, int]:
        """How many of what was read."""

    @abstractmethod
    def write(self, stores: Stores, place: Place, found: Any) -> None:
        """Where nothing of this version is."""

    @abstractmethod
    def delete(self, stores: Stores, version_ids: Sequence[VersionId], workspace_id: WorkspaceId) -> None:
        """Unknown versions are no error."""

    @abstractmethod
    def delete_workspace(self, stores: Stores, workspace_id: WorkspaceId) -> None:
        """Whatever a store holds of it, also of versions that nobody knows any more."""

    @abstractmethod
    def count(self, stores: Stores, scope: dict[str, Any]) -> dict[str, int]:
        """What the store counts itself over several versions of a workspace."""


class Passages(Content):
    """Chunks with their words. Where words are kept as keyed hashes they are found by trying those of the text."""

    name = "passages"

    def store(self, stores: Stores) -> object:
        return stores.metadata.identity

    def read(self, stores: Stores, place: Place) -> list[Chunk]:
        chunks = stores.metadata.chunks.find(place.version_id, workspace_id=place.workspace_id)
        stems = {stem for chunk in chunks for stem in content_stems(embedded_text(chunk))}
        postings = stores.metadata.chunks.find_postings(stems, **place.scope)
        held: dict[ChunkId, list[str]] = defaultdict(list)
        for stem in sorted(stems):
            for chunk_id, count in postings.frequencies[stem].items():
                held[chunk_id].extend([stem] * count)
        for chunk in chunks:
            if len(held[chunk.id]) != postings.lengths.get(chunk.id, len(content_stems(embedded_text(chunk)))):
                raise IntegrityError(
                    "The words of a passage do not fit its text: index its document again, then move the installation.",
                    chunk_id=chunk.id,
                    version_id=place.version_id,
                )
        return [replace(chunk, stems=tuple(held[chunk.id])) for chunk in chunks]

    def counts(self, found: list[Chunk]) -> dict[str, int]:
        return {"passages": len(found)}

    def write(self, stores: Stores, place: Place, found: list[Chunk]) -> None:
        for start in range(0, len(found), _WRITTEN_TOGETHER):
            stores.metadata.chunks.upsert(found[start : start + _WRITTEN_TOGETHER])

    def delete(self, stores: Stores, version_ids: Sequence[VersionId], workspace_id: WorkspaceId) -> None:
        for version_id in version_ids:
            stores.metadata.chunks.delete_version(version_id, workspace_id=workspace_id)

    def delete_workspace(self, stores: Stores, workspace_id: WorkspaceId) -> None:
        """They go with the workspace's records."""

    def count(self, stores: Stores, scope: dict[str, Any]) -> dict[str, int]:
        return {"passages": stores.metadata.chunks.count(**scope)}


@dataclass(frozen=True, slots=True, eq=False)
class StoredVectors:
    """`number` counts all that the store has of the version, those of chunks that it should not have too."""

    chunk_ids: list[ChunkId]
    rows: Vectors
    number: int


class VectorsOfChunks(Content):
    name = "vectors"

    def store(self, stores: Stores) -> object:
        return stores.settings.vectors

    def read(self, stores: Stores, place: Place) -> StoredVectors:
        chunk_ids, rows = stores.vectors.get(place.chunk_ids, **place.scope)
        return StoredVectors(chunk_ids, rows, stores.vectors.count(**place.scope))

    def is_same(self, one: StoredVectors, other: StoredVectors) -> bool:
        return (one.chunk_ids, one.number) == (other.chunk_ids, other.number) and bool(
            np.allclose(one.rows, other.rows, rtol=0, atol=_ROUNDED)
        )

    def counts(self, found: StoredVectors) -> dict[str, int]:
        return {"vectors": found.number}

    def write(self, stores: Stores, place: Place, found: StoredVectors) -> None:
        for start in range(0, len(found.chunk_ids), _WRITTEN_TOGETHER):
            part = slice(start, start + _WRITTEN_TOGETHER)
            stores.vectors.upsert(
                found.chunk_ids[part],
                found.rows[part],
                workspace_id=place.workspace_id,
                version_id=place.version_id,
            )

    def delete(self, stores: Stores, version_ids: Sequence[VersionId], workspace_id: WorkspaceId) -> None:
        stores.vectors.delete_versions(version_ids, workspace_id=workspace_id)

    def delete_workspace(self, stores: Stores, workspace_id: WorkspaceId) -> None:
        stores.vectors.delete_workspace(workspace_id)

    def count(self, stores: Stores, scope: dict[str, Any]) -> dict[str, int]:
        return {"vectors": stores.vectors.count(**scope)}


@dataclass(frozen=True, slots=True)
class Facts:
    """The part of the graph that one version holds."""

    entities: dict[EntityId, tuple[Entity, tuple[str, ...]]]
    """With the names that the version names it by itself."""
    mentions: list[Mention]
    triples: list[Triple]


class GraphOfVersions(Content):
    name = "facts"

    def store(self, stores: Stores) -> object:
        return stores.settings.graph

    def read(self, stores: Stores, place: Place) -> Facts:
        entities = stores.graph.find_entities(**place.scope)
        return Facts(
            {one.id: (one, one.own_names) for one in sorted(entities, key=lambda one: one.id)},
            stores.graph.find_mentions(**place.scope),
            sorted(stores.graph.find_triples(**place.scope).triples, key=lambda one: one.id),
        )

    def counts(self, found: Facts) -> dict[str, int]:
        return {"mentions": len(found.mentions)}

    def write(self, stores: Stores, place: Place, found: Facts) -> None:
        for contribution in contributions(found):
            stores.graph.add(contribution, workspace_id=place.workspace_id)

    def delete(self, stores: Stores, version_ids: Sequence[VersionId], workspace_id: WorkspaceId) -> None:
        stores.graph.delete_versions(version_ids, workspace_id=workspace_id)

    def delete_workspace(self, stores: Stores, workspace_id: WorkspaceId) -> None:
        stores.graph.delete_workspace(workspace_id)

    def count(self, stores: Stores, scope: dict[str, Any]) -> dict[str, int]:
        counts = stores.graph.count(**scope)
        return {"entities": counts.entities, "triples": counts.triples, "evidence": counts.evidence}


def contributions(facts: Facts) -> Iterator[Contribution]:
    """What makes a graph hold them: by chunks, and an entity that has several own names once for each."""
    mentions: dict[ChunkId, list[Mention]] = defaultdict(list)
    triples: dict[ChunkId, dict[str, Triple]] = defaultdict(dict)
    for mention in facts.mentions:
        mentions[mention.chunk_id].append(mention)
    for triple in facts.triples:
        for item in triple.evidence:
            known = triples[item.chunk_id].setdefault(triple.id, replace(triple, evidence=()))
            triples[item.chunk_id][triple.id] = replace(known, evidence=(*known.evidence, item))
    chunk_ids = sorted(mentions.keys() | triples.keys())
    for start in range(0, len(chunk_ids), _CHUNKS_TOGETHER):
        together = chunk_ids[start : start + _CHUNKS_TOGETHER]
        named = [mention for id_ in together for mention in mentions[id_]]
        stated = [triple for id_ in together for triple in triples[id_].values()]
        ends = {end for triple in stated for end in (triple.subject_id, triple.object_id)}
        ids = ends | {mention.entity_id for mention in named}
        entities = [facts.entities[id_] for id_ in sorted(ids & facts.entities.keys())]
        first = [replace(one, name=own[0], mentions=0, aliases=_explained(one, own)) for one, own in entities if own]
        yield Contribution(tuple(first), tuple(named), tuple(stated))
        for place in range(1, max((len(own) for _, own in entities), default=0)):
            others = [
                replace(one, name=own[place], mentions=0, aliases=()) for one, own in entities if place < len(own)
            ]
            yield Contribution(tuple(others), tuple(named[:1]), ())


def _explained(entity: Entity, own: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for name in (entity.name, *entity.aliases) if name not in own)


CONTENTS: tuple[Content, ...] = (Passages(), VectorsOfChunks(), GraphOfVersions())
