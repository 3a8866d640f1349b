"""Who can see a document: the dialog, the mark in the table, and what others are shown."""

from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from app.container import OPERATOR, Services
from app.domain.access import Role
from app.domain.documents import Document
from app.domain.workspaces import Workspace
from app.services.documents import Upload
from backends.metadata.base_content import DocumentFilter
from components.document_access import EVERYBODY, LISTED
from components.document_table import ACCESS
from components.words import RESTRICTED
from tests.ui.conftest import Person
from tests.ui.test_documents import LETTER, OTHER, cells, names, press, texts

OpenPage = Callable[..., AppTest]


@pytest.fixture
def petra(sign_in: Callable[..., Person], workspace: Workspace) -> Person:
    return sign_in("petra", name="Dr Petra Lindqvale", workspace=workspace, role=Role.ANALYST)


@pytest.fixture
def documents(services: Services, workspace: Workspace) -> dict[str, Document]:
    files = [Upload("voss.txt", LETTER), Upload("quell.txt", OTHER)]
    services.documents.upload(OPERATOR, workspace_id=workspace.id, files=files)
    found = services.documents.list(OPERATOR, workspace_id=workspace.id, document_filter=DocumentFilter()).documents
    return {one.name: one for one in found}


def open_dialog(open_page: OpenPage, person: Person, document: Document) -> AppTest:
    return press(open_page("documents", person, open=document.id), ACCESS)


def who(page: AppTest) -> Any:
    return next(control for control in page.segmented_control if control.label == "Seen by")


def marks(page: AppTest) -> dict[str, list[str]]:
    table = page.dataframe[0].value
    assert "Access" in table.columns
    return {name: list(access) for name, access in zip(table["Name"], table["Access"], strict=True)}


def test_a_document_is_kept_to_oneself_and_given_back(
    open_page: OpenPage, services: Services, clinician: Person, petra: Person, documents: dict[str, Document]
) -> None:
    page = open_dialog(open_page, clinician, documents["voss.txt"])
    assert who(page).value == EVERYBODY
    who(page).set_value(LISTED).run()
    assert page.multiselect[0].options == ["Dr Petra Lindqvale"]
    press(page, "Save")
    assert not page.exception
    assert "Only you see voss.txt." in texts(page)
    assert marks(page) == {"voss.txt": [RESTRICTED.cell], "quell.txt": []}
    assert names(open_page("documents", petra)) == ["quell.txt"]
    page = open_dialog(open_page, clinician, documents["voss.txt"])
    assert who(page).value == LISTED
    who(page).set_value(EVERYBODY).run()
    press(page, "Save")
    assert "Everyone in this workspace sees voss.txt." in texts(page)
    assert "Access" not in page.dataframe[0].value.columns
    assert sorted(names(open_page("documents", petra))) == ["quell.txt", "voss.txt"]


def test_colleagues_are_named_and_the_details_name_them_too(
    open_page: OpenPage, clinician: Person, petra: Person, documents: dict[str, Document]
) -> None:
    page = open_dialog(open_page, clinician, documents["voss.txt"])
    who(page).set_value(LISTED).run()
    page.multiselect[0].set_value([petra.actor.user_id]).run()
    press(page, "Save")
    assert "Only you and 1 other person see voss.txt." in texts(page)
    page = open_page("documents", petra, open=documents["voss.txt"].id)
    assert RESTRICTED.badge in texts(page)
    assert "Dr Ilse Marrow, Dr Petra Lindqvale" in cells(page)


def test_two_people_of_one_name_are_told_apart(
    open_page: OpenPage,
    sign_in: Callable[..., Person],
    clinician: Person,
    petra: Person,
    workspace: Workspace,
    documents: dict[str, Document],
) -> None:
    sign_in("petra2", name="Dr Petra Lindqvale", workspace=workspace)
    page = open_dialog(open_page, clinician, documents["voss.txt"])
    who(page).set_value(LISTED).run()
    assert len(set(page.multiselect[0].options)) == 2


def test_who_may_not_see_it_is_told_that_it_does_not_exist_and_goes_on(
    open_page: OpenPage, services: Services, clinician: Person, petra: Person, documents: dict[str, Document]
) -> None:
    document = documents["voss.txt"]
    services.access.set(clinician.actor, workspace_id=document.workspace_id, document_id=document.id, user_ids=[])
    page = open_page("documents", petra, open=document.id)
    said = "\n".join([texts(page), *(element.value for element in page.error)])
    assert "does not exist" in said
    assert "voss" not in said
    page.run()
    assert "does not exist" not in texts(page)
    assert names(page) == ["quell.txt"]
    assert "1 document" in texts(open_page("", petra))
