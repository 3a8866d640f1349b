"""The REST application, mounted at /api/v1."""

from fastapi import FastAPI

from app.api import audit, documents, exports, graph, health, jobs, questions, tokens, users, workspaces
from app.api.bodies import BodyLimit
from app.api.errors import PROBLEMS, add_error_handlers
from app.api.measuring import MeasuresRequests, rest_route
from app.container import Services
from app.security.tokens import AccessTokens

_ROUTERS = (tokens, workspaces, documents, questions, graph, exports, jobs, users, audit, health)


def create_api(services: Services) -> FastAPI:
    """Every route but `POST /tokens` wants a bearer token; the OpenAPI document is at /openapi.json."""
    api = FastAPI(
        title="Dafe Graphs", version="1", docs_url=None, redoc_url=None, openapi_url="/openapi.json", responses=PROBLEMS
    )
    api.state.services = services
    api.state.tokens = access = AccessTokens(services.keys.tokens)
    file_bytes = services.settings.upload_mb * 1_000_000
    api.add_middleware(BodyLimit, session_of=access.session_of, file_bytes=file_bytes)
    api.add_middleware(MeasuresRequests, route_of=rest_route)
    for module in _ROUTERS:
        api.include_router(module.router)
    add_error_handlers(api)
    return api
