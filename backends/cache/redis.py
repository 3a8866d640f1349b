"""The cache in Redis: values encrypted here, names that tell nothing, scopes deleted through an index."""

import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Iterator

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


class RedisCacheStore(CacheStore):
    """AES-256-GCM (NIST SP 800-38D) with a random nonce and scope and key as associated data.

    Without its server everything is missed and nothing kept; only `delete_scope` then raises BackendUnavailableError,
    because what is to be deleted would come back. Each scope has an index, a sorted set of the names of its entries and
    of the scopes below it by the time until which they matter. Indexes have no time to live, so that the server gives
    up entries, not indexes, when it is full.
    """

    def __init__(self, settings: RedisCacheSettings, *, key: bytes, **_ignored: object) -> None:
        self._settings = settings
        self._client = open_client(settings)
        self._cipher = AESGCM(_subkey(key, b"values"))
        self._name_key = _subkey(key, b"names")
        self._away_until = 0.0
        self._said = False

    def get(self, key: str, *, scope: str) -> bytes | None:
        if self._is_away():
            return None
        try:
            with translated(self._settings):
                sealed = self._client.get(self._entry(key, scope))
        except BackendUnavailableError as error:
            self._miss(error)
            return None
        self._said = False
        return self._open(sealed, key, scope) if isinstance(sealed, bytes) else None

    def put(self, key: str, value: bytes, *, scope: str, ttl_seconds: float | None = None) -> None:
        if self._is_away():
            return
        longest_seconds = self._settings.longest_days * _DAY_SECONDS
        seconds = longest_seconds if ttl_seconds is None else min(ttl_seconds, longest_seconds)
        entry, nonce = self._entry(key, scope), secrets.token_bytes(_NONCE_BYTES)
        sealed = nonce + self._cipher.encrypt(nonce, value, _associated(key, scope))
        now = time.time()
        below: list[bytes] = []
        try:
            with translated(self._settings), self._client.pipeline() as changes:
                changes.set(entry, sealed, px=max(1, int(seconds * 1000)))
                for index in map(self._index, _upwards(scope)):
                    # Clocks of several machines differ: what is over is kept for another day.
                    changes.zremrangebyscore(index, "-inf", now - _DAY_SECONDS)
                    changes.zadd(index, {entry: now + seconds})
                    if below:
                        changes.zadd(index, dict.fromkeys(below, now + seconds), gt=True)
                    below.append(index)
                changes.execute()
        except BackendUnavailableError as error:
            self._miss(error)
        else:
            self._said = False

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
