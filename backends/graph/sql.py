"""The graph in tables of the encrypted database."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from app.domain.documents import Span
from app.domain.graph import Assertion, Contribution, Entity, Evidence, GraphCounts, Mention, Subgraph, Triple
from app.domain.ids import EntityId, TripleId, VersionId, WorkspaceId
from app.domain.names import fold
from backends.graph.base import GraphStore
from backends.graph.naming import display_name
from backends.graph.rows import entity_rows, evidence_rows, mention_rows, name_rows, triple_rows
from backends.graph.settings import SqlGraphSettings
from backends.graph.sql_removal import delete_versions
from backends.sql.engine import Database
from backends.sql.expressions import among, unindexed
from backends.sql.tables_derived import entities, entity_names, evidence, mentions, triples

_ADD_ENTITIES, _ADD_TRIPLES, _ADD_EVIDENCE = (
    insert(table).on_conflict_do_nothing() for table in (entities, triples, evidence)
)
_ADD_NAMES = insert(entity_names)
_ADD_NAMES = _ADD_NAMES.on_conflict_do_update(
    index_elements=["entity_id", "version_id", "name"],
    set_={"alias": sa.func.min(entity_names.c.alias, _ADD_NAMES.excluded.alias)},
)
_ADD_MENTIONS = insert(mentions)
_ADD_MENTIONS = _ADD_MENTIONS.on_conflict_do_update(
    index_elements=["entity_id", "chunk_id"],
    set_={name: _ADD_MENTIONS.excluded[name] for name in ("count", "topic", "version_id")},
)


class SqlGraphStore(GraphStore):
    def __init__(self, settings: SqlGraphSettings, *, database: Database, **_ignored: object) -> None:
        self._database = database

    def add(self, contribution: Contribution, *, workspace_id: WorkspaceId) -> None:
        with self._database.write() as connection:
            for statement, rows in (
                (_ADD_ENTITIES, entity_rows(contribution, workspace_id)),
                (_ADD_NAMES, name_rows(contribution, workspace_id)),
                (_ADD_MENTIONS, mention_rows(contribution, workspace_id)),
                (_ADD_TRIPLES, triple_rows(contribution, workspace_id)),
                (_ADD_EVIDENCE, evidence_rows(contribution, workspace_id)),
            ):
                if rows:
                    connection.execute(statement, rows)

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
        conditions: list[sa.ColumnElement[bool]] = []
        if ids is not None:
            conditions.append(among(mentions.c.entity_id, ids))
        if keys is not None:
            same = (entity_names.c.workspace_id == workspace_id) & among(entity_names.c.key, keys)
            named = sa.select(entity_names.c.entity_id).where(same)
            named = named.where(among(unindexed(entity_names.c.version_id), permitted))
            conditions.append(mentions.c.entity_id.in_(named))
        if types:
            conditions.append(entities.c.type.in_(sorted(types)))
        with self._database.read() as connection:
            if text:
                conditions.append(among(mentions.c.entity_id, _named_like(connection, text, workspace_id, permitted)))
            few = ids is not None or keys is not None or bool(text)
            found = _find_entities(connection, conditions, workspace_id, permitted, few=few, limit=limit)
        return sorted(found, key=lambda one: (-one.mentions, one.name, one.id))[:limit]

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
        joined = triples.join(evidence, _joined(triples, evidence, evidence.c.triple_id))
        few = entity_ids is not None or triple_ids is not None
        query = _scoped(sa.select(triples.c.id).select_from(joined), evidence, workspace_id, permitted, few=few)
        if entity_ids is not None:
            ends = among(triples.c.subject_id, entity_ids) | among(triples.c.object_id, entity_ids)
            query = query.where(ends)
        if triple_ids is not None:
            query = query.where(among(triples.c.id, triple_ids))
        if relations:
            query = query.where(triples.c.relation.in_(sorted(relations)))
        if assertions:
            query = query.where(triples.c.assertion.in_(sorted(one.value for one in assertions)))
        query = query.group_by(triples.c.id).order_by(sa.func.count().desc(), triples.c.id).limit(limit)
        with self._database.read() as connection:
            ordered = list(connection.execute(query).scalars())
            found = _read_triples(connection, ordered, workspace_id, permitted)
            ids = {one.subject_id for one in found} | {one.object_id for one in found}
            wanted = [among(mentions.c.entity_id, ids)]
            ends_found = _find_entities(connection, wanted, workspace_id, permitted, few=True)
        return Subgraph(tuple(sorted(ends_found, key=lambda one: (-one.mentions, one.name, one.id))), tuple(found))

    def find_mentions(self, *, workspace_id: WorkspaceId, permitted: frozenset[VersionId]) -> list[Mention]:
        columns = (mentions.c[name] for name in ("entity_id", "chunk_id", "version_id", "count", "topic"))
        query = _scoped(sa.select(*columns), mentions, workspace_id, permitted)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(mentions.c.chunk_id, mentions.c.entity_id))
            return [Mention(*row) for row in rows]

    def delete_versions(self, version_ids: Sequence[VersionId], *, workspace_id: WorkspaceId) -> None:
        with self._database.write() as connection:
            delete_versions(connection, version_ids, workspace_id)

    def delete_workspace(self, workspace_id: WorkspaceId) -> None:
        with self._database.write() as connection:
            for table in (mentions, evidence, entity_names, triples, entities):
                connection.execute(table.delete().where(table.c.workspace_id == workspace_id))

    def count(self, *, workspace_id: WorkspaceId, permitted: frozenset[VersionId]) -> GraphCounts:
        named = sa.select(sa.func.count(mentions.c.entity_id.distinct()))
        stated: Any = sa.select(sa.func.count(evidence.c.triple_id.distinct()), sa.func.count())
        with self._database.read() as connection:
            entity_count = connection.execute(_scoped(named, mentions, workspace_id, permitted)).scalar_one()
            counts = connection.execute(_scoped(stated, evidence, workspace_id, permitted)).one()
        return GraphCounts(entity_count, *counts)

    def close(self) -> None:
        """The database is closed by who opened it."""


def _scoped(
    query: sa.Select[Any],
    table: sa.Table,
    workspace_id: WorkspaceId,
    permitted: frozenset[VersionId],
    *,
    few: bool = False,
) -> sa.Select[Any]:
    """`few`: other conditions leave few rows, so that going through all of the permitted would take longer."""
    workspace, version = table.c.workspace_id, table.c.version_id
    if few:
        return query.where(unindexed(workspace) == workspace_id, among(unindexed(version), permitted))
    return query.where(workspace == workspace_id, among(version, permitted))


def _joined(held: sa.Table, place: sa.Table, held_id: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    """Whatever ids are equal, an entity or fact and the place that holds it are of one workspace."""
    return (held_id == held.c.id) & (unindexed(held.c.workspace_id) == unindexed(place.c.workspace_id))


def _named_like(
    connection: sa.Connection, text: str, workspace_id: WorkspaceId, permitted: frozenset[VersionId]
) -> set[str]:
    """From the index of keys alone, which hold every name folded; what stands around one (articles, marks) is found as
    it is written, but for capitals that are not ASCII."""
    wanted, columns = fold(text), entity_names.c
    holds = (sa.func.instr(columns.key, wanted) > 0) | (sa.func.instr(sa.func.lower(columns.name), wanted) > 0)
    query = sa.select(columns.entity_id).where(columns.workspace_id == workspace_id, holds).distinct()
    return set(connection.execute(query.where(among(unindexed(columns.version_id), permitted))).scalars())


def _find_entities(
    connection: sa.Connection,
    conditions: list[sa.ColumnElement[bool]],
    workspace_id: WorkspaceId,
    permitted: frozenset[VersionId],
    *,
    few: bool = False,
    limit: int | None = None,
) -> list[Entity]:
    """All that fit, or at least the `limit` most mentioned of them: only the names of these are read."""
    counted = sa.select(entities, sa.func.count().label("mentions"))
    counted = counted.select_from(entities.join(mentions, _joined(entities, mentions, mentions.c.entity_id)))
    counted = _scoped(counted, mentions, workspace_id, permitted, few=few).where(*conditions).group_by(entities.c.id)
    rows = connection.execute(counted.order_by(sa.desc("mentions"))).all()
    if limit is not None and 0 < limit < len(rows):
        rows = [row for row in rows if row.mentions >= rows[limit - 1].mentions]
    names: dict[str, list[tuple[str, bool, int]]] = defaultdict(list)
    few = few or limit is not None
    entity_id, name = entity_names.c.entity_id, entity_names.c.name
    named: sa.Select[Any] = sa.select(entity_id, name, sa.func.min(entity_names.c.alias), sa.func.count())
    named = _scoped(named, entity_names, workspace_id, permitted, few=few).group_by(entity_id, name)
    for id_, *one in connection.execute(named.where(among(entity_id, [row.id for row in rows]))):
        names[id_].append((one[0], bool(one[1]), one[2]))
    found = []
    for row in rows:
        shown, aliases, own = display_name(names[row.id])
        found.append(Entity(EntityId(row.id), shown, row.key, row.type, aliases, row.mentions, own))
    return found


def _read_triples(
    connection: sa.Connection, ids: Sequence[str], workspace_id: WorkspaceId, permitted: frozenset[VersionId]
) -> list[Triple]:
    places: dict[str, list[Evidence]] = defaultdict(list)
    query = _scoped(sa.select(evidence), evidence, workspace_id, permitted, few=True)
    query = query.where(among(evidence.c.triple_id, ids))
    order = (evidence.c.version_id, evidence.c.span_start, evidence.c.span_end)
    for row in connection.execute(query.order_by(*order)):
        places[row.triple_id].append(_evidence(row))
    stated = among(triples.c.id, ids) & (unindexed(triples.c.workspace_id) == workspace_id)
    heads = {row.id: row for row in connection.execute(sa.select(triples).where(stated))}
    return [
        Triple(TripleId(id_), row.subject_id, row.relation, row.object_id, Assertion(row.assertion), tuple(places[id_]))
        for id_, row in ((id_, heads[id_]) for id_ in ids)
    ]


def _evidence(row: sa.Row[Any]) -> Evidence:
    return Evidence(
        document_id=row.document_id,
        version_id=row.version_id,
        chunk_id=row.chunk_id,
        page=row.page,
        span=Span(row.span_start, row.span_end),
        quote_hash=row.quote_hash,
        kind=row.kind,
        extractor=row.extractor,
        confidence=row.confidence,
        inferred=row.inferred,
    )
