"""Constraints and indexes of the Neo4j graph, in numbered steps whose last is recorded in the database."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from neo4j import Transaction

from app.errors import ConfigurationError
from backends.graph.neo4j_connection import Neo4jConnection

MIGRATIONS: Sequence[tuple[str, ...]] = (
    (
        "CREATE CONSTRAINT graph_schema_name IF NOT EXISTS FOR (s:GraphSchema) REQUIRE s.name IS UNIQUE",
        "CREATE CONSTRAINT entity_id IF NOT EXISTS FOR (e:Entity) REQUIRE (e.workspace_id, e.id) IS UNIQUE",
        "CREATE CONSTRAINT chunk_id IF NOT EXISTS FOR (c:Chunk) REQUIRE (c.workspace_id, c.id) IS UNIQUE",
        "CREATE CONSTRAINT name_of_version IF NOT EXISTS FOR (n:Name)"
        " REQUIRE (n.workspace_id, n.entity_id, n.version_id, n.name) IS UNIQUE",
        "CREATE CONSTRAINT states_place IF NOT EXISTS FOR ()-[r:STATES]-()"
        " REQUIRE (r.workspace_id, r.triple_id, r.version_id, r.span_start, r.span_end) IS UNIQUE",
        "CREATE INDEX name_key IF NOT EXISTS FOR (n:Name) ON (n.workspace_id, n.key)",
        "CREATE INDEX name_version IF NOT EXISTS FOR (n:Name) ON (n.workspace_id, n.version_id)",
        "CREATE TEXT INDEX name_text IF NOT EXISTS FOR (n:Name) ON (n.folded)",
        "CREATE INDEX mentions_version IF NOT EXISTS FOR ()-[m:MENTIONS]-() ON (m.workspace_id, m.version_id)",
        "CREATE INDEX states_version IF NOT EXISTS FOR ()-[r:STATES]-() ON (r.workspace_id, r.version_id)",
    ),
)
"""Each statement may run again, after a step that was interrupted or at the same time in another process."""
_VERSION = "MATCH (s:GraphSchema {name: 'graph'}) RETURN s.version"
_RECORD = """
MERGE (s:GraphSchema {name: 'graph'})
ON CREATE SET s.version = $version
ON MATCH SET s.version = CASE WHEN s.version < $version THEN $version ELSE s.version END"""
_READY = "CALL db.awaitIndexes(300)"


def upgrade(connection: Neo4jConnection, migrations: Sequence[tuple[str, ...]] = MIGRATIONS) -> None:
    """Make what is missing; a database at the newest step is only read.

    Raises ConfigurationError when a newer program has changed the schema.
    """
    current = connection.read(partial(_one, statement=_VERSION)) or 0
    if current > len(migrations):
        raise ConfigurationError(
            "The graph in Neo4j was written by a newer Dafe Graphs: start that version, or a copy."
        )
    for version, statements in enumerate(migrations[current:], start=current + 1):
        for statement in (*statements, _READY):
            connection.write(partial(_one, statement=statement))
        connection.write(partial(_one, statement=_RECORD, version=version))


def _one(transaction: Transaction, statement: str, **values: object) -> Any:
    record = transaction.run(statement, values).single()
    return None if record is None else record[0]
