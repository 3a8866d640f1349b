"""Tables of vectors, graph, cache and queue."""

import sqlalchemy as sa

from backends.sql.schema import METADATA

ID = sa.String(32)

vectors = sa.Table(
    "vectors",
    METADATA,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("space", sa.Text, nullable=False),
    sa.Column("chunk_id", ID, nullable=False),
    sa.Column("workspace_id", ID, nullable=False),
    sa.Column("version_id", ID, nullable=False),
    sa.Column("vector", sa.LargeBinary, nullable=False),
    sa.UniqueConstraint("workspace_id", "space", "chunk_id"),
    sa.Index(None, "workspace_id", "version_id"),
    sqlite_autoincrement=True,
)
vector_removals = sa.Table(
    "vector_removals",
    METADATA,
    sa.Column("workspace_id", ID, primary_key=True),
    sa.Column("count", sa.Integer, nullable=False),
)
entities = sa.Table(
    "entities",
    METADATA,
    sa.Column("id", ID, primary_key=True),
    sa.Column("workspace_id", ID, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("type", sa.Text, nullable=False),
    sa.Index(None, "workspace_id", "key"),
)
entity_names = sa.Table(
    "entity_names",
    METADATA,
    sa.Column("entity_id", ID, primary_key=True),
    sa.Column("version_id", ID, primary_key=True, index=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("workspace_id", ID, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("alias", sa.Boolean, nullable=False),
    sa.Index(None, "workspace_id", "key"),
    sqlite_with_rowid=False,
)
mentions = sa.Table(
    "mentions",
    METADATA,
    sa.Column("entity_id", ID, primary_key=True),
    sa.Column("chunk_id", ID, primary_key=True),
    sa.Column("workspace_id", ID, nullable=False),
    sa.Column("version_id", ID, nullable=False),
    sa.Column("count", sa.Integer, nullable=False),
    sa.Column("topic", sa.Boolean, nullable=False),
    # Everything the retrieval graph reads, so that it is read from the index alone.
    sa.Index("ix_mentions_read", "workspace_id", "version_id", "chunk_id", "entity_id", "count", "topic"),
    sqlite_with_rowid=False,
)
triples = sa.Table(
    "triples",
    METADATA,
    sa.Column("id", ID, primary_key=True),
    sa.Column("workspace_id", ID, nullable=False),
    sa.Column("subject_id", ID, nullable=False, index=True),
    sa.Column("relation", sa.Text, nullable=False),
    sa.Column("object_id", ID, nullable=False, index=True),
    sa.Column("assertion", sa.Text, nullable=False),
    sa.Index(None, "workspace_id", "relation"),
)
evidence = sa.Table(
    "evidence",
    METADATA,
    sa.Column("triple_id", ID, primary_key=True),
    sa.Column("version_id", ID, primary_key=True),
    sa.Column("span_start", sa.Integer, primary_key=True),
    sa.Column("span_end", sa.Integer, primary_key=True),
    sa.Column("workspace_id", ID, nullable=False),
    sa.Column("document_id", ID, nullable=False),
    sa.Column("chunk_id", ID, nullable=False),
    sa.Column("page", sa.Integer, nullable=False),
    sa.Column("quote_hash", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("extractor", sa.Text, nullable=False),
    sa.Column("confidence", sa.Float, nullable=False),
    sa.Column("inferred", sa.Boolean, nullable=False),
    sa.Index(None, "workspace_id", "version_id"),
    sqlite_with_rowid=False,
)
cache = sa.Table(
    "cache",
    METADATA,
    sa.Column("scope", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("value", sa.LargeBinary, nullable=False),
    sa.Column("expires_at", sa.Float, index=True),
)
queue = sa.Table(
    "queue",
    METADATA,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("ready_at", sa.Float, nullable=False, index=True),
    sa.Column("holder", sa.Text),
    sa.Column("priority", sa.Integer, nullable=False),
    sa.Column("turn_of", ID, nullable=False),
)
queue_turns = sa.Table(
    "queue_turns",
    METADATA,
    sa.Column("id", ID, primary_key=True),
    sa.Column("number", sa.Integer, nullable=False),
)
queue_workers = sa.Table(
    "queue_workers",
    METADATA,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("alive_until", sa.Float, nullable=False),
)
