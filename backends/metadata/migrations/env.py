"""Alembic's entry: runs the revisions on the connection it is given."""

from alembic import context

from backends.sql import tables, tables_derived  # noqa: F401 - they register themselves
from backends.sql.schema import METADATA


def run() -> None:
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=METADATA,
        transactional_ddl=False,
        render_as_batch=True,
    )
    context.run_migrations()


run()
