"""Who calls: the bearer token, its session, and the actor with rights as they are now."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from fastapi.security.utils import get_authorization_scheme_param

from app.container import Services
from app.domain.access import Actor
from app.errors import ForbiddenError, NotSignedInError
from app.security.tokens import AccessTokens

_scheme = HTTPBearer(auto_error=False, description="From POST /tokens.")


def services_of(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


def tokens_of(request: Request) -> AccessTokens:
    tokens: AccessTokens = request.app.state.tokens
    return tokens


def bearer_token(headers: Mapping[str, str]) -> str:
    """Empty when there is none."""
    scheme, token = get_authorization_scheme_param(headers.get("authorization"))
    return token if scheme.lower() == "bearer" else ""


def actor_of(request: Request, _documented: Annotated[HTTPAuthorizationCredentials | None, Depends(_scheme)]) -> Actor:
    """Raises NotSignedInError, and ForbiddenError while a generated password waits to be changed."""
    token = bearer_token(request.headers)
    if not token:
        raise NotSignedInError("Send a bearer token: get one from POST /api/v1/tokens.")
    services = services_of(request)
    session_id = tokens_of(request).session_of(token)
    address = request.client.host if request.client else ""
    actor = services.sessions.actor_for_session(session_id, address=address, channel="rest", active=True)
    if services.sessions.must_change_password(actor):
        raise ForbiddenError("Change the generated password in the browser first.")
    return actor


CurrentActor = Annotated[Actor, Depends(actor_of)]
CurrentServices = Annotated[Services, Depends(services_of)]
CurrentTokens = Annotated[AccessTokens, Depends(tokens_of)]
