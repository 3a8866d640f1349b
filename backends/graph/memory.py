"""The graph in this process: what was contributed is kept, what is asked is computed from it."""

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from threading import RLock

from app.domain.graph import Assertion, Contribution, Entity, Evidence, GraphCounts, Mention, Subgraph, Triple
from app.domain.ids import EntityId, TripleId, VersionId, WorkspaceId
from app.domain.names import fold, name_key
from backends.graph.base import GraphStore
from backends.graph.naming import display_name
from backends.graph.settings import MemoryGraphSettings

_Place = tuple[VersionId, int, int]


@dataclass(slots=True)
class _Workspace:
    entities: dict[EntityId, Entity] = field(default_factory=dict)
    names: dict[EntityId, dict[tuple[VersionId, str], bool]] = field(default_factory=lambda: defaultdict(dict))
    mentions: dict[tuple[EntityId, str], Mention] = field(default_factory=dict)
    triples: dict[TripleId, Triple] = field(default_factory=dict)
    evidence: dict[TripleId, dict[_Place, Evidence]] = field(default_factory=lambda: defaultdict(dict))


class MemoryGraphStore(GraphStore):
    """Threads may share it."""

    def __init__(self, settings: MemoryGraphSettings, **_ignored: object) -> None:
        self._workspaces: dict[WorkspaceId, _Workspace] = defaultdict(_Workspace)
        self._lock = RLock()

    def add(self, contribution: Contribution, *, workspace_id: WorkspaceId) -> None:
        placed = [
            (triple, item, (item.version_id, item.span.start, item.span.end))
            for triple in contribution.triples
            for item in triple.evidence
        ]
        version_ids = {mention.version_id for mention in contribution.mentions}
        with self._lock:
            space = self._workspaces[workspace_id]
            for entity in contribution.entities:
                space.entities.setdefault(entity.id, replace(entity, aliases=(), mentions=0))
                for version_id in version_ids:
                    for alias in entity.aliases:
                        space.names[entity.id].setdefault((version_id, alias), True)
                    space.names[entity.id][version_id, entity.name] = False
            for mention in contribution.mentions:
                space.mentions[mention.entity_id, mention.chunk_id] = mention
            for triple, item, place in placed:
                space.triples.setdefault(triple.id, replace(triple, evidence=()))
                space.evidence[triple.id].setdefault(place, item)

    def find_entities(
        self,
        *,
        workspace_id: WorkspaceId,
        permitted: frozenset[VersionId],
        ids: Collection[EntityId] | None = None,
        keys: Collection[str] | None = None,
        text: str = "",
        types: Collection[str] = (),
        limit: int | None = None,
    ) -> list[Entity]:
        with self._lock:
            found = self._entities(workspace_id, permitted, None if ids is None else set(ids))
        if keys is not None:
            wanted = set(keys)
            found = [one for one in found if wanted & {one.key, *map(name_key, (one.name, *one.aliases))}]
        if text:
            found = [one for one in found if any(fold(text) in fold(name) for name in (one.name, *one.aliases))]
        if types:
            found = [one for one in found if one.type in types]
        return sorted(found, key=lambda one: (-one.mentions, one.name, one.id))[:limit]

    def _entities(
        self, workspace_id: WorkspaceId, permitted: frozenset[VersionId], ids: set[EntityId] | None
    ) -> list[Entity]:
        space = self._workspaces[workspace_id]
        counts = Counter(one.entity_id for one in space.mentions.values() if one.version_id in permitted)
        found = []
        for entity_id in counts if ids is None else ids & counts.keys():
            written = space.names[entity_id].items()
            names = [(name, alias, 1) for (version, name), alias in written if version in permitted]
            name, aliases, own = display_name(names)
            shown = replace(space.entities[entity_id], name=name, aliases=aliases, own_names=own)
            found.append(replace(shown, mentions=counts[entity_id]))
        return found

    def find_triples(
        self,
        *,
        workspace_id: WorkspaceId,
        permitted: frozenset[VersionId],
        entity_ids: Collection[EntityId] | None = None,
        triple_ids: Collection[TripleId] | None = None,
        relations: Collection[str] = (),
        assertions: Collection[Assertion] = (),
        limit: int | None = None,
    ) -> Subgraph:
        with self._lock:
            found = self._triples(workspace_id, permitted)
            if entity_ids is not None:
                ends = set(entity_ids)
                found = [one for one in found if one.subject_id in ends or one.object_id in ends]
            if triple_ids is not None:
                found = [one for one in found if one.id in set(triple_ids)]
            found = [one for one in found if not relations or one.relation in relations]
            found = [one for one in found if not assertions or one.assertion in assertions]
            found = sorted(found, key=lambda one: (-len(one.evidence), one.id))[:limit]
            ids = {one.subject_id for one in found} | {one.object_id for one in found}
            entities = self.find_entities(workspace_id=workspace_id, permitted=permitted, ids=ids)
        return Subgraph(tuple(entities), tuple(found))

    def _triples(self, workspace_id: WorkspaceId, permitted: frozenset[VersionId]) -> list[Triple]:
        space = self._workspaces[workspace_id]
        found = []
        for triple in space.triples.values():
            places = sorted(place for place in space.evidence[triple.id] if place[0] in permitted)
            if places:
                found.append(replace(triple, evidence=tuple(space.evidence[triple.id][place] for place in places)))
        return found

    def find_mentions(self, *, workspace_id: WorkspaceId, permitted: frozenset[VersionId]) -> list[Mention]:
        with self._lock:
            mentions = [one for one in self._workspaces[workspace_id].mentions.values() if one.version_id in permitted]
        return sorted(mentions, key=lambda one: (one.chunk_id, one.entity_id))

    def delete_versions(self, version_ids: Sequence[VersionId], *, workspace_id: WorkspaceId) -> None:
        gone = set(version_ids)
        with self._lock:
            space = self._workspaces[workspace_id]
            space.mentions = {key: one for key, one in space.mentions.items() if one.version_id not in gone}
            for places in space.evidence.values():
                for place in [place for place in places if place[0] in gone]:
                    del places[place]
            space.triples = {id_: triple for id_, triple in space.triples.items() if space.evidence[id_]}
            space.evidence = defaultdict(dict, {id_: one for id_, one in space.evidence.items() if one})
            ends = {end for triple in space.triples.values() for end in (triple.subject_id, triple.object_id)}
            held = ends | {one.entity_id for one in space.mentions.values()}
            space.entities = {id_: entity for id_, entity in space.entities.items() if id_ in held}
            for entity_id, names in list(space.names.items()):
                kept = {key: alias for key, alias in names.items() if key[0] not in gone and entity_id in held}
                space.names[entity_id] = kept

    def delete_workspace(self, workspace_id: WorkspaceId) -> None:
        with self._lock:
            self._workspaces.pop(workspace_id, None)

    def count(self, *, workspace_id: WorkspaceId, permitted: frozenset[VersionId]) -> GraphCounts:
        with self._lock:
            triples = self._triples(workspace_id, permitted)
            entities = len(self._entities(workspace_id, permitted, None))
        return GraphCounts(entities, len(triples), sum(len(triple.evidence) for triple in triples))

    def close(self) -> None:
        """Nothing is held open."""
