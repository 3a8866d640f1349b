"""Chunk records on SQL: text once, and the stems that word search counts."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from pydantic import TypeAdapter
from sqlalchemy.exc import IntegrityError as ConstraintError

from app.domain.documents import Chunk, ChunkState, Sentence, Span
from app.domain.ids import ChunkId, DocumentId, VersionId, WorkspaceId
from app.errors import ConflictError
from backends.metadata.base_content import ChunkRecords, Postings
from backends.sql.base import SqlDatabase, fetch
from backends.sql.expressions import among, unindexed
from backends.sql.tables import chunk_stems
from backends.sql.tables import chunks as table

_SENTENCES = TypeAdapter(tuple[Sentence, ...])


class SqlChunkRecords(ChunkRecords):
    """Stems are written and counted, not given back: `Chunk.stems` of what is read is empty."""

    def __init__(self, database: SqlDatabase) -> None:
        self._database = database
        self._fields = database.fields

    def upsert(self, chunks: Sequence[Chunk]) -> None:
        if not chunks:
            return
        written, workspace_id = [self._row(chunk) for chunk in chunks], chunks[0].workspace_id
        same = among(table.c.id, {chunk.id for chunk in chunks})
        try:
            with self._database.write(chunks[0].version_id, within=workspace_id) as connection:
                _delete(connection, same & (unindexed(table.c.workspace_id) == workspace_id))
                rows = connection.execute(table.insert().returning(table.c.number, table.c.id), written)
                numbers = {row.id: row.number for row in rows}
                kept = self._kept({stem for chunk in chunks for stem in chunk.stems}, workspace_id)
                stems = [
                    {"stem": kept[stem], "chunk_number": numbers[chunk.id], "count": count}
                    for chunk in chunks
                    for stem, count in Counter(chunk.stems).items()
                ]
                if stems:
                    connection.execute(chunk_stems.insert(), stems)
        except ConstraintError:
            taken = sa.exists().where(same, table.c.workspace_id != workspace_id)
            with self._database.read() as connection:
                if not connection.execute(sa.select(taken)).scalar_one():
                    raise
            # Without the cause: it carries the text.
            raise ConflictError("Another workspace has a passage of this id.") from None

    def update_states(self, states: Mapping[ChunkId, ChunkState], *, workspace_id: WorkspaceId) -> None:
        if not states:
            return
        change = (
            table.update()
            .where(table.c.id == sa.bindparam("chunk"), table.c.workspace_id == workspace_id)
            .values(state=sa.bindparam("new_state"))
        )
        values = [{"chunk": id_, "new_state": state.value} for id_, state in sorted(states.items())]
        with self._database.write(workspace_id, within=workspace_id) as connection:
            connection.execute(change, values)

    def get(
        self, chunk_ids: Sequence[ChunkId], *, workspace_id: WorkspaceId, permitted: frozenset[VersionId]
    ) -> list[Chunk]:
        wanted = (among(table.c.id, chunk_ids), _scope(workspace_id, permitted, few=True))
        with self._database.read(workspace_id) as connection:
            found = {row.id: self._chunk(row) for row in connection.execute(sa.select(table).where(*wanted))}
        return [found[chunk_id] for chunk_id in chunk_ids if chunk_id in found]

    def find(self, version_id: VersionId, *, workspace_id: WorkspaceId) -> list[Chunk]:
        mine = (table.c.version_id == version_id) & (table.c.workspace_id == workspace_id)
        (rows,) = fetch(self._database, sa.select(table).where(mine).order_by(table.c.ordinal), within=workspace_id)
        return [self._chunk(row) for row in rows]

    def find_postings(
        self, stems: Collection[str], *, workspace_id: WorkspaceId, permitted: frozenset[VersionId]
    ) -> Postings:
        asked = {kept: stem for stem, kept in self._kept(stems, workspace_id).items()}
        whole = sa.select(sa.func.count(), sa.func.avg(table.c.length)).where(_scope(workspace_id, permitted))
        held = (
            sa.select(chunk_stems.c.stem, table.c.id, chunk_stems.c.count, table.c.length)
            .join(table, table.c.number == chunk_stems.c.chunk_number)
            .where(among(chunk_stems.c.stem, asked), _scope(workspace_id, permitted, few=True))
            .order_by(table.c.id)
        )
        frequencies: dict[str, dict[ChunkId, int]] = {stem: {} for stem in stems}
        lengths: dict[ChunkId, int] = {}
        ((number, mean_length),), found = fetch(self._database, whole, held, within=workspace_id)
        for stem, chunk_id, count, length in found:
            frequencies[asked[stem]][ChunkId(chunk_id)] = count
            lengths[ChunkId(chunk_id)] = length
        return Postings(number, float(mean_length or 0.0), frequencies, lengths)

    def count(self, *, workspace_id: WorkspaceId, permitted: frozenset[VersionId]) -> int:
        query = sa.select(sa.func.count()).select_from(table).where(_scope(workspace_id, permitted))
        (rows,) = fetch(self._database, query, within=workspace_id)
        return int(rows[0][0])

    def delete_version(self, version_id: VersionId, *, workspace_id: WorkspaceId) -> None:
        with self._database.write(version_id, within=workspace_id) as connection:
            _delete(connection, (table.c.version_id == version_id) & (table.c.workspace_id == workspace_id))

    def _kept(self, stems: Collection[str], workspace_id: WorkspaceId) -> dict[str, str]:
        return self._fields.index(stems, workspace_id=workspace_id, column="chunk_stems.stem")

    def _row(self, chunk: Chunk) -> dict[str, Any]:
        place = {"workspace_id": chunk.workspace_id, "record": chunk.id}
        return {
            "id": chunk.id,
            "workspace_id": chunk.workspace_id,
            "document_id": chunk.document_id,
            "version_id": chunk.version_id,
            "ordinal": chunk.ordinal,
            "page": chunk.page,
            "span_start": chunk.span.start,
            "span_end": chunk.span.end,
            "text": self._fields.seal(chunk.text, column="chunks.text", **place),
            "topic": self._fields.seal(chunk.topic, column="chunks.topic", **place),
            "sentences": _SENTENCES.dump_json(chunk.sentences).decode(),
            "length": len(chunk.stems),
            "state": chunk.state.value,
        }

    def _chunk(self, row: sa.Row[Any]) -> Chunk:
        place = {"workspace_id": row.workspace_id, "record": row.id}
        return Chunk(
            id=ChunkId(row.id),
            workspace_id=WorkspaceId(row.workspace_id),
            document_id=DocumentId(row.document_id),
            version_id=VersionId(row.version_id),
            ordinal=row.ordinal,
            page=row.page,
            span=Span(row.span_start, row.span_end),
            text=self._fields.open(row.text, column="chunks.text", **place),
            topic=self._fields.open(row.topic, column="chunks.topic", **place),
            sentences=_SENTENCES.validate_json(row.sentences),
            state=ChunkState(row.state),
        )


def _scope(workspace_id: WorkspaceId, permitted: frozenset[VersionId], *, few: bool = False) -> sa.ColumnElement[bool]:
    """`few`: other conditions leave few rows, so that going through all of the permitted would take longer."""
    if few:
        return (unindexed(table.c.workspace_id) == workspace_id) & among(unindexed(table.c.version_id), permitted)
    return (table.c.workspace_id == workspace_id) & among(table.c.version_id, permitted)


def _delete(connection: sa.Connection, condition: sa.ColumnElement[bool]) -> None:
    numbers = sa.select(table.c.number).where(condition)
    connection.execute(chunk_stems.delete().where(chunk_stems.c.chunk_number.in_(numbers)))
    connection.execute(table.delete().where(condition))
