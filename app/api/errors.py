"""Errors as problem details (RFC 9457), each kind mapped once."""

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from app.errors import (
    BackendUnavailableError,
    CancelledError,
    ConfigurationError,
    ConflictError,
    DafeError,
    ForbiddenError,
    IntegrityError,
    InvalidInputError,
    MissingDependencyError,
    ModelOutputError,
    NotFoundError,
    NotSignedInError,
)
from app.logs import UNEXPECTED, get_logger

_STATUS: dict[type[DafeError], int] = {
    NotSignedInError: 401,
    ForbiddenError: 403,
    NotFoundError: 404,
    ConflictError: 409,
    CancelledError: 409,
    InvalidInputError: 422,
    ModelOutputError: 502,
    BackendUnavailableError: 503,
    MissingDependencyError: 503,
    ConfigurationError: 500,
    IntegrityError: 500,
}
_log = get_logger("api")
_PROBLEM = {
    "description": "A problem (RFC 9457): `detail` is a sentence for people.",
    "content": {
        "application/problem+json": {
            "schema": {
                "type": "object",
                "required": ["type", "status", "detail"],
                "properties": {
                    "type": {"type": "string"},
                    "status": {"type": "integer"},
                    "detail": {"type": "string"},
                    "reference": {"type": "string", "description": "Finds the line in the log of the server."},
                },
            }
        }
    },
}
_SENTENCES = {
    400: "The request cannot be read: check how it is written and send it again.",
    404: "There is nothing at this address.",
    405: "This address does not take this method.",
}
"""In place of what the frameworks say."""
PROBLEMS: dict[int | str, dict[str, Any]] = {"4XX": _PROBLEM, "5XX": _PROBLEM}
"""How every route describes its errors."""


def problem(status: int, detail: str, **more: str) -> JSONResponse:
    headers = {"www-authenticate": "Bearer"} if status == 401 else None
    content = {"type": "about:blank", "status": status, "detail": detail, **more}
    return JSONResponse(content, status, headers, media_type="application/problem+json")


def _action(request: Request) -> str:
    """The route as it is declared, without what stands in its place."""
    return f"{request.method} {getattr(request.scope.get('route'), 'path', '')}"


def add_error_handlers(api: FastAPI) -> None:
    """What was expected shows its sentence; anything that we failed at, a reference that finds the line in the log."""

    async def expected(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, DafeError)
        status = _STATUS.get(type(error), 500)
        if status < 500:
            return problem(status, error.message)
        return problem(status, error.message, reference=_log.failed(_action(request), error))

    async def invalid(_request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        return problem(422, f"The request cannot be used: {place}: {first['msg']}.")

    async def http(_request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        return problem(error.status_code, _SENTENCES.get(error.status_code, str(error.detail)))

    async def unexpected(request: Request, error: Exception) -> JSONResponse:
        reference = _log.unexpected(_action(request), error)
        return problem(500, UNEXPECTED.format(reference), reference=reference)

    api.add_exception_handler(DafeError, expected)
    api.add_exception_handler(RequestValidationError, invalid)
    api.add_exception_handler(HTTPException, http)
    api.add_exception_handler(Exception, unexpected)
