"""Access lists of documents; the same content may be there twice where one of the two is on a list"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "access_lists",
        sa.Column("document_id", sa.String(length=32), nullable=False),
        sa.Column("workspace_id", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("document_id", name=op.f("pk_access_lists")),
    )
    op.create_index(op.f("ix_access_lists_workspace_id"), "access_lists", ["workspace_id"])
    op.create_table(
        "access_readers",
        sa.Column("document_id", sa.String(length=32), nullable=False),
        sa.Column("user_id", sa.String(length=32), nullable=False),
        sa.Column("workspace_id", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("document_id", "user_id", name=op.f("pk_access_readers")),
    )
    op.create_index(op.f("ix_access_readers_user_id"), "access_readers", ["user_id"])
    op.create_index(op.f("ix_access_readers_workspace_id"), "access_readers", ["workspace_id"])
    if op.get_bind().dialect.name == "sqlite":
        _make_versions_anew()
    else:
        op.drop_constraint(op.f("uq_versions_workspace_id_sha256"), "versions")
        _keep_workspaces_apart()
    op.create_index(op.f("ix_versions_workspace_id_versions_sha256"), "versions", ["workspace_id", "sha256"])


def _keep_workspaces_apart() -> None:
    """PostgreSQL shows and takes rows of the workspace only that a transaction says it needs, to the owner too."""
    content = "documents versions chunks questions jobs memberships access_lists access_readers".split()
    derived = "vectors vector_removals entities entity_names mentions triples evidence".split()
    for table in (*content, *derived):
        for action in ("ENABLE", "FORCE"):
            op.execute(f"ALTER TABLE {table} {action} ROW LEVEL SECURITY")
        same = "current_setting('app.workspace', true) IN (workspace_id, '*')"
        op.execute(f"CREATE POLICY of_workspace ON {table} USING ({same})")


def _make_versions_anew() -> None:
    """SQLite cannot drop a constraint: the table is made anew without it."""
    op.rename_table("versions", "versions_before")
    op.create_table(
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
        sa.PrimaryKeyConstraint("id", name=op.f("pk_versions")),
        sa.UniqueConstraint("document_id", "number", name=op.f("uq_versions_document_id_number")),
    )
    # In the order of the columns, which is that of the table before.
    op.execute("INSERT INTO versions SELECT * FROM versions_before")
    op.drop_table("versions_before")
