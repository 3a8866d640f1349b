"""What went wrong at a Qdrant server, in our errors; nothing of its answers is repeated, they may hold content."""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import httpx
from qdrant_client.common.client_exceptions import QdrantException, ResourceExhaustedResponse
from qdrant_client.http.exceptions import ApiException, ResponseHandlingException, UnexpectedResponse

from app.errors import BackendUnavailableError, ConfigurationError, ConflictError, DafeError
from backends.certificates import certificate_error

_LONGEST_PAUSE_SECONDS = 5.0
_BROKEN = (httpx.NetworkError, httpx.RemoteProtocolError)


class UnknownCollectionError(Exception):
    """The collection is not there, or not any more."""


@contextmanager
def translated() -> Iterator[None]:
    """Raises UnknownCollectionError, which must not leave the adapter, or one of our errors."""
    try:
        yield
    except UnexpectedResponse as error:
        if is_unknown_collection(error):
            raise UnknownCollectionError from error
        raise _refusal(error.status_code or 0) from error
    except ResponseHandlingException as error:
        raise _no_answer(error.source) from error
    except QdrantException as error:
        raise _refusal(429) from error
    except (ApiException, ValueError, AssertionError) as error:
        # The client takes an answer that is no JSON, or has nothing in it, for impossible.
        raise _strange() from error


def seconds_before_again(error: Exception) -> float | None:
    """None when asking again at once would not help: every call of the adapter may be done twice."""
    if isinstance(error, ResourceExhaustedResponse):
        return error.retry_after_s if error.retry_after_s <= _LONGEST_PAUSE_SECONDS else None
    source = error.source if isinstance(error, ResponseHandlingException) else None
    if not isinstance(source, _BROKEN) or certificate_error("Qdrant", source, settings="vectors"):
        return None
    return 0.0


def is_unknown_collection(error: UnexpectedResponse) -> bool:
    """A proxy's or another program's 404 is not one."""
    if error.status_code != 404:
        return False
    with suppress(json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError):
        return "Collection" in error.structured()["status"]["error"]
    return False


def _refusal(status: int) -> DafeError:
    if status in {401, 403}:
        return ConfigurationError("The Qdrant server refused the api_key: check the vectors settings.")
    if status in {400, 413, 422}:
        return ConfigurationError(
            f"The Qdrant server refused a request (HTTP {status}): check that it is version 1.10 or later, and the"
            " limits in its configuration."
        )
    if status == 404:
        return ConfigurationError("There is no Qdrant server at the configured address: check the vectors settings.")
    if status == 409:
        return ConflictError("The Qdrant server has this already, or is changing it: try again.")
    if status == 429:
        return BackendUnavailableError(
            "The Qdrant server has more to do than its limits allow: try again in a minute, or raise its rate limits."
        )
    return _strange()


def _no_answer(source: Exception) -> DafeError:
    if isinstance(source, httpx.TimeoutException):
        return BackendUnavailableError(
            "The Qdrant server did not answer in time: check its load, or raise timeout_seconds in its settings."
        )
    return certificate_error("Qdrant", source, settings="vectors") or _strange()


def _strange() -> BackendUnavailableError:
    return BackendUnavailableError(
        "The Qdrant server did not answer as it should: check that it runs at the configured address, and try again."
    )
