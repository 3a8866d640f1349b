"""Brings a database to the newest schema with Alembic."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from app.errors import ConfigurationError
from backends.sql.engine import Database

_SCRIPTS = Path(__file__).parent.parent / "metadata" / "migrations"


def upgrade(database: Database) -> None:
    """Make or complete all tables in one transaction; a database at the newest revision is only read.

    Raises ConfigurationError when a newer program has changed the schema: going back would lose data.
    """
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    scripts = ScriptDirectory.from_config(config)
    with database.read() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
    if current == scripts.get_current_head():
        return
    known = {script.revision for script in scripts.walk_revisions()}
    if current is not None and current not in known:
        raise ConfigurationError("The data folder was written by a newer Dafe Graphs: start that version, or a copy.")
    with database.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
