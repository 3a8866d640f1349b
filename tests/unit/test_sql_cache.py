"""Tests of the room that the cache takes in the database: what is used least goes first, one layer spares another."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from backends.cache.base import Layer
from backends.cache.settings import SqlCacheSettings
from backends.cache.sql import SqlCacheStore
from backends.sql.engine import Database
from tests.unit.model_parts import open_database

SIZE = 10_000


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with open_database(tmp_path) as opened:
        yield opened


def open_cache(database: Database) -> SqlCacheStore:
    return SqlCacheStore(SqlCacheSettings(layer_mb=1), database=database)


def fill(cache: SqlCacheStore, layer: Layer, numbers: range) -> None:
    for number in numbers:
        cache.put(f"{layer}/{number}", os.urandom(SIZE), scope=f"w/{number % 3}")


def kept(cache: SqlCacheStore, layer: Layer, numbers: range) -> list[int]:
    return [number for number in numbers if cache.get(f"{layer}/{number}", scope=f"w/{number % 3}")]


def test_a_full_layer_gives_up_what_was_put_first_and_no_other_layer(database: Database) -> None:
    cache = open_cache(database)
    fill(cache, Layer.TRIPLE, range(80))
    cache.put("probe/of-the-model", b"1", scope="models")
    fill(cache, Layer.ANSWER, range(300))
    left = kept(cache, Layer.ANSWER, range(300))
    assert 80 <= len(left) <= 107
    assert left == list(range(300))[-len(left) :]
    assert kept(cache, Layer.TRIPLE, range(80)) == list(range(80))
    assert cache.get("probe/of-the-model", scope="models") == b"1"


def test_what_is_used_stays(database: Database) -> None:
    cache = open_cache(database)
    fill(cache, Layer.ANSWER, range(50))
    for start in range(50, 300, 10):
        assert kept(cache, Layer.ANSWER, range(5)) == list(range(5))
        fill(cache, Layer.ANSWER, range(start, start + 10))
    assert kept(cache, Layer.ANSWER, range(5, 50)) == []


def test_what_another_process_left_too_much_goes_when_a_little_was_put(database: Database) -> None:
    large = SqlCacheStore(SqlCacheSettings(layer_mb=100), database=database)
    fill(large, Layer.EMBEDDING, range(200))
    cache = open_cache(database)
    fill(cache, Layer.ANSWER, range(7))
    assert len(kept(cache, Layer.EMBEDDING, range(200))) <= 100


def test_a_scope_takes_those_below_it_by_the_index_and_no_other(database: Database) -> None:
    cache = open_cache(database)
    scopes = ("w", "w/d", "w/d/e", "w0", "W", "wx/d", "v")
    for scope in scopes:
        cache.put("answer/one", b"1", scope=scope)
    cache.delete_scope("w")
    assert [scope for scope in scopes if cache.get("answer/one", scope=scope)] == ["w0", "W", "wx/d", "v"]
    plan = "EXPLAIN QUERY PLAN DELETE FROM cache WHERE scope = 'w' OR (scope > 'w/' AND scope < 'w0')"
    with database.read() as connection:
        assert not [row for row in connection.execute(sa.text(plan)) if "SCAN" in str(row)]


def test_what_has_expired_is_removed_and_not_only_hidden(database: Database) -> None:
    cache = open_cache(database)
    cache.put("answer/short", b"1", scope="w", ttl_seconds=-1.0)
    cache.put("answer/long", b"2", scope="w", ttl_seconds=60.0)
    with database.read() as connection:
        assert connection.execute(sa.text("SELECT key FROM cache")).scalars().all() == ["answer/long"]
