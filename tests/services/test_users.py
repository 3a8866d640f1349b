"""Local users: adding, roles, passwords, and the last administrator."""

from collections.abc import Callable

import pytest

from app.container import OPERATOR, Services
from app.domain.access import Actor, Role
from app.domain.ids import UserId
from app.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError, NotSignedInError

ADDRESS = "192.0.2.7"
NEW = "four unrelated words here"


def signed_in(services: Services, username: str, password: str) -> tuple[Actor, str]:
    token = services.sessions.sign_in(username=username, password=password, address=ADDRESS, agent="").token
    return services.sessions.actor_for(token, address=ADDRESS), token


def test_an_added_person_has_a_generated_password_that_must_be_changed(services: Services) -> None:
    new = services.users.add(OPERATOR, username="ilse", name="  Ilse   Maes ", roles=[Role.COMPLIANCE])
    assert (new.user.name, new.user.roles, new.user.must_change_password) == (
        "Ilse Maes",
        frozenset({Role.COMPLIANCE}),
        True,
    )
    actor, _ = signed_in(services, "ilse", new.password)
    assert services.sessions.must_change_password(actor)
    services.users.change_own_password(actor, old=new.password, new=NEW)
    assert not services.sessions.must_change_password(actor)
    with pytest.raises(ForbiddenError):
        signed_in(services, "ilse", new.password)
    signed_in(services, "ilse", NEW)


def test_a_taken_or_impossible_user_name_is_refused(services: Services) -> None:
    services.users.add(OPERATOR, username="ilse", name="Ilse")
    with pytest.raises(ConflictError):
        services.users.add(OPERATOR, username="ILSE", name="Another")
    for username in ("", "a", "two words", "x" * 65, "semi;colon", "line\nbreak"):
        with pytest.raises(InvalidInputError):
            services.users.add(OPERATOR, username=username, name="Name")
    with pytest.raises(InvalidInputError):
        services.users.add(OPERATOR, username="omar", name="Omar", roles=[Role.OPERATOR])
    with pytest.raises(InvalidInputError):
        services.users.add(OPERATOR, username="omar", name="Omar", password="short")
    assert [user.username for user in services.users.list(OPERATOR)] == ["ilse"]


def test_the_first_administrator_is_made_once(services: Services) -> None:
    first = services.users.ensure_first_administrator(OPERATOR)
    assert first is not None
    assert (first.user.username, first.user.roles) == ("admin", frozenset({Role.ADMINISTRATOR, Role.COMPLIANCE}))
    assert services.users.ensure_first_administrator(OPERATOR) is None


def test_the_last_administrator_can_neither_be_disabled_nor_lose_the_role(services: Services) -> None:
    first = services.users.add(OPERATOR, username="first", name="First", roles=[Role.ADMINISTRATOR]).user
    with pytest.raises(ConflictError):
        services.users.disable(OPERATOR, user_id=first.id)
    with pytest.raises(ConflictError):
        services.users.set_roles(OPERATOR, user_id=first.id, roles=[Role.COMPLIANCE])
    second = services.users.add(OPERATOR, username="second", name="Second", roles=[Role.ADMINISTRATOR]).user
    assert services.users.disable(OPERATOR, user_id=first.id).disabled
    with pytest.raises(ConflictError):
        services.users.disable(OPERATOR, user_id=second.id)
    services.users.enable(OPERATOR, user_id=first.id)
    assert services.users.set_roles(OPERATOR, user_id=second.id, roles=[]).roles == frozenset()


def test_a_reset_password_ends_the_sessions_and_must_be_changed(services: Services) -> None:
    new = services.users.add(OPERATOR, username="ilse", name="Ilse")
    actor, token = signed_in(services, "ilse", new.password)
    services.users.change_own_password(actor, old=new.password, new=NEW)
    password = services.users.reset_password(OPERATOR, user_id=new.user.id)
    with pytest.raises(NotSignedInError):
        services.sessions.actor_for(token, address=ADDRESS)
    with pytest.raises(ForbiddenError):
        signed_in(services, "ilse", NEW)
    again, _ = signed_in(services, "ilse", password)
    assert services.sessions.must_change_password(again)


def test_changing_the_own_password_needs_the_old_one_and_ends_the_other_sessions(services: Services) -> None:
    new = services.users.add(OPERATOR, username="ilse", name="Ilse")
    actor, token = signed_in(services, "ilse", new.password)
    _, other = signed_in(services, "ilse", new.password)
    with pytest.raises(ForbiddenError):
        services.users.change_own_password(actor, old="not the old one", new=NEW)
    for weak in ("short", "ilse ilse ilse ilse", new.password, "aaaaaaaaaaaaaa"):
        with pytest.raises(InvalidInputError):
            services.users.change_own_password(actor, old=new.password, new=weak)
    services.users.change_own_password(actor, old=new.password, new=NEW)
    assert services.sessions.actor_for(token, address=ADDRESS).user_id == new.user.id
    with pytest.raises(NotSignedInError):
        services.sessions.actor_for(other, address=ADDRESS)


def test_only_administrators_manage_people(services: Services, make_actor: Callable[..., Actor]) -> None:
    ilse = make_actor("ilse", roles=(Role.COMPLIANCE,))
    with pytest.raises(ForbiddenError):
        services.users.add(ilse, username="omar", name="Omar")
    with pytest.raises(ForbiddenError):
        services.users.set_roles(ilse, user_id=ilse.user_id, roles=[Role.ADMINISTRATOR])
    with pytest.raises(NotFoundError):
        services.users.disable(OPERATOR, user_id=UserId("none"))
