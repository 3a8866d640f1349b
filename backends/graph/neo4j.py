"""The graph in a Neo4j server of edition Community or Enterprise, without APOC or GDS."""

from collections.abc import Collection, Iterator, Sequence
from functools import partial
from typing import Any

from neo4j import Record, Transaction

from app.domain.documents import Span
from app.domain.graph import Assertion, Contribution, Entity, Evidence, GraphCounts, Mention, Subgraph, Triple
from app.domain.ids import ChunkId, EntityId, TripleId, VersionId, WorkspaceId
from app.domain.names import fold
from app.errors import InvalidInputError
from backends.graph import neo4j_templates as templates
from backends.graph.base import GraphStore
from backends.graph.naming import display_name
from backends.graph.neo4j_connection import Neo4jConnection, OvertakenError
from backends.graph.neo4j_migrations import upgrade
from backends.graph.neo4j_templates import EntityChoice, TripleChoice
from backends.graph.rows import Rows, entity_rows, evidence_rows, mention_rows, name_rows
from backends.graph.settings import Neo4jGraphSettings

_WRITTEN_TOGETHER = 1000
_REMOVED_TOGETHER = 5000


class Neo4jGraphStore(GraphStore):
    """The scope is in every query: on both editions whoever has the password may read all workspaces."""

    def __init__(self, settings: Neo4jGraphSettings, **_ignored: object) -> None:
        self._connection = Neo4jConnection(settings, on_connect=upgrade)

    def add(self, contribution: Contribution, *, workspace_id: WorkspaceId) -> None:
        steps = (
            (templates.ADD_ENTITIES, _by(entity_rows(contribution, workspace_id), "id")),
            (templates.ADD_NAMES, _folded(_by(name_rows(contribution, workspace_id), "entity_id"))),
            (templates.ADD_MENTIONS, _by(mention_rows(contribution, workspace_id), "entity_id")),
            (templates.ADD_EVIDENCE, _by(_stated(contribution, workspace_id), "subject_id", "object_id")),
        )

        def write(transaction: Transaction) -> None:
            for template, rows in steps:
                for start in range(0, len(rows), _WRITTEN_TOGETHER):
                    part = rows[start : start + _WRITTEN_TOGETHER]
                    written = transaction.run(template, workspace_id=workspace_id, rows=part).single(strict=True)[0]
                    if written != len(part):
                        raise _missing(part, among={one.id for one in contribution.entities})

        if any(rows for _, rows in steps):
            self._connection.write(write)

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
        if not permitted or limit == 0 or (ids is not None and not ids) or (keys is not None and not keys):
            return []
        wanted = fold(text)
        choice = EntityChoice(
            ids=ids is not None, keys=keys is not None, text=wanted, types=bool(types), limit=limit is not None
        )
        values = {"ids": list(ids or ()), "keys": list(keys or ()), "text": wanted, "types": list(types)}
        values |= {"limit": limit, **_scope(workspace_id, permitted)}
        found = self._connection.read(lambda transaction: _entities(transaction, choice, values))
        return found[:limit]

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
        nothing = [one for one in (entity_ids, triple_ids) if one is not None and not one]
        if not permitted or limit == 0 or nothing:
            return Subgraph((), ())
        choice = TripleChoice(
            entity_ids=entity_ids is not None,
            triple_ids=triple_ids is not None,
            relations=bool(relations),
            assertions=bool(assertions),
            limit=limit is not None,
        )
        scope = _scope(workspace_id, permitted)
        values = {"entity_ids": list(entity_ids or ()), "triple_ids": list(triple_ids or ()), "limit": limit, **scope}
        values |= {"relations": list(relations), "assertions": [one.value for one in assertions]}

        def read(transaction: Transaction) -> Subgraph:
            rows = transaction.run(templates.find_triples(choice), values)
            found = tuple(_triple(row) for row in rows)
            ends = {one.subject_id for one in found} | {one.object_id for one in found}
            if not ends:
                return Subgraph((), found)
            return Subgraph(tuple(_entities(transaction, EntityChoice(ids=True), {"ids": list(ends), **scope})), found)

        return self._connection.read(read)

    def find_mentions(self, *, workspace_id: WorkspaceId, permitted: frozenset[VersionId]) -> list[Mention]:
        if not permitted:
            return []
        values = _scope(workspace_id, permitted)
        found = self._connection.read(
            lambda transaction: [Mention(*row) for row in transaction.run(templates.FIND_MENTIONS, values)]
        )
        return sorted(found, key=lambda one: (one.chunk_id, one.entity_id))

    def delete_versions(self, version_ids: Sequence[VersionId], *, workspace_id: WorkspaceId) -> None:
        """In several transactions, none of which leaves behind what nothing holds: it may be killed between them."""
        if not version_ids:
            return
        values = {"workspace_id": workspace_id, "version_ids": list(version_ids), "batch": _REMOVED_TOGETHER}

        def remove(transaction: Transaction, template: str) -> int:
            rows = [(row["chunk_id"], row["entity_ids"]) for row in transaction.run(template, values)]
            chunk_ids = sorted({chunk_id for chunk_id, _ in rows if chunk_id is not None})
            entity_ids = sorted({entity_id for _, ids in rows for entity_id in ids})
            transaction.run(templates.REMOVE_CHUNKS, workspace_id=workspace_id, ids=chunk_ids).consume()
            transaction.run(templates.REMOVE_ENTITIES, workspace_id=workspace_id, ids=entity_ids).consume()
            return len(rows)

        for template in (templates.REMOVE_EVIDENCE, templates.REMOVE_NAMES, templates.REMOVE_MENTIONS):
            while self._connection.write(partial(remove, template=template)):
                pass

    def delete_workspace(self, workspace_id: WorkspaceId) -> None:
        values = {"workspace_id": workspace_id, "batch": _REMOVED_TOGETHER}

        def remove(transaction: Transaction, template: str) -> int:
            return int(transaction.run(template, values).single(strict=True)[0])

        for template in templates.REMOVE_WORKSPACE:
            while self._connection.write(partial(remove, template=template)):
                pass

    def count(self, *, workspace_id: WorkspaceId, permitted: frozenset[VersionId]) -> GraphCounts:
        values = _scope(workspace_id, permitted)

        def read(transaction: Transaction) -> GraphCounts:
            entities = transaction.run(templates.COUNT_ENTITIES, values).single(strict=True)[0]
            return GraphCounts(entities, *transaction.run(templates.COUNT_EVIDENCE, values).single(strict=True))

        return self._connection.read(read)

    def close(self) -> None:
        self._connection.close()


def _missing(rows: Rows, *, among: Collection[str]) -> Exception:
    """Entities just written can only have been removed by somebody who saw that nothing holds them yet."""
    named = {row[name] for row in rows for name in ("entity_id", "subject_id", "object_id") if name in row}
    if named <= set(among):
        return OvertakenError()
    return InvalidInputError("A mention or fact names an entity that the graph does not have.")


def _scope(workspace_id: WorkspaceId, permitted: frozenset[VersionId]) -> dict[str, Any]:
    return {"workspace_id": workspace_id, "permitted": list(permitted)}


def _by(rows: Rows, *names: str) -> Rows:
    """In one order for every writer, so that they seldom wait for each other crosswise."""
    return sorted(rows, key=lambda row: [row[name] for name in names])


def _folded(rows: Rows) -> Rows:
    return [{**row, "folded": fold(row["name"])} for row in rows]


def _stated(contribution: Contribution, workspace_id: WorkspaceId) -> Rows:
    triples = {triple.id: triple for triple in contribution.triples}

    def ends(triple: Triple) -> dict[str, str]:
        return {
            "subject_id": triple.subject_id,
            "relation": triple.relation,
            "object_id": triple.object_id,
            "assertion": triple.assertion.value,
        }

    return [{**row, **ends(triples[row["triple_id"]])} for row in evidence_rows(contribution, workspace_id)]


def _entities(transaction: Transaction, choice: EntityChoice, values: dict[str, Any]) -> list[Entity]:
    found = [_entity(row) for row in transaction.run(templates.find_entities(choice), values)]
    return sorted(found, key=lambda one: (-one.mentions, one.name, one.id))


def _entity(row: Record) -> Entity:
    id_, key, type_, mentions, names = row
    name, aliases, own = display_name((name, alias, number) for name, alias, number in names)
    return Entity(EntityId(id_), name, key, type_, aliases, mentions, own)


def _triple(row: Record) -> Triple:
    id_, subject_id, relation, object_id, assertion, places = row
    found = sorted(_evidence(places), key=lambda one: (one.version_id, one.span.start, one.span.end))
    return Triple(
        TripleId(id_), EntityId(subject_id), relation, EntityId(object_id), Assertion(assertion), tuple(found)
    )


def _evidence(places: list[list[Any]]) -> Iterator[Evidence]:
    for document_id, version_id, chunk_id, page, start, end, *rest in places:
        yield Evidence(document_id, version_id, ChunkId(chunk_id), page, Span(start, end), *rest)
