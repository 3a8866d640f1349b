"""People and roles: add, roles, new password, disable; nothing for those who may not."""

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from app.container import OPERATOR, Services
from app.domain.access import Role, User
from app.domain.workspaces import Workspace
from components.opened_dialog import Opened
from components.people_table import DISABLE, ENABLE, NEW_PASSWORD, ROLES
from tests.ui.conftest import Person

OpenPage = Callable[..., AppTest]


@pytest.fixture
def administrator(sign_in: Callable[..., Person]) -> Person:
    return sign_in("root", name="Ada Root", roles=(Role.ADMINISTRATOR,))


def texts(page: AppTest) -> str:
    shown = [*page.title, *page.markdown, *page.success]
    return "\n".join(element.value for element in shown).replace("\\", "")


def user(services: Services, username: str) -> User:
    return next(one for one in services.users.list(OPERATOR) if one.username == username)


def open_dialog(page: AppTest, kind: str, user_id: str) -> AppTest:
    """What the Actions column does."""
    page.session_state["people-dialog"] = Opened(kind, user_id)
    return page.run()


def test_a_person_is_added_with_a_password_that_is_shown_once_and_works(
    open_page: OpenPage, services: Services, administrator: Person, workspace: Workspace
) -> None:
    page = open_page("users", administrator)
    page.button(key="people-add").click().run()
    page.text_input(key="people-name").set_value("Tom Hallbeck")
    page.text_input(key="people-username").set_value("t.hallbeck")
    page.checkbox(key="people-new-compliance").check()
    page.selectbox(key=f"people-new-{workspace.id}").set_value("Analyst").run()
    page.button(key="people-add-now").click().run()
    assert not page.exception
    password = page.code[0].value
    page.button(key="people-done").click().run()
    assert not page.code
    assert "t.hallbeck" in set(page.dataframe[0].value["User name"])
    signed = services.sessions.sign_in(username="t.hallbeck", password=password, address="", agent="")
    actor = services.sessions.actor_for_session(signed.session.id)
    assert actor.memberships == {workspace.id: Role.ANALYST}
    assert actor.roles == {Role.COMPLIANCE}
    assert services.sessions.must_change_password(actor)


def test_a_taken_user_name_is_said_in_the_dialog(
    open_page: OpenPage, services: Services, administrator: Person, clinician: Person
) -> None:
    page = open_page("users", administrator)
    page.button(key="people-add").click().run()
    page.text_input(key="people-name").set_value("Ilse Other")
    page.text_input(key="people-username").set_value("ilse").run()
    page.button(key="people-add-now").click().run()
    assert "This did not work" in texts(page)
    assert not page.code


def test_roles_are_changed_for_the_installation_and_in_workspaces(
    open_page: OpenPage, services: Services, administrator: Person, clinician: Person, workspace: Workspace
) -> None:
    user_id = clinician.actor.user_id
    page = open_dialog(open_page("users", administrator), ROLES, user_id)
    assert page.selectbox(key=f"people-{user_id}-{workspace.id}").value == "Clinician"
    page.selectbox(key=f"people-{user_id}-{workspace.id}").set_value("No access")
    page.checkbox(key=f"people-{user_id}-administrator").check().run()
    page.button(key="people-save-roles").click().run()
    assert not page.exception
    assert user(services, "ilse").roles == {Role.ADMINISTRATOR}
    assert services.sessions.actor_for_session(clinician.session_id).memberships == {}


def test_a_new_password_is_shown_once_and_ends_the_sessions(
    open_page: OpenPage, services: Services, administrator: Person, clinician: Person
) -> None:
    page = open_dialog(open_page("users", administrator), NEW_PASSWORD, clinician.actor.user_id)
    page.button(key="people-reset").click().run()
    password = page.code[0].value
    assert services.sessions.sign_in(username="ilse", password=password, address="", agent="")
    assert "Your session ended" in texts(open_page("home", clinician))


def test_a_person_is_disabled_and_enabled_at_once(
    open_page: OpenPage, services: Services, administrator: Person, clinician: Person
) -> None:
    page = open_dialog(open_page("users", administrator), DISABLE, clinician.actor.user_id)
    assert not page.exception
    assert user(services, "ilse").disabled
    assert "Dr Ilse Marrow was disabled" in texts(page)
    assert "✕ Disabled" in [one[0] for one in page.dataframe[0].value["Status"]]
    open_dialog(page, ENABLE, clinician.actor.user_id)
    assert not user(services, "ilse").disabled


def test_nobody_can_disable_themselves_or_the_last_administrator(
    open_page: OpenPage, services: Services, administrator: Person
) -> None:
    page = open_page("users", administrator)
    (row,) = (row for _, row in page.dataframe[0].value.iterrows() if row["User name"] == "root")
    assert list(row["Actions"]) == [ROLES, NEW_PASSWORD]
    open_dialog(page, DISABLE, administrator.actor.user_id)
    assert "last administrator" in texts(page)
    assert not user(services, "root").disabled


def test_others_have_no_such_page(open_page: OpenPage, clinician: Person, sign_in: Callable[..., Person]) -> None:
    for person in (clinician, sign_in("rita", roles=(Role.COMPLIANCE,))):
        page = open_page("users", person)
        assert not page.dataframe
        assert "People and roles" not in texts(page)
