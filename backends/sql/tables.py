"""Tables of documents, chunks, jobs, questions and people."""

import sqlalchemy as sa

from backends.sql.schema import METADATA, UtcTime

ID = sa.String(32)


def _column(name: str, kind: sa.types.TypeEngine[str] | type = sa.Text, **options: bool) -> sa.Column[object]:
    return sa.Column(name, kind, **{"nullable": False, **options})  # type: ignore[arg-type]


workspaces = sa.Table(
    "workspaces",
    METADATA,
    _column("id", ID, primary_key=True),
    _column("name"),
    _column("name_key", unique=True),
    _column("ontology"),
    sa.Column("created_at", UtcTime),
    _column("refuse_below", sa.Float),
    _column("weak_below", sa.Float),
)
users = sa.Table(
    "users",
    METADATA,
    _column("id", ID, primary_key=True),
    _column("username"),
    _column("username_key", unique=True),
    _column("name"),
    _column("roles", sa.JSON),
    _column("disabled", sa.Boolean),
    _column("must_change_password", sa.Boolean),
    sa.Column("created_at", UtcTime),
    sa.Column("last_sign_in_at", UtcTime),
    _column("password_hash"),
)
memberships = sa.Table(
    "memberships",
    METADATA,
    _column("workspace_id", ID, primary_key=True),
    _column("user_id", ID, primary_key=True, index=True),
    _column("role"),
)
failures = sa.Table(
    "sign_in_failures",
    METADATA,
    sa.Column("number", sa.Integer, primary_key=True),
    _column("key", index=True),
    sa.Column("at", UtcTime, nullable=False),
)
sessions = sa.Table(
    "sessions",
    METADATA,
    _column("id", sa.Text, primary_key=True),
    _column("token_sha256", unique=True),
    _column("user_id", ID, index=True),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("last_active_at", UtcTime, nullable=False),
    sa.Column("expires_at", UtcTime, nullable=False),
    _column("address"),
    _column("agent"),
    sa.Column("revoked_at", UtcTime),
)
documents = sa.Table(
    "documents",
    METADATA,
    _column("id", ID, primary_key=True),
    _column("workspace_id", ID, index=True),
    _column("name"),
    _column("name_key"),
    _column("newest_version_id", ID),
    sa.Column("visible_version_id", ID),
    sa.Column("changed_at", UtcTime, nullable=False),
)
versions = sa.Table(
    "versions",
    METADATA,
    _column("id", ID, primary_key=True),
    _column("document_id", ID),
    _column("workspace_id", ID),
    _column("number", sa.Integer),
    _column("name"),
    _column("media_type"),
    _column("sha256"),
    _column("size_bytes", sa.Integer),
    _column("file_id", ID),
    _column("uploaded_by", ID),
    sa.Column("uploaded_at", UtcTime, nullable=False),
    _column("status"),
    sa.Column("error", sa.Text),
    _column("coverage"),
    sa.Column("title", sa.Text),
    _column("to_redo", sa.Boolean),
    sa.UniqueConstraint("document_id", "number"),
    sa.Index(None, "workspace_id", "sha256"),
    sa.Index(None, "workspace_id", "to_redo"),
)
access_lists = sa.Table(
    "access_lists",
    METADATA,
    _column("document_id", ID, primary_key=True),
    _column("workspace_id", ID, index=True),
)
access_readers = sa.Table(
    "access_readers",
    METADATA,
    _column("document_id", ID, primary_key=True),
    _column("user_id", ID, primary_key=True, index=True),
    _column("workspace_id", ID, index=True),
)
chunks = sa.Table(
    "chunks",
    METADATA,
    sa.Column("number", sa.Integer, primary_key=True),
    _column("id", ID, unique=True),
    _column("workspace_id", ID),
    _column("document_id", ID),
    _column("version_id", ID),
    _column("ordinal", sa.Integer),
    _column("page", sa.Integer),
    _column("span_start", sa.Integer),
    _column("span_end", sa.Integer),
    _column("text"),
    _column("topic"),
    _column("sentences"),
    _column("length", sa.Integer),
    _column("state"),
    sa.Index(None, "version_id", "ordinal"),
    sa.Index(None, "workspace_id", "version_id", "length"),
)
chunk_stems = sa.Table(
    "chunk_stems",
    METADATA,
    _column("stem", sa.Text, primary_key=True),
    sa.Column("chunk_number", sa.Integer, primary_key=True, index=True),
    _column("count", sa.Integer),
    sqlite_with_rowid=False,
)
jobs = sa.Table(
    "jobs",
    METADATA,
    _column("id", ID, primary_key=True),
    _column("kind"),
    _column("workspace_id", ID, index=True),
    _column("document_id", ID, index=True),
    _column("version_id", ID),
    _column("document_name"),
    _column("created_by", ID),
    sa.Column("created_at", UtcTime, nullable=False),
    _column("state", sa.Text, index=True),
    _column("stage"),
    _column("done", sa.Integer),
    _column("total", sa.Integer),
    sa.Column("eta_seconds", sa.Float),
    _column("attempts", sa.Integer),
    sa.Column("error", sa.Text),
    sa.Column("updated_at", UtcTime),
    sa.Column("worker", sa.Text),
    sa.Column("lease_until", sa.Float),
    _column("priority", sa.Integer),
    _column("waits", sa.Integer),
)
models_used = sa.Table(
    "models_used",
    METADATA,
    _column("backend", primary_key=True),
    _column("name", primary_key=True),
    _column("digest", primary_key=True),
    _column("window_tokens", sa.Integer),
    _column("band"),
    sa.Column("used_at", UtcTime, nullable=False),
)
embeddings_used = sa.Table(
    "embeddings_used",
    METADATA,
    _column("workspace_id", ID, primary_key=True),
    sa.Column("name", sa.Text),
    sa.Column("dimension", sa.Integer),
    sa.Column("writing", ID),
)
questions = sa.Table(
    "questions",
    METADATA,
    _column("id", ID, primary_key=True),
    _column("workspace_id", ID),
    _column("asked_by", ID),
    sa.Column("asked_at", UtcTime, nullable=False),
    _column("text"),
    _column("mode"),
    _column("answer"),
    sa.Index(None, "workspace_id", "asked_by", "asked_at"),
)
question_documents = sa.Table(
    "question_documents",
    METADATA,
    _column("question_id", ID, primary_key=True),
    _column("document_id", ID, primary_key=True, index=True),
)
