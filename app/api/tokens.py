"""Routes: access tokens."""

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field, SecretStr

from app.api.auth import CurrentActor, CurrentServices, CurrentTokens
from app.security.tokens import LIFETIME_SECONDS

router = APIRouter(prefix="/tokens", tags=["tokens"])


class SignIn(BaseModel):
    username: str = Field(max_length=200)
    password: SecretStr = Field(max_length=1_000)


class Token(BaseModel):
    access_token: str
    token_type: str = "bearer"  # noqa: S105
    expires_in: int = LIFETIME_SECONDS


@router.post("", status_code=201)
async def add_token(sign_in: SignIn, request: Request, services: CurrentServices, tokens: CurrentTokens) -> Token:
    """Open a session and get its first token."""
    signed_in = await services.sign_ins.sign_in(
        username=sign_in.username,
        password=sign_in.password.get_secret_value(),
        address=request.client.host if request.client else "",
        agent=request.headers.get("user-agent", ""),
    )
    return Token(access_token=tokens.issue(session_id=signed_in.session.id, user_id=signed_in.user.id))


@router.post("/renew", status_code=201)
def renew_token(actor: CurrentActor, tokens: CurrentTokens) -> Token:
    """Another token for the same session, while the present one is valid."""
    return Token(access_token=tokens.issue(session_id=str(actor.session_id), user_id=actor.user_id))


@router.delete("/current", status_code=204)
def end_session(actor: CurrentActor, services: CurrentServices) -> None:
    """End the session: every token of it stops working at once."""
    services.sessions.revoke(actor, session_id=str(actor.session_id))
