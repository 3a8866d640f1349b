"""Clients of a Redis server: TLS 1.3, one user, a limit on the time of each answer, and the translation of errors."""

import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.connection import Connection, SSLConnection
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)
from redis.exceptions import TimeoutError as NoAnswerError
from redis.retry import Retry

from app.errors import BackendUnavailableError, ConfigurationError
from backends.redis.settings import RedisSettings


class _UnsafePolicyError(RedisError):
    pass


_SENTENCES: tuple[tuple[type[RedisError], str], ...] = (
    (_UnsafePolicyError, "would give up queued jobs when it is full: set its maxmemory-policy to volatile-lru."),
    (AuthenticationError, "refused the user or the password: correct them in the settings, or in its ACL."),
    (NoPermissionError, "does not let this user do that: give it the commands and keys of the documented ACL line."),
    (BusyLoadingError, "is still loading its data: it answers in a moment."),
    (OutOfMemoryError, "is full: raise its maxmemory."),
    (ReadOnlyError, "is a replica that takes no changes: give the address of the primary."),
    (ResponseError, "refused a command: see its log for whether it is older than 7.0 or cannot write to its disk."),
    (NoAnswerError, "did not answer in time: check its load and the network."),
    (RedisError, "does not answer: check that it runs and can be reached, with TLS 1.3 where the address is rediss."),
)
"""The first that fits an error is said."""


def open_client(settings: RedisSettings) -> redis.Redis:
    """Connects with its first command. Every command may be sent twice: once more when the connection had broken.

    Raises ConfigurationError when `ca_bundle` cannot be read.
    """
    host, port = settings.place
    given: dict[str, Any] = {
        "host": host,
        "port": port,
        "socket_timeout": settings.timeout_seconds,
        "socket_connect_timeout": settings.timeout_seconds,
        "retry": Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)),
        "protocol": 2,
        "driver_info": None,
    }
    if password := settings.password.get_secret_value():
        given |= {"username": settings.user, "password": password}
    if settings.encrypted:
        given |= {"connection_class": _EncryptedConnection, "context": _certificates(settings)}
    else:
        given |= {"connection_class": _PlainConnection}
    return redis.Redis.from_pool(redis.ConnectionPool(**given))


@contextmanager
def translated(settings: RedisSettings) -> Iterator[None]:
    """Let no exception of the client out: each becomes a BackendUnavailableError."""
    try:
        yield
    except RedisError as error:
        place = "Redis at {}:{}".format(*settings.place)
        certificate = _certificate_problem(error)
        if certificate:
            sentence = f"The certificate of {place} is not accepted ({certificate}): renew it, or set ca_bundle."
        else:
            sentence = f"{place} {next(text for kind, text in _SENTENCES if isinstance(error, kind))}"
        raise BackendUnavailableError(sentence) from error


def _certificate_problem(error: BaseException | None) -> str | None:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return str(error.verify_message).rstrip(".")
        error = error.__cause__ or error.__context__
    return None


def _certificates(settings: RedisSettings) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=settings.ca_bundle)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError("The certificates of Redis (ca_bundle) cannot be read: give a PEM file.") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context


class _TimedSocket:
    """Gives up when an answer is not there in time as a whole: a socket's own limit begins anew with every byte."""

    def __init__(self, connected: socket.socket, *, seconds: float) -> None:
        self._socket = connected
        self._seconds = seconds
        self._until = 0.0

    def sendall(self, data: bytes) -> None:
        self._until = time.monotonic() + self._seconds
        self._socket.settimeout(self._seconds)
        self._socket.sendall(data)

    def recv(self, size: int) -> bytes:
        self._limit()
        return self._socket.recv(size)

    def recv_into(self, buffer: Any) -> int:
        self._limit()
        return self._socket.recv_into(buffer)

    def _limit(self) -> None:
        if self._socket.gettimeout() == 0:  # Only a look whether something is there.
            return
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._socket.settimeout(left)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)


class _PlainConnection(Connection):
    def _connect(self) -> Any:
        connected = super()._connect()  # type: ignore[no-untyped-call]
        return _TimedSocket(connected, seconds=self.socket_timeout or 0.0)

    def on_connect_check_health(self, check_health: bool = True) -> None:
        super().on_connect_check_health(check_health=check_health)
        self.send_command("INFO", "memory", check_health=False)  # type: ignore[no-untyped-call]
        if b"maxmemory_policy:allkeys" in bytes(self.read_response()):
            raise _UnsafePolicyError


class _EncryptedConnection(_PlainConnection, SSLConnection):
    def __init__(self, *, context: ssl.SSLContext, **given: Any) -> None:
        super().__init__(**given)
        self._context = context

    def _wrap_socket_with_ssl(self, sock: socket.socket) -> ssl.SSLSocket:
        # The client's own trusts the system's certificates too, and reads them for each connection.
        return self._context.wrap_socket(sock, server_hostname=self.host)
