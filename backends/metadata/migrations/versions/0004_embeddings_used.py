"""The embedding space that the questions of each workspace search"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "embeddings_used",
        sa.Column("workspace_id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("dimension", sa.Integer(), nullable=True),
        sa.Column("writing", sa.String(length=32), nullable=True),
        sa.PrimaryKeyConstraint("workspace_id", name=op.f("pk_embeddings_used")),
    )
    if op.get_bind().dialect.name != "sqlite":
        for action in ("ENABLE", "FORCE"):
            op.execute(f"ALTER TABLE embeddings_used {action} ROW LEVEL SECURITY")
        same = "current_setting('app.workspace', true) IN (workspace_id, '*')"
        op.execute(f"CREATE POLICY of_workspace ON embeddings_used USING ({same})")
