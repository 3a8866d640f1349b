"""Takes versions out of the graph's tables, and with them what nothing else holds any more."""

from collections.abc import Sequence

import sqlalchemy as sa

from app.domain.ids import VersionId, WorkspaceId
from backends.sql.expressions import among, unindexed
from backends.sql.tables_derived import entities, entity_names, evidence, mentions, triples


def delete_versions(connection: sa.Connection, version_ids: Sequence[VersionId], workspace_id: WorkspaceId) -> None:
    """As `GraphStore.delete_versions`; looks only at triples and entities that these versions touch."""

    def written(table: sa.Table) -> sa.ColumnElement[bool]:
        return (table.c.workspace_id == workspace_id) & among(table.c.version_id, version_ids)

    def ours(table: sa.Table) -> sa.ColumnElement[bool]:
        """Beside ids, which choose fewer rows."""
        return unindexed(table.c.workspace_id) == workspace_id

    touched = set(connection.execute(sa.select(evidence.c.triple_id).where(written(evidence))).scalars())
    named = sa.union(*(sa.select(table.c.entity_id).where(written(table)) for table in (mentions, entity_names)))
    held = set(connection.execute(named).scalars())
    ends = sa.select(triples.c.subject_id, triples.c.object_id).where(among(triples.c.id, touched), ours(triples))
    held.update(end for pair in connection.execute(ends) for end in pair)
    for table in (mentions, evidence, entity_names):
        connection.execute(table.delete().where(written(table)))
    supported = sa.exists().where(evidence.c.triple_id == triples.c.id)
    connection.execute(triples.delete().where(among(triples.c.id, touched), ours(triples), ~supported))
    used = (
        sa.exists().where(mentions.c.entity_id == entities.c.id),
        sa.exists().where(triples.c.subject_id == entities.c.id),
        sa.exists().where(triples.c.object_id == entities.c.id),
    )
    connection.execute(entities.delete().where(among(entities.c.id, held), ours(entities), ~sa.or_(*used)))
