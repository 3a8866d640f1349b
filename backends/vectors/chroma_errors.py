"""What went wrong at a Chroma server, or at the proxy before it, in our errors."""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import httpx
from chromadb.errors import ChromaError, InvalidDimensionException, error_types
from chromadb.errors import NotFoundError as UnknownCollectionError

from app.errors import BackendUnavailableError, ConfigurationError, DafeError, InvalidInputError
from backends.certificates import certificate_error


class GoneError(Exception):
    """The collection is not there any more."""


def refuse_pages(answer: httpx.Response) -> None:
    """A hook of the HTTP client: Chroma's would raise a bare Exception for an error that is not in Chroma's own form,
    such as a page of the proxy."""
    if answer.is_error:
        with suppress(json.JSONDecodeError, UnicodeDecodeError, AttributeError):
            if json.loads(answer.read()).get("error") in error_types:
                return
        answer.raise_for_status()


@contextmanager
def translated(*, again: bool = False) -> Iterator[None]:
    try:
        yield
    except UnknownCollectionError as error:
        if not again:
            raise GoneError from error
        raise BackendUnavailableError("The vectors of this workspace were deleted meanwhile: try again.") from error
    except InvalidDimensionException as error:
        raise InvalidInputError(
            "The Chroma server holds vectors of another width: check the embeddings settings and index again."
        ) from error
    except ChromaError as error:
        raise _refusal(error.code()) from error
    except httpx.HTTPStatusError as error:
        raise _refusal(error.response.status_code) from error
    except (httpx.HTTPError, ValueError, RuntimeError) as error:
        # A refused connection is a ValueError, one that another thread closed a RuntimeError.
        raise certificate_error("Chroma", error, settings="vectors") or _refusal(0) from error


def _refusal(status: int) -> DafeError:
    if status in {401, 403}:
        return ConfigurationError("The Chroma server refused the token: check the vectors settings.")
    return BackendUnavailableError(
        "The Chroma server did not answer as it should: check that it runs at the configured address, and try again."
    )
