"""Sign-in, and the ways a session ends."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Event

import pytest

from app.container import OPERATOR, Services
from app.domain.access import Role
from app.domain.workspaces import Workspace
from app.errors import ForbiddenError, NotFoundError, NotSignedInError
from app.security.passwords import Passwords
from app.services.sessions import SessionLimits, SessionService, SignedIn
from app.services.users import NewUser
from backends.metadata.base import MetadataStore

ADDRESS = "192.0.2.7"
SignIn = Callable[..., SignedIn]


@pytest.fixture
def ilse(services: Services, workspace: Workspace) -> NewUser:
    new = services.users.add(OPERATOR, username="ilse", name="Ilse")
    services.workspaces.set_member(OPERATOR, workspace_id=workspace.id, user_id=new.user.id, role=Role.CLINICIAN)
    return new


def sign_in(
    sessions: SessionService, new: NewUser, *, username: str = "", password: str = "", address: str = ADDRESS
) -> SignedIn:
    return sessions.sign_in(
        username=username or new.user.username, password=password or new.password, address=address, agent="test"
    )


def with_limits(services: Services, metadata: MetadataStore, limits: SessionLimits) -> SessionService:
    return SessionService(
        metadata=metadata, passwords=Passwords(), auditor=services.auditor, key=services.keys.sign_in, limits=limits
    )


def test_a_signed_in_person_acts_with_the_rights_of_this_moment(
    services: Services, workspace: Workspace, ilse: NewUser
) -> None:
    signed = sign_in(services.sessions, ilse, username="  ILSE ")
    actor = services.sessions.actor_for(signed.token, address=ADDRESS)
    assert (actor.user_id, actor.memberships) == (ilse.user.id, {workspace.id: Role.CLINICIAN})
    assert (actor.session_id, actor.address, actor.channel) == (signed.session.id, ADDRESS, "web")
    assert services.sessions.must_change_password(actor)
    services.workspaces.set_member(OPERATOR, workspace_id=workspace.id, user_id=ilse.user.id, role=None)
    assert services.sessions.actor_for(signed.token, address=ADDRESS).memberships == {}
    assert services.sessions.actor_for_session(signed.session.id).user_id == ilse.user.id


def test_the_token_is_kept_nowhere(services: Services, ilse: NewUser) -> None:
    token = sign_in(services.sessions, ilse).token
    for path in services.settings.data_dir.rglob("*"):
        if path.is_file():
            assert token.encode() not in path.read_bytes()


def test_a_session_ends_when_nobody_uses_it(services: Services, metadata: MetadataStore, ilse: NewUser) -> None:
    sessions = with_limits(services, metadata, SessionLimits(idle=timedelta(minutes=15)))
    signed = sign_in(sessions, ilse)
    used = datetime.now(UTC) - timedelta(minutes=14)
    metadata.sessions.touch(signed.session.id, at=used)
    assert sessions.actor_for(signed.token, address=ADDRESS, active=False).session_id == signed.session.id
    (watched,) = metadata.sessions.find(session_id=signed.session.id)
    assert abs(watched.last_active_at - used) < timedelta(seconds=1)
    sessions.actor_for(signed.token, address=ADDRESS)
    (active,) = metadata.sessions.find(session_id=signed.session.id)
    assert active.last_active_at > used + timedelta(minutes=13)
    metadata.sessions.touch(signed.session.id, at=datetime.now(UTC) - timedelta(minutes=16))
    for call in (sessions.actor_for, sessions.actor_for_session):
        with pytest.raises(NotSignedInError, match="ended"):
            call(signed.token if call == sessions.actor_for else signed.session.id, address=ADDRESS)


def test_a_session_ends_at_its_absolute_end_whatever_the_activity(
    services: Services, metadata: MetadataStore, ilse: NewUser
) -> None:
    sessions = with_limits(services, metadata, SessionLimits(absolute=timedelta(seconds=2)))
    signed = sign_in(sessions, ilse)
    assert sessions.actor_for(signed.token, address=ADDRESS).user_id == ilse.user.id
    metadata.sessions.touch(signed.session.id, at=datetime.now(UTC))
    time.sleep(2.1)
    with pytest.raises(NotSignedInError):
        sessions.actor_for(signed.token, address=ADDRESS)


def test_signing_out_and_revoking_end_a_session_at_once(services: Services, ilse: NewUser) -> None:
    first, second, third = (sign_in(services.sessions, ilse) for _ in range(3))
    actor = services.sessions.actor_for(first.token, address=ADDRESS)
    services.sessions.sign_out(second.token, address=ADDRESS)
    services.sessions.sign_out(second.token, address=ADDRESS)
    services.sessions.sign_out("unknown", address=ADDRESS)
    services.sessions.revoke(actor, session_id=third.session.id)
    for ended in (second, third):
        with pytest.raises(NotSignedInError):
            services.sessions.actor_for(ended.token, address=ADDRESS)
    assert [one.id for one in services.sessions.list_own(actor)] == [first.session.id]


def test_sessions_that_ended_are_found_all_at_once(services: Services, metadata: MetadataStore, ilse: NewUser) -> None:
    sessions = with_limits(services, metadata, SessionLimits(idle=timedelta(minutes=15)))
    other = services.users.add(OPERATOR, username="omar", name="Omar")
    open_one, signed_out, idle = (sign_in(sessions, ilse) for _ in range(3))
    disabled = sign_in(sessions, other)
    tokens = {one.token for one in (open_one, signed_out, idle, disabled)}
    sessions.sign_out(signed_out.token, address=ADDRESS)
    metadata.sessions.touch(idle.session.id, at=datetime.now(UTC) - timedelta(minutes=16))
    before = metadata.sessions.find(session_id=open_one.session.id)
    assert sessions.find_ended(tokens | {"unknown", ""}) == {signed_out.token, idle.token, "unknown", ""}
    metadata.users.update(replace(other.user, disabled=True))
    assert sessions.find_ended(tokens) == {signed_out.token, idle.token, disabled.token}
    assert sessions.find_ended([]) == set()
    assert metadata.sessions.find(session_id=open_one.session.id) == before, "looking is no activity"


def test_nobody_ends_the_session_of_somebody_else(services: Services, ilse: NewUser) -> None:
    other = services.users.add(OPERATOR, username="omar", name="Omar")
    signed = sign_in(services.sessions, ilse)
    actor = services.sessions.actor_for(sign_in(services.sessions, other).token, address=ADDRESS)
    with pytest.raises(NotFoundError):
        services.sessions.revoke(actor, session_id=signed.session.id)
    assert services.sessions.actor_for(signed.token, address=ADDRESS).user_id == ilse.user.id


def test_a_disabled_person_is_out_at_once_and_cannot_come_back(services: Services, ilse: NewUser) -> None:
    signed = sign_in(services.sessions, ilse)
    services.users.disable(OPERATOR, user_id=ilse.user.id)
    with pytest.raises(NotSignedInError):
        services.sessions.actor_for(signed.token, address=ADDRESS)
    with pytest.raises(ForbiddenError):
        sign_in(services.sessions, ilse)
    services.users.enable(OPERATOR, user_id=ilse.user.id)
    with pytest.raises(NotSignedInError):
        services.sessions.actor_for(signed.token, address=ADDRESS)
    assert sign_in(services.sessions, ilse).user.id == ilse.user.id


def refusal(sessions: SessionService, new: NewUser, **given: str) -> str:
    with pytest.raises(ForbiddenError) as refused:
        sign_in(sessions, new, **given)
    return refused.value.message


def test_every_refusal_of_a_sign_in_says_the_same(services: Services, ilse: NewUser) -> None:
    disabled = services.users.add(OPERATOR, username="omar", name="Omar")
    services.users.disable(OPERATOR, user_id=disabled.user.id)
    sessions = services.sessions
    answers = {
        refusal(sessions, ilse, username="nobody"),
        refusal(sessions, ilse, password="not the right one"),
        refusal(sessions, disabled),
        refusal(sessions, ilse, username="nobody", password="x" * 5_000),
    }
    assert len(answers) == 1


def test_after_too_many_failures_even_the_right_password_waits(services: Services, ilse: NewUser) -> None:
    for _ in range(7):
        refusal(services.sessions, ilse, password="not the right one")
    assert sign_in(services.sessions, ilse).user.id == ilse.user.id
    messages = {refusal(services.sessions, ilse, password="not the right one") for _ in range(8)}
    assert messages == {refusal(services.sessions, ilse)}
    assert messages == {refusal(services.sessions, ilse, address="198.51.100.9")}
    other = services.users.add(OPERATOR, username="omar", name="Omar")
    assert sign_in(services.sessions, other).user.id == other.user.id


class PasswordsThatTakeLong(Passwords):
    """The right one, found right, is not said to be before others had their turn."""

    def __init__(self, right: str) -> None:
        super().__init__()
        self._right = right
        self.found, self.say = Event(), Event()

    def verify(self, password: str, password_hash: str | None) -> bool:
        fits = super().verify(password, password_hash)
        if password == self._right:
            self.found.set()
            assert self.say.wait(60)
        return fits


def test_the_right_password_among_many_tries_at_once_comes_too_late(
    services: Services, metadata: MetadataStore, ilse: NewUser
) -> None:
    """It was begun before any of the others failed."""
    passwords = PasswordsThatTakeLong(ilse.password)
    limits = SessionLimits(timedelta(minutes=15), timedelta(hours=12))
    sessions = SessionService(
        metadata=metadata, passwords=passwords, auditor=services.auditor, key=services.keys.sign_in, limits=limits
    )
    with ThreadPoolExecutor(1) as pool:
        late = pool.submit(refusal, sessions, ilse)
        assert passwords.found.wait(60)
        for _ in range(8):
            refusal(sessions, ilse, password="not the right one")
        passwords.say.set()
        assert late.result()


def test_names_that_do_not_exist_are_counted_too_and_kept_hashed(
    services: Services, metadata: MetadataStore, ilse: NewUser
) -> None:
    now = datetime.now(UTC)
    assert metadata.users.count_failures("nobody", at=now, window_seconds=900) == 0
    for _ in range(8):
        refusal(services.sessions, ilse, username="nobody")
    assert metadata.users.count_failures("nobody", at=datetime.now(UTC), window_seconds=900) == 0
    assert refusal(services.sessions, ilse, username="nobody")


def test_an_unknown_token_is_not_signed_in(services: Services) -> None:
    for token in ("", "made-up"):
        with pytest.raises(NotSignedInError):
            services.sessions.actor_for(token, address=ADDRESS)
    with pytest.raises(NotSignedInError):
        services.sessions.actor_for_session("none")
