"""The implementations that the settings unions offer, as parameters, and the resources they are built with."""

from pathlib import Path
from typing import Any, get_args

import pytest

from backends.settings import BackendSettings
from backends.sql.engine import Database

DATABASE_KEY = bytes(range(32))
FILES_KEY = bytes(range(32, 64))
DIMENSION = 16


def implementations(union: Any) -> list[Any]:
    """A parameter for each settings class of a union; one that talks to a server bears the mark."""
    return [
        pytest.param(one, id=one.model_fields["kind"].default, marks=[pytest.mark.server] if one.server else [])
        for one in offered(union)
    ]


def offered(union: Any) -> tuple[type[BackendSettings], ...]:
    if isinstance(union, type):
        return (union,)
    inner = get_args(union)[0]
    return get_args(inner) or (inner,)


def open_database(data_dir: Path, *, key: bytes | None = DATABASE_KEY) -> Database:
    return Database(data_dir / "dafe.db", key=key)


def parts_for(data_dir: Path, database: Database) -> dict[str, Any]:
    """The resources that the stores of every kind take."""
    return {
        "database": database,
        "data_dir": data_dir,
        "key": FILES_KEY,
        "embedding_name": "model-a",
        "dimension": DIMENSION,
    }
