"""The Ask page over real services: a question, its cited answer, what is not in the documents, history, who may ask."""

from collections.abc import Callable

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from app.container import OPERATOR, Services
from app.domain.access import Role
from app.domain.answers import Mode
from app.domain.workspaces import Workspace
from app.services.documents import Upload
from components.ask_state import AskState
from components.identity import SESSION_HEADER
from tests.ui.conftest import Person

NOTE = (
    "Clinic note\n\n"
    "Harlan Voss takes warfarin. Amiodarone interacts with warfarin. The INR of Harlan Voss had risen to 4.6.\n"
    "Harlan Voss does not take aspirin.\n"
)
OpenPage = Callable[..., AppTest]


@pytest.fixture
def indexed(services: Services, workspace: Workspace, index_everything: Callable[[], None]) -> None:
    files = [Upload("clinic note.txt", NOTE.encode())]
    services.documents.upload(OPERATOR, workspace_id=workspace.id, files=files)
    index_everything()


def texts(page: AppTest) -> str:
    return "\n".join(str(one.value) for one in [*page.title, *page.header, *page.markdown]).replace("\\", "")


def state_of(page: AppTest) -> AskState:
    state = page.session_state["ask"]
    assert isinstance(state, AskState)
    return state


def ask(page: AppTest, question: str) -> AskState:
    """Type it, send it, and let the page refresh itself until it is answered."""
    page.chat_input(key="ask-question").set_value(question).run()
    running = state_of(page).running
    assert running is None or running.wait(timeout_seconds=60)
    page.run()
    return state_of(page)


def test_without_documents_the_page_leads_to_adding_some(open_page: OpenPage, clinician: Person) -> None:
    page = open_page("ask", clinician)
    assert not page.exception
    assert "There are no documents to ask yet" in texts(page)
    assert "Add documents" in [button.label for button in page.button]
    assert not page.chat_input


@pytest.mark.usefixtures("indexed")
def test_before_the_first_question_the_page_offers_questions_about_the_documents(
    open_page: OpenPage, clinician: Person
) -> None:
    page = open_page("ask", clinician)
    offered = [button for button in page.button if button.label.startswith("What is said about")]
    assert 1 <= len(offered) <= 3
    offered[0].click().run()
    assert state_of(page).question.startswith("What is said about")


@pytest.mark.usefixtures("indexed")
def test_a_question_is_answered_with_sources_and_says_that_no_model_took_part(
    open_page: OpenPage, clinician: Person
) -> None:
    page = open_page("ask", clinician)
    state = ask(page, "What does amiodarone interact with?")
    assert not page.exception
    assert state.answer is not None
    assert state.answer.finished
    assert state.answer.sentences
    assert state.source is not None
    assert state.source.document == "clinic note.txt"
    shown = texts(page)
    assert "What does amiodarone interact with?" in shown
    assert "no language model took part" in shown
    assert "Auto picked" in shown
    assert "Time by stage" in shown


@pytest.mark.usefixtures("indexed")
@pytest.mark.parametrize(
    "question", ["What does amiodarone interact with?", "How many ships sailed to Lisbon in 1755?"]
)
def test_an_answer_that_is_given_again_says_so_and_can_be_had_anew(
    open_page: OpenPage, clinician: Person, question: str
) -> None:
    page = open_page("ask", clinician)
    first = ask(page, question).answer
    assert "Answered from the cache" not in texts(page)
    page.button(key="ask-new").click().run()
    again = ask(page, question).answer
    assert first is not None and again is not None and again.kept_at is not None
    assert f"Answered from the cache of {again.kept_at:%H}:" in texts(page)
    page.button(key="ask-anew").click().run()
    running = state_of(page).running
    assert running is None or running.wait(timeout_seconds=60)
    page.run()
    anew = state_of(page).answer
    assert not page.exception
    assert anew is not None and anew.finished and anew.kept_at is None
    assert anew.text == first.text
    assert "ask-anew" not in [button.key for button in page.button]


@pytest.mark.usefixtures("indexed")
def test_what_no_document_says_is_not_answered(open_page: OpenPage, clinician: Person) -> None:
    page = open_page("ask", clinician)
    state = ask(page, "How many ships sailed to Lisbon in 1755?")
    assert state.answer is not None
    assert state.answer.refused
    shown = texts(page)
    assert "Not in the documents" in shown
    assert "Nothing was guessed" in shown


@pytest.mark.usefixtures("indexed")
def test_an_earlier_question_opens_from_the_history(
    open_page: OpenPage, clinician: Person, services: Services, workspace: Workspace
) -> None:
    page = open_page("ask", clinician)
    ask(page, "Does Harlan Voss take aspirin?")
    asked = services.questions.history(clinician.actor, workspace_id=workspace.id)
    assert [one.text for one in asked] == ["Does Harlan Voss take aspirin?"]
    page.button(key="ask-new").click().run()
    assert state_of(page).question == ""
    page.button(key="ask-history").click().run()
    page.button(key=f"history-{asked[0].id}").click().run()
    assert state_of(page).question == "Does Harlan Voss take aspirin?"
    assert state_of(page).answer == asked[0].answer


@pytest.mark.usefixtures("indexed")
def test_another_person_in_the_same_browser_session_finds_nothing_of_the_first(
    open_page: OpenPage,
    clinician: Person,
    sign_in: Callable[..., Person],
    workspace: Workspace,
    services: Services,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    page = open_page("ask", clinician)
    first = ask(page, "What does amiodarone interact with?")
    other = sign_in("ana", workspace=workspace)
    monkeypatch.setattr(type(st.context), "headers", property(lambda _self: {SESSION_HEADER: other.session_id}))
    page.run()
    assert state_of(page) is not first
    assert state_of(page).question == ""
    assert services.questions.history(other.actor, workspace_id=workspace.id) == []


@pytest.mark.usefixtures("indexed")
def test_when_membership_ends_the_answer_goes(
    open_page: OpenPage, clinician: Person, services: Services, workspace: Workspace
) -> None:
    page = open_page("ask", clinician)
    ask(page, "What does amiodarone interact with?")
    services.workspaces.set_member(OPERATOR, workspace_id=workspace.id, user_id=clinician.actor.user_id, role=None)
    page.run()
    assert "amiodarone" not in texts(page).lower()


def test_somebody_without_a_workspace_is_told_so(open_page: OpenPage, sign_in: Callable[..., Person]) -> None:
    page = open_page("ask", sign_in("compliance", roles=(Role.COMPLIANCE,)))
    assert not page.chat_input


@pytest.mark.usefixtures("indexed")
def test_the_chosen_mode_is_the_one_that_answers(open_page: OpenPage, clinician: Person) -> None:
    page = open_page("ask", clinician)
    page.segmented_control(key="ask-mode").set_value(Mode.RAG).run()
    state = ask(page, "What had the INR risen to?")
    assert state.answer is not None
    assert state.answer.mode is Mode.RAG
    assert "Auto picked" not in texts(page)
