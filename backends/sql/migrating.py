"""Brings a database to the newest schema with Alembic."""

from pathlib import Path

import sqlalchemy as sa

from app.errors import ConfigurationError
from backends.sql.base import SqlDatabase

_SCRIPTS = Path(__file__).parent.parent / "metadata" / "migrations"


def upgrade(database: SqlDatabase) -> None:
    """Make or complete all tables in one transaction; a database at the newest revision is only read, without Alembic,
    whose import takes as long as everything else that a start does with the database.

    Raises ConfigurationError when a newer program has changed the schema: going back would lose data.
    """
    with database.read() as connection:
        current = _revision_of(connection)
    if current == newest_revision():
        return
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if current is not None and current not in known:
        raise ConfigurationError("The data was written by a newer Dafe Graphs: start that version, or a copy.")
    with database.change_schema() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def newest_revision() -> str:
    """As the files of the revisions are numbered."""
    return max(path.name.partition("_")[0] for path in (_SCRIPTS / "versions").glob("[0-9]*.py"))


def _revision_of(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    return connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one_or_none()
