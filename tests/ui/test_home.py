"""Home: what is here, what is running, what to do next."""

from collections.abc import Callable

from streamlit.testing.v1 import AppTest

from app.container import Services
from app.domain.answers import Mode
from app.domain.workspaces import Workspace
from app.services.documents import Upload
from tests.ui.conftest import Person

OpenPage = Callable[..., AppTest]
LETTER = b"Harlan Voss takes warfarin. Dr Petra Lindqvale treats Harlan Voss. Warfarin interacts with amiodarone."


def texts(page: AppTest) -> str:
    return "\n".join(element.value for element in [*page.title, *page.header, *page.markdown]).replace("\\", "")


def buttons(page: AppTest) -> list[str]:
    return [button.label for button in page.button]


def metrics(page: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in page.metric}


def test_an_empty_workspace_leads_to_adding_documents(open_page: OpenPage, clinician: Person) -> None:
    page = open_page("", clinician)
    assert not page.exception
    assert metrics(page) == {"Documents": "0", "Facts with a quote": "0", "Passages": "0", "Asked this week": "0"}
    assert "Add your first documents" in texts(page)
    page.button(key="next-0").click().run()
    assert "Add documents" in buttons(page)
    assert page.title[0].value == "Documents"


def test_what_waits_is_shown_and_can_be_stopped(
    open_page: OpenPage, services: Services, clinician: Person, workspace: Workspace
) -> None:
    services.documents.upload(clinician.actor, workspace_id=workspace.id, files=[Upload("voss.txt", LETTER)])
    page = open_page("", clinician)
    assert "voss.txt" in texts(page)
    next(button for button in page.button if button.label == "Stop").click().run()
    assert "Nothing is being indexed" in texts(page)
    assert "Look at 1 document that could not be indexed" in texts(page)


def test_indexed_documents_and_ones_own_questions_are_counted(
    open_page: OpenPage,
    services: Services,
    clinician: Person,
    workspace: Workspace,
    index_everything: Callable[[], None],
) -> None:
    services.documents.upload(clinician.actor, workspace_id=workspace.id, files=[Upload("voss.txt", LETTER)])
    index_everything()
    asking = services.questions.ask(
        clinician.actor, workspace_id=workspace.id, text="What does Harlan Voss take?", mode=Mode.GRAPH
    )
    assert list(asking)[-1].finished
    page = open_page("", clinician)
    assert not page.exception
    assert metrics(page)["Documents"] == "1"
    assert int(metrics(page)["Facts with a quote"]) > 0
    assert metrics(page)["Asked this week"] == "1"
    assert "Recent questions" in texts(page)
    assert "See how things are connected" in texts(page)
