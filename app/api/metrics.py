"""GET /metrics: numbers of the installation for a Prometheus that knows the token."""

import asyncio
import hmac
from collections.abc import Awaitable, Callable

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from app.api.auth import bearer_token
from app.container import OPERATOR, Services

_NOT_SET = "There are no metrics here: set DAFE_METRICS_TOKEN to a long random text, and start again."
_UNKNOWN = "Send the token of DAFE_METRICS_TOKEN as bearer token."


def metrics_endpoint(services: Services) -> Callable[[Request], Awaitable[Response]]:
    """It is no token of a person, and opens nothing else; without the setting nobody reads anything."""

    async def read(request: Request) -> Response:
        wanted = services.settings.metrics_token
        if wanted is None:
            return PlainTextResponse(_NOT_SET, 404)
        given = bearer_token(request.headers).encode()
        if not hmac.compare_digest(given, wanted.get_secret_value().encode()):
            return PlainTextResponse(_UNKNOWN, 401, {"www-authenticate": "Bearer"})
        text = await asyncio.to_thread(services.metrics.read, OPERATOR)
        return Response(text, media_type=CONTENT_TYPE_PLAIN_0_0_4, headers={"cache-control": "no-store"})

    return read
