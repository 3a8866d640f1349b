"""A cache that is away: questions find nothing there and lose nothing but time, removing still says so."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.errors import BackendUnavailableError
from app.pipeline.forgiving_cache import ForgivingCacheStore
from backends.cache.settings import SqlCacheSettings
from backends.cache.sql import SqlCacheStore
from backends.sql.engine import Database
from tests.unit.model_parts import open_database


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with open_database(tmp_path) as opened:
        yield opened


def test_away_it_has_nothing_and_takes_nothing(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    store = SqlCacheStore(SqlCacheSettings(), database=database)
    cache = ForgivingCacheStore(store)
    cache.put("answer/one", b"1", scope="w")
    assert cache.get("answer/one", scope="w") == b"1"

    def away(*_arguments: object, **_keywords: object) -> object:
        raise BackendUnavailableError("The database is busy.")

    with monkeypatch.context() as patched:
        patched.setattr(database, "read", away)
        patched.setattr(database, "write", away)
        assert cache.get_all(["answer/one"], scope="w") == {}
        cache.put("answer/two", b"2", scope="w")
        with pytest.raises(BackendUnavailableError):
            cache.delete_scope("w")
    assert cache.get("answer/two", scope="w") is None
