"""The cache in a real Redis server: what it stores, forgets and does without its server."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.domain.ids import JobId
from app.errors import BackendUnavailableError
from backends.cache.redis import RedisCacheStore
from backends.cache.settings import RedisCacheSettings
from backends.queue.redis import RedisJobQueue
from backends.queue.settings import RedisQueueSettings
from tests.servers.drip import proxy_to
from tests.servers.real_redis import RealRedis

pytestmark = pytest.mark.server
KEY = bytes(range(32))
PAUSE_SECONDS = 0.5
"""After it a server that was away is asked again: shorter than in truth."""
Open = Callable[..., RedisCacheStore]


@pytest.fixture(autouse=True)
def _short_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backends.cache.redis._PAUSE_SECONDS", PAUSE_SECONDS)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RealRedis]:
    server = RealRedis(tmp_path / "redis")
    server.start()
    yield server
    server.kill()


@pytest.fixture
def values(server: RealRedis) -> dict[str, Any]:
    return server.values()


@pytest.fixture
def open_cache(values: dict[str, Any]) -> Iterator[Open]:
    opened: list[RedisCacheStore] = []

    def open_one(*, key: bytes = KEY, **more: Any) -> RedisCacheStore:
        opened.append(RedisCacheStore(RedisCacheSettings(**values | more), key=key))
        return opened[-1]

    yield open_one
    for cache in opened:
        cache.close()


def test_nothing_that_was_put_can_be_read_in_the_server(
    server: RealRedis, open_cache: Open, values: dict[str, Any]
) -> None:
    cache = open_cache()
    for number in range(20):
        cache.put(f"Rosalind Fennimore {number}", b"takes Metoprolol" * number, scope="Cardiology/Letter of March")
    stored = server.dump(values["prefix"])
    assert len(stored) > 5_000
    for planted in (b"Rosalind", b"Fennimore", b"Metoprolol", b"Cardiology", b"Letter", b"March"):
        assert planted not in stored
    assert cache.get("Rosalind Fennimore 3", scope="Cardiology/Letter of March") == b"takes Metoprolol" * 3


def test_a_value_that_was_changed_moved_or_is_anothers_is_missed(
    server: RealRedis, open_cache: Open, values: dict[str, Any]
) -> None:
    cache = open_cache()
    cache.put("a", b"of a", scope="w")
    with server.admin() as admin:
        (a,) = (key for key in admin.scan_iter(f"{values['prefix']}*") if admin.type(key) == b"string")
        cache.put("b", b"of b", scope="w")
        (b,) = (key for key in admin.scan_iter(f"{values['prefix']}*") if admin.type(key) == b"string" and key != a)
        sealed = admin.get(a)
        assert isinstance(sealed, bytes)
        for bad in (admin.get(b), sealed[:-1] + bytes([sealed[-1] ^ 1]), sealed[:20], b"", os.urandom(100)):
            admin.set(a, bad)
            assert cache.get("a", scope="w") is None
        admin.set(a, sealed)
    assert cache.get("a", scope="w") == b"of a"
    assert open_cache(key=bytes(32)).get("a", scope="w") is None


def test_a_server_that_is_away_is_a_miss_said_once_and_asked_again_later(
    server: RealRedis, open_cache: Open, caplog: pytest.LogCaptureFixture
) -> None:
    cache = open_cache()
    cache.put("k", b"1", scope="w")
    server.kill()
    for _ in range(3):
        assert cache.get("k", scope="w") is None
        time.sleep(PAUSE_SECONDS)
        cache.put("k", b"2", scope="w")
    assert len(caplog.records) == 1
    with pytest.raises(BackendUnavailableError, match="does not answer"):
        cache.delete_scope("w")
    server.start()
    time.sleep(PAUSE_SECONDS)
    assert cache.get("k", scope="w") == b"1"
    server.kill()
    assert cache.get("k", scope="w") is None
    assert len(caplog.records) == 2


def test_a_server_that_says_nothing_delays_one_question_once(server: RealRedis, open_cache: Open) -> None:
    with proxy_to(server.port) as proxy:
        cache = open_cache(url=f"rediss://127.0.0.1:{proxy.port}", timeout_seconds=1.0)
        cache.put("k", b"1" * 100_000, scope="w")
        proxy.is_silent = True
        start = time.monotonic()
        assert [cache.get("k", scope="w") for _ in range(500)] == [None] * 500
        assert time.monotonic() - start < 2
        proxy.is_silent = False
        time.sleep(PAUSE_SECONDS)
        assert cache.get("k", scope="w") == b"1" * 100_000


@pytest.mark.parametrize("wrong", [{"password": "wrong"}, {"prefix": "other:"}, {"ca_bundle": None}])
def test_a_server_that_refuses_us_is_a_miss(open_cache: Open, wrong: dict[str, Any]) -> None:
    cache = open_cache(**wrong)
    cache.put("k", b"1", scope="w")
    assert cache.get("k", scope="w") is None
    with pytest.raises(BackendUnavailableError):
        cache.delete_scope("w")


def test_deleting_a_scope_leaves_nothing_of_it(server: RealRedis, open_cache: Open, values: dict[str, Any]) -> None:
    cache = open_cache()
    for number in range(1_200):
        cache.put(f"k{number}", b"1", scope=f"w/d{number % 3}/e")
    cache.put("k", b"1", scope="v")
    cache.delete_scope("w/d1")
    assert cache.get("k1", scope="w/d1/e") is None
    assert cache.get("k2", scope="w/d2/e") == b"1"
    cache.delete_scope("w")
    with server.admin() as admin:
        assert sorted(indexes(admin, values["prefix"]).values()) == [1, 8]
        assert len(list(admin.scan_iter(f"{values['prefix']}*"))) == 3
    cache.delete_scope("v")
    with server.admin() as admin:
        assert list(indexes(admin, values["prefix"]).values()) == [8]
        assert len(list(admin.scan_iter(f"{values['prefix']}*"))) == 1


def indexes(admin: Any, prefix: str) -> dict[bytes, int]:
    """How many names each sorted set holds; the list of indexes is one of them."""
    keys = [key for key in admin.scan_iter(f"{prefix}*") if admin.type(key) == b"zset"]
    return {key: admin.zcard(key) for key in keys}


def test_what_was_put_outlives_a_killed_server(server: RealRedis, open_cache: Open) -> None:
    cache = open_cache()
    cache.put("k", b"1", scope="w/d")
    server.kill()
    server.start()
    assert cache.get("k", scope="w/d") == b"1"
    cache.delete_scope("w")
    assert cache.get("k", scope="w/d") is None


def test_a_full_server_gives_up_cached_values_and_no_job_and_no_index(
    server: RealRedis, open_cache: Open, values: dict[str, Any], tmp_path: Path
) -> None:
    queue = RedisJobQueue(RedisQueueSettings(**values), data_dir=tmp_path)
    jobs = {JobId(f"job{number}") for number in range(100)}
    for job in jobs:
        queue.put(job)
    cache = open_cache()
    with server.admin() as admin:
        used = int(admin.info("memory")["used_memory"])
        admin.config_set("maxmemory", str(used + 5_000_000))
    for number in range(200):
        cache.put(f"k{number}", os.urandom(100_000), scope="w/d")
    kept = [number for number in range(200) if cache.get(f"k{number}", scope="w/d") is not None]
    assert 5 < len(kept) < 100
    assert 199 in kept
    assert queue.find() == jobs
    queue.close()
    cache.delete_scope("w")
    with server.admin() as admin:
        left = [key for key in admin.scan_iter(f"{values['prefix']}*") if b"jobs:" not in key]
        assert left == [cache._indexes]


def test_what_is_put_without_a_time_goes_after_the_longest_one(
    server: RealRedis, open_cache: Open, values: dict[str, Any]
) -> None:
    cache = open_cache(longest_days=2.0)
    cache.put("k", b"1", scope="w")
    with server.admin() as admin:
        (entry,) = (key for key in admin.scan_iter(f"{values['prefix']}*") if admin.type(key) == b"string")
        assert 2 * 86_400 - 60 < admin.ttl(entry) <= 2 * 86_400
        assert [admin.ttl(index) for index in indexes(admin, values["prefix"])] == [-1, -1]


def test_an_index_forgets_what_is_over(
    server: RealRedis, open_cache: Open, values: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = open_cache()
    for number in range(10):
        cache.put(f"k{number}", b"1", scope="w", ttl_seconds=1.0)
    later = time.time() + 2 * 86_400
    monkeypatch.setattr(time, "time", lambda: later)
    cache.put("k", b"1", scope="w")
    with server.admin() as admin:
        assert list(indexes(admin, values["prefix"]).values()) == [1, 1]


def test_indexes_in_which_nothing_is_kept_any_more_go_and_no_others(
    server: RealRedis, open_cache: Open, values: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also those of scopes into which nothing is ever put again, and those that got something meanwhile stay."""
    cache = open_cache()
    for number in range(50):
        cache.put("k", b"1", scope=f"w/{number}", ttl_seconds=1.0)
    with server.admin() as admin:
        assert len(indexes(admin, values["prefix"])) == 52
    cache.put("long", b"1", scope="w/7", ttl_seconds=10 * 86_400)
    cache.put("old", b"1", scope="v", ttl_seconds=1.0)
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + 2 * 86_400)
    for number in range(5):
        cache.put(f"k{number}", b"1", scope="x", ttl_seconds=5 * 86_400)
    with server.admin() as admin:
        left = indexes(admin, values["prefix"])
    assert set(left) == {cache._indexes, *map(cache._index, ("w", "w/7", "x"))}
    assert left[cache._indexes] == 3
    cache.delete_scope("w")
    assert cache.get("long", scope="w/7") is None


def test_an_index_that_is_being_emptied_keeps_what_is_put_meanwhile(
    open_cache: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweeping, putting = open_cache(), open_cache()
    sweeping.put("old", b"1", scope="w", ttl_seconds=1.0)
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + 2 * 86_400)
    found = sweeping._client.zrangebyscore

    def find_and_be_overtaken(*arguments: Any, **options: Any) -> Any:
        due = found(*arguments, **options)
        putting.put("new", b"2", scope="w", ttl_seconds=3_600.0)
        return due

    monkeypatch.setattr(sweeping._client, "zrangebyscore", find_and_be_overtaken)
    sweeping.put("k", b"1", scope="x", ttl_seconds=60.0)
    assert putting.get("new", scope="w") == b"2"
    putting.delete_scope("w")
    assert putting.get("new", scope="w") is None
