"""The cache in Redis: values encrypted here, names that tell nothing, scopes deleted through an index."""

import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.errors import BackendUnavailableError
from app.logs import get_logger
from backends.cache.base import CacheStore
from backends.cache.settings import RedisCacheSettings
from backends.redis.connecting import open_client, translated

_log = get_logger("cache")
_NONCE_BYTES = 12
_DAY_SECONDS = 86_400.0
_PAUSE_SECONDS = 5.0
"""For so long a server that did not answer is not asked again for what may be missed."""
_AT_ONCE = 500
_SWEPT_AT_ONCE = 20


class RedisCacheStore(CacheStore):
    """AES-256-GCM (NIST SP 800-38D) with a random nonce and scope and key as associated data.

    Without its server everything is missed and nothing kept; only `delete_scope` then raises BackendUnavailableError,
    because what is to be deleted would come back. Each scope has an index, a sorted set of the names of its entries and
    of the scopes below it by the time until which they matter. Indexes have no time to live, so that the server gives
    up entries, not indexes, when it is full. A list of all indexes by that time lets every `put_all` empty a few of
    those in which nothing matters any more; the server drops an empty one itself.
    """

    def __init__(self, settings: RedisCacheSettings, *, key: bytes, **_ignored: object) -> None:
        self._settings = settings
        self._client = open_client(settings)
        self._cipher = AESGCM(_subkey(key, b"values"))
        self._name_key = _subkey(key, b"names")
        self._indexes = self._name(b"indexes", b"")
        self._away_until = 0.0
        self._said = False

    def get_all(self, keys: Collection[str], *, scope: str) -> dict[str, bytes]:
        if self._is_away() or not keys:
            return {}
        asked = list(keys)
        try:
            with translated(self._settings), self._client.pipeline(transaction=False) as reads:
                for key in asked:
                    reads.get(self._entry(key, scope))
                sealed = reads.execute()
        except BackendUnavailableError as error:
            self._miss(error)
            return {}
        self._said = False
        opened = {
            key: self._open(one, key, scope) for key, one in zip(asked, sealed, strict=True) if isinstance(one, bytes)
        }
        return {key: value for key, value in opened.items() if value is not None}

    def put_all(self, values: Mapping[str, bytes], *, scope: str, ttl_seconds: float | None = None) -> None:
        if self._is_away() or not values:
            return
        longest_seconds = self._settings.longest_days * _DAY_SECONDS
        seconds = longest_seconds if ttl_seconds is None else min(ttl_seconds, longest_seconds)
        entries = {self._entry(key, scope): self._seal(value, key, scope) for key, value in values.items()}
        now = time.time()
        indexes = list(map(self._index, _upwards(scope)))
        try:
            with translated(self._settings), self._client.pipeline() as changes:
                self._sweep(changes, now)
                for entry, sealed in entries.items():
                    changes.set(entry, sealed, px=max(1, int(seconds * 1000)))
                for place, index in enumerate(indexes):
                    # Clocks of several machines differ: what is over is kept for another day.
                    changes.zremrangebyscore(index, "-inf", now - _DAY_SECONDS)
                    changes.zadd(index, dict.fromkeys(entries, now + seconds))
                    if place:
                        changes.zadd(index, dict.fromkeys(indexes[:place], now + seconds), gt=True)
                changes.zadd(self._indexes, dict.fromkeys(indexes, now + seconds), gt=True)
                changes.execute()
        except BackendUnavailableError as error:
            self._miss(error)
        else:
            self._said = False

    def _sweep(self, changes: Any, now: float) -> None:
        """Empty some indexes in which nothing matters any more, in the transaction of `changes`: one into which
        somebody puts something meanwhile keeps that, and its place in the list."""
        found: Any = self._client.zrangebyscore(
            self._indexes, "-inf", now - _DAY_SECONDS, start=0, num=_SWEPT_AT_ONCE, withscores=True
        )
        for index, _ in found:
            changes.zremrangebyscore(index, "-inf", now - _DAY_SECONDS)
        if found:
            # Others may have the last one's time: while there are more than these, it is left for the next time.
            last = found[-1][1] if len(found) < _SWEPT_AT_ONCE else f"({found[-1][1]!r}"
            changes.zremrangebyscore(self._indexes, "-inf", last)

    def delete_scope(self, scope: str) -> None:
        index = self._index(scope)
        with translated(self._settings):
            while names := self._client.zrange(index, 0, _AT_ONCE - 1):
                with self._client.pipeline() as changes:
                    changes.unlink(*names)
                    changes.zrem(index, *names)
                    changes.execute()

    def close(self) -> None:
        self._client.close()

    def _open(self, sealed: bytes, key: str, scope: str) -> bytes | None:
        """None when it was changed, moved to another name, or is of another installation."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], _associated(key, scope))
        except (InvalidTag, ValueError):
            return None

    def _seal(self, value: bytes, key: str, scope: str) -> bytes:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, value, _associated(key, scope))

    def _is_away(self) -> bool:
        return time.monotonic() < self._away_until

    def _miss(self, error: BackendUnavailableError) -> None:
        self._away_until = time.monotonic() + _PAUSE_SECONDS
        if not self._said:
            self._said = True
            _log.failed("use the cache", error)

    def _entry(self, key: str, scope: str) -> bytes:
        return self._name(b"entry", _associated(key, scope))

    def _index(self, scope: str) -> bytes:
        return self._name(b"scope", scope.encode())

    def _name(self, use: bytes, content: bytes) -> bytes:
        hidden = hmac.new(self._name_key, use + b"/" + content, hashlib.sha256).hexdigest()[:32]
        return f"{self._settings.prefix}cache:{hidden}".encode()


def _associated(key: str, scope: str) -> bytes:
    return json.dumps([scope, key]).encode()


def _upwards(scope: str) -> Iterator[str]:
    """The scope itself, then those above it."""
    while True:
        yield scope
        scope, slash, _ = scope.rpartition("/")
        if not slash:
            return


def _subkey(key: bytes, use: bytes) -> bytes:
    return hmac.new(key, b"dafe/cache/" + use, hashlib.sha256).digest()
