"""What every cache must do."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from backends.cache.base import CacheStore
from backends.cache.settings import CacheSettings
from backends.loading import load
from tests.conformance.conftest import Child, wait_for
from tests.conformance.implementations import implementations

pytestmark = pytest.mark.parametrize("settings", implementations(CacheSettings), indirect=True)
Open = Callable[[], CacheStore]


@pytest.fixture
def open_store(settings: Any, parts: dict[str, Any]) -> Iterator[Open]:
    opened: list[CacheStore] = []

    def open_one() -> CacheStore:
        opened.append(load(CacheStore, settings, **parts))
        return opened[-1]

    yield open_one
    for store in opened:
        store.close()


@pytest.fixture
def store(open_store: Open) -> CacheStore:
    return open_store()


def test_what_was_put_comes_back_and_is_replaced_by_the_next(store: CacheStore) -> None:
    assert store.get("k", scope="w/d") is None
    for value in (b"\x00\xff" * 1000, b""):
        store.put("k", value, scope="w/d")
        assert store.get("k", scope="w/d") == value


def test_scopes_and_keys_are_apart(store: CacheStore) -> None:
    store.put("k", b"1", scope="w/d")
    store.put("K", b"2", scope="w/d")
    store.put("k", b"3", scope="w")
    assert [store.get("k", scope="w/d"), store.get("K", scope="w/d"), store.get("k", scope="w")] == [b"1", b"2", b"3"]
    assert store.get("k", scope="W/D") is None
    assert store.get("w/d", scope="k") is None


def test_after_its_time_it_is_not_there(store: CacheStore) -> None:
    store.put("short", b"1", scope="w", ttl_seconds=0.3)
    store.put("long", b"2", scope="w", ttl_seconds=60)
    store.put("always", b"3", scope="w")
    assert store.get("short", scope="w") == b"1"
    time.sleep(0.35)
    assert store.get("short", scope="w") is None
    store.put("other", b"4", scope="w")
    assert [store.get(key, scope="w") for key in ("short", "long", "always")] == [None, b"2", b"3"]


def test_a_new_value_has_the_new_time(store: CacheStore) -> None:
    store.put("k", b"1", scope="w", ttl_seconds=0.2)
    store.put("k", b"2", scope="w")
    time.sleep(0.25)
    assert store.get("k", scope="w") == b"2"


@pytest.mark.parametrize("scope", ["w", "w%", "w_", "100%/d"])
def test_deleting_a_scope_takes_those_below_it_only(store: CacheStore, scope: str) -> None:
    below = [scope, f"{scope}/d", f"{scope}/d/e"]
    beside = ["wx", "W", "W/d", "x/w", "w1/d", f"x{scope}", f"{scope}x/d"]
    for one in below + beside:
        store.put("k", b"1", scope=one)
    store.delete_scope(scope)
    store.delete_scope("unknown")
    assert [store.get("k", scope=one) for one in below] == [None] * len(below)
    assert [store.get("k", scope=one) for one in beside] == [b"1"] * len(beside)


def test_a_second_object_sees_what_the_first_put(open_store: Open) -> None:
    first, second = open_store(), open_store()
    first.put("k", b"1", scope="w")
    first.close()
    first.close()
    assert second.get("k", scope="w") == b"1"


def test_processes_that_put_at_once_lose_nothing(store: CacheStore, settings: Any, start_child: Child) -> None:
    children = [start_child("fill_cache", settings, scope="w", prefix=prefix, number=40) for prefix in ("a", "b")]
    for number in range(40):
        store.put(f"here{number}", b"here", scope="w")
    for child in children:
        wait_for(child)
    for prefix in ("a", "b", "here"):
        assert [store.get(f"{prefix}{number}", scope="w") for number in range(40)] == [prefix.encode()] * 40


def test_many_are_put_and_found_at_once(store: CacheStore) -> None:
    values = {f"k{number}": f"{number}".encode() * number for number in range(200)}
    store.put_all(values, scope="w/d")
    store.put_all({}, scope="w/d")
    assert store.get_all([*values, "other"], scope="w/d") == values
    assert store.get_all(["k1"], scope="w") == store.get_all([], scope="w/d") == {}
    store.put_all({"k1": b"new", "short": b"1"}, scope="w/d", ttl_seconds=0.3)
    assert store.get_all(["k1", "k2", "short"], scope="w/d") == {"k1": b"new", "k2": b"22", "short": b"1"}
    time.sleep(0.35)
    assert store.get_all(["k1", "k2", "short"], scope="w/d") == {"k2": b"22"}
    store.delete_scope("w/d")
    assert store.get_all(values, scope="w/d") == {}
