"""The graph as people explore it: find, expand, filter, open a fact's evidence, export."""

from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from app.domain.access import Actor, Permission
from app.domain.graph import Assertion, Entity, GraphCounts, Subgraph, Triple
from app.domain.ids import DocumentId, EntityId, TripleId, VersionId, WorkspaceId
from app.errors import InvalidInputError, NotFoundError
from app.pipeline.exporting import FORMATS, export_graph
from app.pipeline.recent import Recent
from app.security.access import authorise
from app.security.auditor import Auditor
from app.services.permitted import permitted_versions
from app.services.quoting import Quoting, TripleView, rows_of
from backends.files.base import FileStore
from backends.graph.base import GraphStore
from backends.metadata.base import MetadataStore

MOST_DRAWN = 500
_CONSIDERED = 2_000
_KEPT = 64
_KEPT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class GraphView:
    """`entities_in_all` and `triples_in_all` fit the filters; `sampled` when fewer are in `subgraph`, or more were not
    looked at."""

    subgraph: Subgraph
    entities_in_all: int
    triples_in_all: int
    sampled: bool
    relations: tuple[str, ...]
    types: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Scope:
    workspace_id: WorkspaceId
    permitted: frozenset[VersionId]


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a view is asked for, as `GraphService.neighbourhood` says."""

    entity_ids: tuple[EntityId, ...]
    relations: frozenset[str]
    types: frozenset[str]
    assertions: frozenset[Assertion]
    limit: int


class GraphService:
    """Sees the actor's permitted set only, narrowed to `document_ids` where given."""

    def __init__(self, *, graph: GraphStore, metadata: MetadataStore, files: FileStore, auditor: Auditor) -> None:
        self._graph = graph
        self._metadata = metadata
        self._quoting = Quoting(metadata=metadata, files=files)
        self._auditor = auditor
        self._recent_entities: Recent[Hashable, list[Entity]] = Recent(most=_KEPT, seconds=_KEPT_SECONDS)
        self._recent_views: Recent[tuple[_Scope, _Wanted], GraphView] = Recent(most=_KEPT, seconds=_KEPT_SECONDS)

    def counts(self, actor: Actor, *, workspace_id: WorkspaceId) -> GraphCounts:
        authorise(actor, Permission.READ, workspace_id)
        return self._graph.count(workspace_id=workspace_id, permitted=self._permitted(actor, workspace_id))

    def search(
        self, actor: Actor, *, workspace_id: WorkspaceId, text: str, types: Collection[str] = (), limit: int = 20
    ) -> list[Entity]:
        """Entities whose name or alias holds `text`, most mentioned first."""
        authorise(actor, Permission.READ, workspace_id)
        scope = _Scope(workspace_id, self._permitted(actor, workspace_id))
        find = partial(
            self._graph.find_entities,
            workspace_id=workspace_id,
            permitted=scope.permitted,
            text=text,
            types=types,
            limit=min(limit, MOST_DRAWN),
        )
        found = list(self._recent_entities.get((scope, text, frozenset(types), limit), find))
        ids = tuple(entity.id for entity in found)
        with self._auditor.disclosure(actor, "graph.search", workspace_id=workspace_id, objects=ids):
            return found

    def neighbourhood(
        self,
        actor: Actor,
        *,
        workspace_id: WorkspaceId,
        entity_ids: Sequence[EntityId] = (),
        document_ids: Collection[DocumentId] = (),
        relations: Collection[str] = (),
        types: Collection[str] = (),
        assertions: Collection[Assertion] = (),
        limit: int = 300,
    ) -> GraphView:
        """Facts around these entities; around none given, the best supported facts of all."""
        authorise(actor, Permission.READ, workspace_id)
        scope = _Scope(workspace_id, self._permitted(actor, workspace_id, document_ids))
        wanted = _Wanted(tuple(entity_ids), frozenset(relations), frozenset(types), frozenset(assertions), limit)
        view = self._recent_views.get((scope, wanted), lambda: self._view(scope, wanted))
        ids = tuple(triple.id for triple in view.subgraph.triples)
        with self._auditor.disclosure(actor, "graph.neighbourhood", workspace_id=workspace_id, objects=ids):
            return view

    def _view(self, scope: _Scope, wanted: _Wanted) -> GraphView:
        found = self._graph.find_triples(
            workspace_id=scope.workspace_id,
            permitted=scope.permitted,
            entity_ids=wanted.entity_ids or None,
            relations=wanted.relations,
            assertions=wanted.assertions,
            limit=_CONSIDERED,
        )
        considered = len(found.triples)
        found = _of_types(found, wanted.types, wanted.entity_ids)
        drawn = _sample(found, centre=set(wanted.entity_ids), limit=min(wanted.limit, MOST_DRAWN))
        return GraphView(
            subgraph=drawn,
            entities_in_all=len(found.entities),
            triples_in_all=len(found.triples),
            sampled=len(drawn.entities) < len(found.entities) or considered == _CONSIDERED,
            relations=tuple(sorted({triple.relation for triple in found.triples})),
            types=tuple(sorted({entity.type for entity in found.entities})),
        )

    def triple(self, actor: Actor, *, workspace_id: WorkspaceId, triple_id: TripleId) -> TripleView:
        """A fact with every quote that states it."""
        authorise(actor, Permission.READ, workspace_id)
        found = self._graph.find_triples(
            workspace_id=workspace_id, permitted=self._permitted(actor, workspace_id), triple_ids=[triple_id]
        )
        if not found.triples:
            raise NotFoundError("This fact is not here any more: its last source was deleted or replaced.")
        view = self._quoting.views(actor, found, workspace_id=workspace_id)[0]
        with self._auditor.disclosure(actor, "graph.triple", workspace_id=workspace_id, objects=(triple_id,)):
            return view

    def export(self, actor: Actor, *, workspace_id: WorkspaceId, format: str) -> bytes:
        """All facts with document, page, quote and how they are stated: csv, graphml, cypher or jsonld."""
        authorise(actor, Permission.READ, workspace_id)
        if format not in FORMATS:
            raise InvalidInputError(f"Choose one of {', '.join(FORMATS)} as export format.")
        found = self._graph.find_triples(workspace_id=workspace_id, permitted=self._permitted(actor, workspace_id))
        views = self._quoting.views(actor, found, workspace_id=workspace_id)
        documents = tuple(sorted({quote.document_id for view in views for quote in view.quotes}))
        with self._auditor.disclosure(
            actor, "graph.export", workspace_id=workspace_id, objects=documents, details={"format": format}
        ):
            return export_graph(rows_of(views), format=format)

    def _permitted(
        self, actor: Actor, workspace_id: WorkspaceId, document_ids: Collection[DocumentId] = ()
    ) -> frozenset[VersionId]:
        visible = permitted_versions(self._metadata, actor, workspace_id)
        wanted = set(document_ids)
        return frozenset(version for version, document in visible.items() if not wanted or document in wanted)


def _of_types(found: Subgraph, types: Collection[str], centre: Collection[EntityId]) -> Subgraph:
    """Facts whose ends are of these types; the entities asked about stay, whatever they are."""
    if not types:
        return found
    kept = {entity.id for entity in found.entities if entity.type in types or entity.id in centre}
    triples = tuple(triple for triple in found.triples if {triple.subject_id, triple.object_id} <= kept)
    return _with_ends(found, triples)


def _sample(found: Subgraph, *, centre: set[EntityId], limit: int) -> Subgraph:
    """The best supported facts until `limit` entities are reached."""
    kept: set[EntityId] = set(centre)
    triples = []
    for triple in found.triples:
        ends = {triple.subject_id, triple.object_id}
        if len(kept | ends) <= limit:
            kept |= ends
            triples.append(triple)
    return _with_ends(found, tuple(triples))


def _with_ends(found: Subgraph, triples: tuple[Triple, ...]) -> Subgraph:
    ends = {end for triple in triples for end in (triple.subject_id, triple.object_id)}
    return replace(found, entities=tuple(one for one in found.entities if one.id in ends), triples=triples)
