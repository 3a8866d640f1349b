"""The audit log's store of a data folder, for tests that open it apart from the application."""

from pathlib import Path

from backends.audit.settings import SqliteAuditSettings
from backends.audit.sqlite import SqliteAuditStore


def store_in(folder: Path) -> SqliteAuditStore:
    return SqliteAuditStore(SqliteAuditSettings(), data_dir=folder)
