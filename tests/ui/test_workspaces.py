"""Workspaces: add, rename, members, delete; nothing for those who may not."""

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from app.container import OPERATOR, Services
from app.domain.access import Role
from app.domain.workspaces import Workspace
from components.opened_dialog import Opened
from components.workspace_table import DELETE, MEMBERS, RENAME
from tests.ui.conftest import Person

OpenPage = Callable[..., AppTest]


@pytest.fixture
def administrator(sign_in: Callable[..., Person]) -> Person:
    return sign_in("root", name="Ada Root", roles=(Role.ADMINISTRATOR,))


def texts(page: AppTest) -> str:
    shown = [*page.title, *page.markdown, *page.success]
    return "\n".join(element.value for element in shown).replace("\\", "")


def open_dialog(page: AppTest, kind: str, workspace_id: str) -> AppTest:
    """What the Actions column does."""
    page.session_state["workspaces-dialog"] = Opened(kind, workspace_id)
    return page.run()


def names(services: Services) -> list[str]:
    return [one.name for one in services.workspaces.list(OPERATOR)]


def test_a_workspace_is_added_and_its_members_are_asked_for_next(
    open_page: OpenPage, services: Services, administrator: Person
) -> None:
    page = open_page("workspaces", administrator)
    page.button(key="workspaces-add").click().run()
    page.text_input(key="workspace-name").set_value("Harbour Bank")
    page.selectbox(key="workspace-kind").set_value("finance").run()
    page.button(key="workspace-add-now").click().run()
    assert not page.exception
    (added,) = services.workspaces.list(OPERATOR)
    assert (added.name, added.ontology) == ("Harbour Bank", "finance")
    assert "Nobody is a member yet." in texts(page)


def test_members_get_a_role_and_lose_it(
    open_page: OpenPage, services: Services, administrator: Person, clinician: Person, workspace: Workspace
) -> None:
    key = f"member-{workspace.id}"
    page = open_dialog(open_page("workspaces", administrator), MEMBERS, workspace.id)
    page.selectbox(key=f"{key}-{clinician.actor.user_id}").set_value("No access")
    page.selectbox(key=f"{key}-new").set_value(administrator.actor.user_id)
    page.selectbox(key=f"{key}-new-role").set_value("Analyst").run()
    page.button(key="workspace-save-members").click().run()
    assert not page.exception
    members = services.workspaces.members(OPERATOR, workspace_id=workspace.id)
    assert [(one.user.username, one.role) for one in members] == [("root", Role.ANALYST)]


def test_a_workspace_is_renamed_and_a_taken_name_is_refused(
    open_page: OpenPage, services: Services, administrator: Person, workspace: Workspace
) -> None:
    services.workspaces.add(OPERATOR, name="Harbour Bank")
    page = open_dialog(open_page("workspaces", administrator), RENAME, workspace.id)
    page.text_input(key=f"workspace-{workspace.id}-name").set_value("Harbour Bank").run()
    page.button(key="workspace-rename-now").click().run()
    assert "This did not work" in texts(page)
    page.text_input(key=f"workspace-{workspace.id}-name").set_value("Cardiology").run()
    page.button(key="workspace-rename-now").click().run()
    assert names(services) == ["Cardiology", "Harbour Bank"]
    assert "is called Cardiology now" in texts(page)


def test_deleting_says_what_goes_and_deletes(
    open_page: OpenPage, services: Services, administrator: Person, workspace: Workspace
) -> None:
    page = open_dialog(open_page("workspaces", administrator), DELETE, workspace.id)
    assert "for everybody" in texts(page)
    assert "This cannot be undone." in texts(page)
    page.button(key=f"danger-workspace-{workspace.id}").click().run()
    assert not page.exception
    assert names(services) == []
    assert "was deleted" in texts(page)


def test_cancel_deletes_nothing(
    open_page: OpenPage, services: Services, administrator: Person, workspace: Workspace
) -> None:
    page = open_dialog(open_page("workspaces", administrator), DELETE, workspace.id)
    page.button(key=f"workspace-{workspace.id}-cancel").click().run()
    assert names(services) == [workspace.name]


def test_others_have_no_such_page(
    open_page: OpenPage, clinician: Person, workspace: Workspace, sign_in: Callable[..., Person]
) -> None:
    for person in (clinician, sign_in("rita", roles=(Role.COMPLIANCE,))):
        page = open_page("workspaces", person)
        assert not page.dataframe or "Kind" not in page.dataframe[0].value
        assert "only members see what is in one" not in texts(page)
