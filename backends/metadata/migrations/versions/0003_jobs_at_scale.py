"""Priorities, turns and waits of jobs; documents to be read again, and the language model that was used last"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_ADDED: dict[str, tuple[tuple[str, sa.types.TypeEngine[Any], str], ...]] = {
    "versions": (("to_redo", sa.Boolean(), "false"),),
    "jobs": (("priority", sa.Integer(), "1"), ("waits", sa.Integer(), "0")),
    "queue": (("priority", sa.Integer(), "1"), ("turn_of", sa.String(length=32), "''")),
}


def upgrade() -> None:
    op.create_table(
        "queue_turns",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_queue_turns")),
    )
    op.create_table(
        "models_used",
        sa.Column("backend", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("window_tokens", sa.Integer(), nullable=False),
        sa.Column("band", sa.Text(), nullable=False),
        sa.Column("used_at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("backend", "name", "digest", name=op.f("pk_models_used")),
    )
    if op.get_bind().dialect.name == "sqlite":
        _make_tables_anew()
    else:
        for table, columns in _ADDED.items():
            for name, kind, value in columns:
                op.add_column(table, sa.Column(name, kind, nullable=False, server_default=sa.text(value)))
                op.alter_column(table, name, server_default=None)
    op.create_index(op.f("ix_versions_workspace_id_versions_to_redo"), "versions", ["workspace_id", "to_redo"])


def _make_tables_anew() -> None:
    """As the tables in code are written: a column that SQLite adds stands behind the constraints."""
    _make_anew(
        "versions",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("document_id", sa.String(length=32), nullable=False),
        sa.Column("workspace_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("file_id", sa.String(length=32), nullable=False),
        sa.Column("uploaded_by", sa.String(length=32), nullable=False),
        sa.Column("uploaded_at", sa.String(length=32), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("coverage", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("to_redo", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_versions")),
        sa.UniqueConstraint("document_id", "number", name=op.f("uq_versions_document_id_number")),
    )
    op.create_index(op.f("ix_versions_workspace_id_versions_sha256"), "versions", ["workspace_id", "sha256"])
    _make_anew(
        "jobs",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("workspace_id", sa.String(length=32), nullable=False),
        sa.Column("document_id", sa.String(length=32), nullable=False),
        sa.Column("version_id", sa.String(length=32), nullable=False),
        sa.Column("document_name", sa.Text(), nullable=False),
        sa.Column("created_by", sa.String(length=32), nullable=False),
        sa.Column("created_at", sa.String(length=32), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("eta_seconds", sa.Float(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("updated_at", sa.String(length=32), nullable=True),
        sa.Column("worker", sa.Text(), nullable=True),
        sa.Column("lease_until", sa.Float(), nullable=True),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("waits", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
    )
    for column in ("workspace_id", "document_id", "state"):
        op.create_index(op.f(f"ix_jobs_{column}"), "jobs", [column])
    _make_anew(
        "queue",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("ready_at", sa.Float(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=True),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("turn_of", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_queue")),
    )
    op.create_index(op.f("ix_queue_ready_at"), "queue", ["ready_at"])


def _make_anew(table: str, *parts: sa.Column[object] | sa.Constraint) -> None:
    """Its rows come in the order of the columns, which is that of the table before, and get what is new."""
    op.rename_table(table, f"{table}_before")
    op.create_table(table, *parts)
    added = ", ".join(value for _, _, value in _ADDED[table])
    op.execute(f"INSERT INTO {table} SELECT *, {added} FROM {table}_before")  # noqa: S608 - names of this file
    op.drop_table(f"{table}_before")
