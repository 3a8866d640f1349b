"""Sign-in sessions: kept on the server, known to the browser by a secret token."""

import hashlib
import hmac
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from ulid import ULID

from app.domain.access import Actor, SignInSession, User
from app.domain.ids import UserId
from app.errors import ForbiddenError, NotFoundError, NotSignedInError
from app.security.auditor import Auditor
from app.security.passwords import Passwords
from app.services.acting import actor_of
from backends.metadata.base import MetadataStore

_WRONG = "User name or password is not right, or there were too many attempts: wait a quarter of an hour."
_FAILURE_WINDOW_SECONDS = 900.0
_MOST_FAILURES_A_USER = 8
_MOST_FAILURES_AN_ADDRESS = 40
_TOUCH_EVERY = timedelta(seconds=20)


@dataclass(frozen=True, slots=True)
class SessionLimits:
    idle: timedelta = timedelta(minutes=15)
    absolute: timedelta = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """`token` goes into the cookie and is kept nowhere else."""

    token: str
    session: SignInSession
    user: User


class SessionService:
    def __init__(
        self,
        *,
        metadata: MetadataStore,
        passwords: Passwords,
        auditor: Auditor,
        key: bytes,
        limits: SessionLimits,
    ) -> None:
        self._metadata = metadata
        self._passwords = passwords
        self._auditor = auditor
        self._key = key
        self._limits = limits

    def sign_in(self, *, username: str, password: str, address: str, agent: str) -> SignedIn:
        """Raises ForbiddenError with one and the same sentence for an unknown user, a wrong password, a disabled user
        and too many attempts."""
        user = next(iter(self._metadata.users.find(username=username.strip())), None)
        keys = {self._counter("user", username.strip().casefold()): _MOST_FAILURES_A_USER}
        keys[self._counter("address", address)] = _MOST_FAILURES_AN_ADDRESS
        actor = Actor(user.id if user else UserId("unknown"), "", channel="web", address=address)
        with self._auditor.change(actor, "sessions.sign_in"):
            stored = self._metadata.users.get_password_hash(user.id) if user else None
            fits = self._passwords.verify(password, stored)
            now = datetime.now(UTC)
            locked = [  # counted after the check, so that many tries at once are no more than as many one by one
                self._metadata.users.count_failures(key, at=now, window_seconds=_FAILURE_WINDOW_SECONDS) >= most
                for key, most in keys.items()
            ]
            if any(locked) or not fits or user is None or user.disabled:
                for key in keys:
                    self._metadata.users.add_failure(key, at=now, window_seconds=_FAILURE_WINDOW_SECONDS)
                raise ForbiddenError(_WRONG)
            self._metadata.users.count_failures(
                next(iter(keys)), at=now, window_seconds=_FAILURE_WINDOW_SECONDS, clear=True
            )
            return self._open(user, now, address, agent)

    def _open(self, user: User, now: datetime, address: str, agent: str) -> SignedIn:
        token = secrets.token_urlsafe(32)
        session = SignInSession(
            id=str(ULID()),
            user_id=user.id,
            created_at=now,
            last_active_at=now,
            expires_at=now + self._limits.absolute,
            address=address,
            agent=agent[:200],
        )
        self._metadata.sessions.delete_expired(before=now - timedelta(days=30))
        self._metadata.sessions.add(session, token_sha256=_sha256(token))
        self._metadata.users.update(replace(user, last_sign_in_at=now))
        return SignedIn(token, session, user)

    def actor_for(self, token: str, *, address: str, channel: str = "web", active: bool = True) -> Actor:
        """Who the token belongs to, with rights as they are now. `active` False does not prolong the session.

        Raises NotSignedInError.
        """
        session = self._session_of(token)
        if session is None:
            raise NotSignedInError("Sign in first.")
        return self._actor(session, address=address, channel=channel, active=active)

    def actor_for_session(
        self, session_id: str, *, address: str = "", channel: str = "web", active: bool = False
    ) -> Actor:
        """The same check by the session's id, for a page that the gate let in or a token that names it."""
        for session in self._metadata.sessions.find(session_id=session_id):
            return self._actor(session, address=address, channel=channel, active=active)
        raise NotSignedInError("Sign in first.")

    def find_ended(self, tokens: Collection[str]) -> set[str]:
        """Those whose session is over, looked up all at once; prolongs none."""
        now = datetime.now(UTC)
        hashes = {token: _sha256(token) for token in tokens}
        found = self._metadata.sessions.find_by_tokens(hashes.values())
        people = self._metadata.users.find(user_ids={one.user_id for one in found.values()})
        may_sign_in = {one.id for one in people if not one.disabled}
        lasting = {key for key, one in found.items() if one.user_id in may_sign_in and not self._is_over(one, now)}
        return {token for token, key in hashes.items() if key not in lasting}

    def _session_of(self, token: str) -> SignInSession | None:
        key = _sha256(token)
        return self._metadata.sessions.find_by_tokens([key]).get(key) if token else None

    def _is_over(self, session: SignInSession, now: datetime) -> bool:
        idle = now - session.last_active_at > self._limits.idle
        return session.revoked_at is not None or now >= session.expires_at or idle

    def _actor(self, session: SignInSession, *, address: str, channel: str, active: bool) -> Actor:
        now = datetime.now(UTC)
        if self._is_over(session, now):
            raise NotSignedInError("Your session ended: sign in again.")
        try:
            user = self._metadata.users.get(session.user_id)
        except NotFoundError:
            raise NotSignedInError("Your session ended: sign in again.") from None
        if user.disabled:
            raise NotSignedInError("Your session ended: sign in again.")
        if active and now - session.last_active_at > _TOUCH_EVERY:
            self._metadata.sessions.touch(session.id, at=now)
        return self.actor_of(user, session_id=session.id, address=address, channel=channel)

    def actor_of(self, user: User, *, session_id: str | None, address: str, channel: str) -> Actor:
        """The user with the memberships of this moment."""
        return actor_of(self._metadata, user, session_id=session_id, address=address, channel=channel)

    def must_change_password(self, actor: Actor) -> bool:
        return self._metadata.users.get(actor.user_id).must_change_password

    def sign_out(self, token: str, *, address: str) -> None:
        """An unknown token is no error."""
        session = self._session_of(token)
        if session is None or session.revoked_at is not None:
            return
        actor = Actor(session.user_id, "", session_id=session.id, address=address)
        with self._auditor.change(actor, "sessions.sign_out"):
            self._metadata.sessions.revoke([session.id], at=datetime.now(UTC))

    def list_own(self, actor: Actor) -> Sequence[SignInSession]:
        """One's open sessions, newest first."""
        now = datetime.now(UTC)
        found = self._metadata.sessions.find(user_id=actor.user_id)
        return [one for one in found if one.revoked_at is None and one.expires_at > now]

    def revoke(self, actor: Actor, *, session_id: str) -> None:
        """End one of one's own sessions."""
        if all(session.id != session_id for session in self._metadata.sessions.find(user_id=actor.user_id)):
            raise NotFoundError("This session does not exist.")
        with self._auditor.change(actor, "sessions.revoke", objects=(session_id,)):
            self._metadata.sessions.revoke([session_id], at=datetime.now(UTC))

    def _counter(self, kind: str, value: str) -> str:
        return hmac.new(self._key, f"{kind}\0{value}".encode(), hashlib.sha256).hexdigest()


def _sha256(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
