"""A connection to Neo4j: one transaction at a time, done again where that is safe, its errors in our words."""

import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from random import uniform
from threading import RLock
from typing import Any, TypeVar
from urllib.parse import urlsplit

from neo4j import (
    READ_ACCESS,
    WRITE_ACCESS,
    Driver,
    GraphDatabase,
    NotificationMinimumSeverity,
    Transaction,
    TrustCustomCAs,
    TrustSystemCAs,
)
from neo4j import exceptions as neo4j_errors

from app.errors import BackendUnavailableError, ConfigurationError, DafeError
from backends.graph.settings import Neo4jGraphSettings

_READ_RETRY_SECONDS = 5.0
_FIRST_DELAY_SECONDS, _LONGEST_DELAY_SECONDS = 0.05, 5.0
_IDLE_SECONDS = 30.0
"""A connection that was not used for so long is tried before it is used: a firewall may have dropped it."""
_GRACE_SECONDS = 5.0
_FETCHED_TOGETHER = 10_000
_AWAY = "The Neo4j server did not answer: check that it runs at the url of the graph settings, and try again."
_UNTRUSTED = (
    "The certificate of the Neo4j server is not trusted or was made for another name: check url and ca_bundle of the"
    " graph settings."
)
_SLOW = "The Neo4j server took longer than timeout_seconds of the graph settings: try again later, or raise it."
_REFUSED = "The Neo4j server refused what was asked: see its log, and try again."
_REFUSALS: Sequence[tuple[str, type[DafeError], str]] = (
    (
        "Neo.ClientError.Security.",
        ConfigurationError,
        "The Neo4j server refused the user or the password: check the graph settings.",
    ),
    (
        "Neo.ClientError.Database.",
        ConfigurationError,
        "The Neo4j server has no such database: check the graph settings.",
    ),
    ("Neo.ClientError.Transaction.TransactionTimedOut", BackendUnavailableError, _SLOW),
    ("Neo.ClientError.", BackendUnavailableError, _REFUSED),
    ("Neo.DatabaseError.", BackendUnavailableError, _REFUSED),
)
"""By the beginning of the server's code, the first that fits."""
_MET_OTHERS = {
    "Neo.ClientError.Statement.EntityNotFound",
    "Neo.ClientError.Schema.EquivalentSchemaRuleAlreadyExists",
}
_T = TypeVar("_T")


class OvertakenError(Exception):
    """Raised by work whose own writing was removed by somebody else before its transaction ended: it is done again."""


_Failure = (neo4j_errors.DriverError, neo4j_errors.Neo4jError, OvertakenError)


class Neo4jConnection:
    """Threads may share it. It connects with the first transaction, which does not wait for a server that is away."""

    def __init__(
        self, settings: Neo4jGraphSettings, *, on_connect: Callable[["Neo4jConnection"], None] = lambda _one: None
    ) -> None:
        """`on_connect` runs before the first transaction of others; it may read and write."""
        self._settings = settings
        self._on_connect = on_connect
        self._lock = RLock()
        self._driver: Driver | None = None
        self._bookmarks = GraphDatabase.bookmark_manager()

    def read(self, work: Callable[[Transaction], _T]) -> _T:
        """`work` in a transaction in which the server refuses to write; its results are read within."""
        return self._run(work, READ_ACCESS, min(_READ_RETRY_SECONDS, self._settings.retry_seconds))

    def write(self, work: Callable[[Transaction], _T]) -> _T:
        """`work` must be idempotent: where it is unknown whether it was committed, it is done again."""
        return self._run(work, WRITE_ACCESS, self._settings.retry_seconds)

    def close(self) -> None:
        with self._lock:
            driver, self._driver = self._driver, None
        if driver is not None:
            driver.close()

    def _run(self, work: Callable[[Transaction], _T], mode: str, retry_seconds: float) -> _T:
        driver = self._connected()
        until = time.monotonic() + retry_seconds
        delay = _FIRST_DELAY_SECONDS
        while True:
            try:
                return self._transact(driver, work, mode)
            except _Failure as error:
                if not _may_repeat(error) or time.monotonic() + delay > until:
                    raise translated(error) from error
            time.sleep(uniform(0.5, 1.0) * delay)  # noqa: S311 -- no secret depends on it
            delay = min(2 * delay, _LONGEST_DELAY_SECONDS)

    def _transact(self, driver: Driver, work: Callable[[Transaction], _T], mode: str) -> _T:
        session = driver.session(
            database=self._settings.database,
            default_access_mode=mode,
            bookmark_manager=self._bookmarks,
            fetch_size=_FETCHED_TOGETHER,
        )
        seconds = self._settings.timeout_seconds
        with session, session.begin_transaction(timeout=seconds) as transaction:
            with _deadline(transaction, seconds + _GRACE_SECONDS):
                result = work(transaction)
                transaction.commit()
            return result

    def _connected(self) -> Driver:
        with self._lock:
            if self._driver is None:
                self._driver = _connect(self._settings)
                try:
                    self._on_connect(self)
                except BaseException:
                    self.close()
                    raise
            return self._driver


def _connect(settings: Neo4jGraphSettings) -> Driver:
    driver = None
    try:
        driver = GraphDatabase.driver(**_driver_options(settings))
        _limit_silence(driver, settings.timeout_seconds + _GRACE_SECONDS)
        driver.verify_connectivity()
    except (*_Failure, OSError) as error:
        if driver is not None:
            driver.close()
        raise translated(error) from error
    return driver


def _limit_silence(driver: Driver, seconds: float) -> None:
    """The driver has no setting for it, and waits for the two minutes that the server proposes."""
    pool = driver._pool
    open_connection = pool.opener

    def open_limited(*arguments: Any, **options: Any) -> Any:
        connection = open_connection(*arguments, **options)
        connection.socket.set_read_timeout(seconds)
        return connection

    pool.opener = open_limited


@contextmanager
def _deadline(transaction: Transaction, seconds: float) -> Iterator[None]:
    """Also for a server that goes on answering, but hardly: the end that it promises itself comes before."""
    socket = transaction._connection.socket
    socket.set_read_deadline(seconds)
    try:
        yield
    finally:
        socket.set_read_deadline(None)


def _driver_options(settings: Neo4jGraphSettings) -> dict[str, Any]:
    address = urlsplit(settings.url)
    scheme, _, encrypted = address.scheme.partition("+")
    options: dict[str, Any] = {}
    if encrypted:
        trusted = TrustSystemCAs() if settings.ca_bundle is None else TrustCustomCAs(str(settings.ca_bundle))
        options = {"encrypted": True, "trusted_certificates": trusted}
    return {
        "uri": f"{scheme}://{address.netloc}",
        "auth": (settings.user, settings.password.get_secret_value()),
        "connection_timeout": settings.connect_seconds,
        "connection_acquisition_timeout": 2 * settings.connect_seconds,
        "connection_write_timeout": settings.timeout_seconds,
        "liveness_check_timeout": _IDLE_SECONDS,
        "notifications_min_severity": NotificationMinimumSeverity.OFF,
        "telemetry_disabled": True,
        "keep_alive": True,
        **options,
    }


def _may_repeat(error: Exception) -> bool:
    """The driver's own list, and what idempotent work may meet beside others that do the same: it is unknown whether
    the commit arrived, or a node was removed or connected, or an index made, meanwhile."""
    if isinstance(error, neo4j_errors.IncompleteCommit | neo4j_errors.ConstraintError | OvertakenError):
        return True
    if isinstance(error, neo4j_errors.Neo4jError) and error.code in _MET_OTHERS:
        return True
    if not isinstance(error, neo4j_errors.DriverError | neo4j_errors.Neo4jError):
        return False
    return error.is_retryable() and not _is_untrusted(error)


def _is_untrusted(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False


def translated(error: Exception) -> DafeError:
    """The server's own words may quote what is stored: only its code is kept."""
    if _is_untrusted(error):
        return ConfigurationError(_UNTRUSTED)
    if isinstance(error, OSError):
        return ConfigurationError("The ca_bundle of the graph settings cannot be read: correct its path.")
    if isinstance(error, neo4j_errors.ConfigurationError):
        return ConfigurationError("The Neo4j server cannot be reached with these graph settings: check them.")
    code = (error.code or "") if isinstance(error, neo4j_errors.Neo4jError) else ""
    for beginning, kind, sentence in _REFUSALS:
        if code.startswith(beginning):
            return kind(sentence, code=code)
    return BackendUnavailableError(_AWAY)
