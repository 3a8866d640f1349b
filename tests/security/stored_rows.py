"""What the stores of an installation hold, read past our own adapters, in every profile."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import sqlalchemy as sa

from app.container import Services
from app.domain.ids import WorkspaceId
from backends.embeddings.base import Embedder
from backends.loading import load
from backends.queue.base import JobQueue
from backends.sql.base import SqlDatabase
from backends.sql.engine import Database
from backends.sql.tables_derived import entity_names, evidence, mentions, triples, vectors
from backends.vectors.base import VectorStore

_POINTS = 100_000
Row = dict[str, Any]


@dataclass(frozen=True)
class GraphRows:
    """Each row as the store has it. `orphans` are what nothing holds any more."""

    mentions: list[Row]
    names: list[Row]
    evidence: list[Row]
    orphans: list[str]


@contextmanager
def database_of(services: Services) -> Iterator[Database]:
    """That of the data folder."""
    database = Database(services.settings.data_dir / "dafe.db", key=services.keys.database)
    yield database
    database.close()


@contextmanager
def metadata_of(services: Services) -> Iterator[SqlDatabase]:
    """Where the records lie; its `fields` open their texts."""
    settings = services.settings.metadata
    if settings.kind == "sqlite":
        with database_of(services) as own:
            yield own
        return
    from backends.sql.postgres import PostgresDatabase

    server = PostgresDatabase(settings, key=services.keys.fields)
    yield server
    server.close()


def graph_rows(services: Services, workspace_id: WorkspaceId) -> GraphRows:
    if services.settings.graph.kind == "neo4j":
        return _of_neo4j(services, workspace_id)
    with database_of(services) as database, database.read() as connection:

        def rows(query: Any, table: sa.Table) -> list[Row]:
            return [
                dict(row) for row in connection.execute(query.where(table.c.workspace_id == workspace_id)).mappings()
            ]

        stated = sa.select(evidence, triples.c.relation, triples.c.assertion).outerjoin(
            triples, triples.c.id == evidence.c.triple_id
        )
        unstated = sa.select(triples).where(triples.c.id.not_in(sa.select(evidence.c.triple_id)))
        return GraphRows(
            mentions=rows(sa.select(mentions), mentions),
            names=rows(sa.select(entity_names), entity_names),
            evidence=rows(stated, evidence),
            orphans=[f"a fact without evidence {row['relation']}" for row in rows(unstated, triples)],
        )


_MENTIONS = "MATCH (c:Chunk)-[r:MENTIONS]->(:Entity) WHERE r.workspace_id = $here RETURN r{.*, chunk_id: c.id}"
_NAMES = "MATCH (n:Name) WHERE n.workspace_id = $here RETURN n{.*}"
_EVIDENCE = "MATCH (:Entity)-[r:STATES]->(:Entity) WHERE r.workspace_id = $here RETURN r{.*}"
_ORPHANS = """
MATCH (n) WHERE n.workspace_id = $here AND (
  (n:Chunk AND NOT EXISTS { (n)-[:MENTIONS]->() }) OR (n:Name AND NOT EXISTS { (n)-[:OF]->() })
  OR (n:Entity AND NOT EXISTS { (n)<-[:MENTIONS]-() } AND NOT EXISTS { (n)-[:STATES]-() }))
RETURN head(labels(n)) + ' that nothing holds'"""


def _of_neo4j(services: Services, workspace_id: WorkspaceId) -> GraphRows:
    from backends.graph.neo4j_connection import Neo4jConnection

    settings: Any = services.settings.graph
    with closing(Neo4jConnection(settings)) as connection:

        def rows(query: str) -> list[Any]:
            return connection.read(lambda transaction: [row[0] for row in transaction.run(query, here=workspace_id)])

        return GraphRows(*map(rows, (_MENTIONS, _NAMES, _EVIDENCE, _ORPHANS)))


def vector_rows(services: Services, workspace_id: WorkspaceId) -> Iterator[tuple[str, str, Any]]:
    """Every vector with its chunk and version."""
    read = {"sql": _vectors_of_sql, "chroma": _vectors_of_chroma, "qdrant": _vectors_of_qdrant}
    return read[services.settings.vectors.kind](services, workspace_id)


def _vectors_of_sql(services: Services, workspace_id: WorkspaceId) -> Iterator[tuple[str, str, Any]]:
    with database_of(services) as database, database.read() as connection:
        for row in connection.execute(sa.select(vectors).where(vectors.c.workspace_id == workspace_id)):
            yield row.chunk_id, row.version_id, np.frombuffer(row.vector, dtype=np.float32)


def _vectors_of_chroma(services: Services, workspace_id: WorkspaceId) -> Iterator[tuple[str, str, Any]]:
    settings = services.settings
    embedder: Embedder = load(Embedder, settings.embeddings, model_dir=settings.model_dir)
    about = {"embedding_name": embedder.name, "dimension": embedder.dimension, "data_dir": settings.data_dir}
    store: Any = load(VectorStore, settings.vectors, **about)
    for collection in store._all_collections(workspace_id):
        held = collection.get(include=["embeddings", "metadatas"])
        for id_, vector, metadata in zip(held["ids"], held["embeddings"], held["metadatas"], strict=True):
            yield id_, metadata["version_id"], np.asarray(vector)
    store.close()
    embedder.close()


def _vectors_of_qdrant(services: Services, workspace_id: WorkspaceId) -> Iterator[tuple[str, str, Any]]:
    from qdrant_client import QdrantClient

    from backends.vectors.qdrant import name_prefix

    settings: Any = services.settings.vectors
    headers = {"api-key": settings.api_key.get_secret_value()}
    with closing(QdrantClient(url=settings.url, port=None, headers=headers, check_compatibility=False)) as client:
        for collection in client.get_collections().collections:
            if not collection.name.startswith(name_prefix(workspace_id)):
                continue
            for point in client.scroll(collection.name, limit=_POINTS, with_payload=True, with_vectors=True)[0]:
                payload = point.payload or {}
                yield payload["chunk_id"], payload["version_id"], np.asarray(point.vector)


def count_messages(services: Services) -> int:
    """In the queue, of the whole installation."""
    settings = services.settings
    with database_of(services) as database:
        queue: JobQueue = load(JobQueue, settings.queue, database=database, data_dir=settings.data_dir)
        with closing(queue):
            return queue.count()
