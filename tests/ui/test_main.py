"""Who gets which pages, and what stands there when something is wrong."""

from collections.abc import Callable

from streamlit.testing.v1 import AppTest

from app.api import gate
from app.container import OPERATOR, Services
from app.domain.access import Role
from app.domain.workspaces import Workspace
from components import identity
from tests.ui.conftest import PASSWORD, Person

OpenPage = Callable[..., AppTest]


def links(page: AppTest) -> list[str]:
    return [link.proto.label for link in page.sidebar.get("page_link")]


def texts(page: AppTest) -> str:
    return "\n".join(element.value for element in [*page.title, *page.markdown, *page.error]).replace("\\", "")


def test_the_pages_read_the_header_that_the_gate_writes() -> None:
    assert identity.SESSION_HEADER == gate.SESSION_HEADER
    assert identity.SIGN_IN == gate.SIGN_IN


def test_without_a_session_there_is_a_way_to_sign_in_and_nothing_else(open_page: OpenPage) -> None:
    page = open_page()
    assert not page.exception
    assert page.title[0].value == "Your session ended"
    assert links(page) == []


def test_a_session_that_was_ended_elsewhere_shows_nothing_more(
    open_page: OpenPage, services: Services, clinician: Person
) -> None:
    page = open_page("", clinician)
    assert page.title[0].value == "Northfield Cardiology"
    services.sessions.revoke(clinician.actor, session_id=clinician.session_id)
    assert page.run().title[0].value == "Your session ended"


def test_a_clinician_finds_no_administration(open_page: OpenPage, clinician: Person) -> None:
    assert links(open_page("", clinician)) == ["Home", "Ask", "Graph", "Documents"]


def test_an_administrator_without_a_workspace_finds_no_documents(
    open_page: OpenPage, sign_in: Callable[..., Person]
) -> None:
    page = open_page("", sign_in("ada", roles=(Role.ADMINISTRATOR,)))
    assert links(page) == ["Home", "Audit log", "Health", "People and roles", "Workspaces"]
    assert "You are in no workspace yet" in texts(page)


def test_a_page_of_another_role_does_not_open_by_its_address(open_page: OpenPage, clinician: Person) -> None:
    page = open_page("users", clinician)
    assert "People and roles" not in texts(page)


def test_a_given_password_must_be_changed_before_anything_else(
    open_page: OpenPage, sign_in: Callable[..., Person], workspace: Workspace
) -> None:
    newcomer = sign_in("tove", workspace=workspace, must_change_password=True)
    page = open_page("documents", newcomer)
    assert page.title[0].value == "Choose your password"
    assert links(page) == []


def test_choosing_a_password_opens_the_pages(
    open_page: OpenPage, sign_in: Callable[..., Person], workspace: Workspace
) -> None:
    newcomer = sign_in("tove", workspace=workspace, must_change_password=True)
    page = open_page("", newcomer)
    old, new, again = page.text_input
    old.set_value(newcomer.first_password)
    new.set_value(PASSWORD)
    again.set_value(PASSWORD)
    page.button[0].click().run()
    assert page.title[0].value == "Northfield Cardiology"


def test_two_new_passwords_that_differ_change_nothing(open_page: OpenPage, clinician: Person) -> None:
    page = open_page("account", clinician)
    old, new, again = page.text_input
    old.set_value(PASSWORD)
    new.set_value("Another-horse-battery-8")
    again.set_value("Another-horse-battery-7")
    next(one for one in page.button if one.label == "Change password").click().run()
    assert "The two new passwords differ" in page.error[0].value


def test_the_workspace_is_chosen_in_the_sidebar(
    open_page: OpenPage, services: Services, sign_in: Callable[..., Person], workspace: Workspace
) -> None:
    person = sign_in("ilse", workspace=workspace)
    second = services.workspaces.add(OPERATOR, name="Harbour Bank", ontology="finance")
    services.workspaces.set_member(OPERATOR, workspace_id=second.id, user_id=person.actor.user_id, role=Role.ANALYST)
    page = open_page("", person)
    assert page.title[0].value == "Harbour Bank"
    page.selectbox(key="workspace").set_value(workspace.id).run()
    assert page.title[0].value == "Northfield Cardiology"


def test_one_unexpected_error_is_a_reference_and_no_trace(
    open_page: OpenPage, services: Services, clinician: Person
) -> None:
    services.close()
    page = open_page("", clinician)
    assert not page.exception
    assert "Traceback" not in texts(page)


def test_an_address_that_names_a_workspace_opens_that_one(
    open_page: OpenPage, services: Services, sign_in: Callable[..., Person], workspace: Workspace
) -> None:
    person = sign_in("ilse", workspace=workspace)
    first = services.workspaces.add(OPERATOR, name="Harbour Bank", ontology="finance")
    services.workspaces.set_member(OPERATOR, workspace_id=first.id, user_id=person.actor.user_id, role=Role.ANALYST)
    page = open_page("", person, workspace=workspace.id)
    assert page.title[0].value == "Northfield Cardiology"
    assert page.query_params["workspace"] == workspace.id
    page.selectbox(key="workspace").set_value(first.id).run()
    assert page.title[0].value == "Harbour Bank"
    assert page.query_params["workspace"] == first.id
    assert open_page("", person, workspace="Nobody's").title[0].value == "Harbour Bank"
