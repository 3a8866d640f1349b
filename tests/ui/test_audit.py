"""The Audit log page: read, filter, verify, export; nothing for those who may not."""

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from app.container import OPERATOR, Services
from app.domain.access import Role
from app.domain.audit import AuditKind
from app.domain.workspaces import Workspace
from app.security.actions import ACTIONS
from components.audit_words import ACTION
from tests.services.verifying import change, verify_by_itself
from tests.ui.conftest import Person

OpenPage = Callable[..., AppTest]


@pytest.fixture
def officer(sign_in: Callable[..., Person]) -> Person:
    return sign_in("rita", name="Rita Castellane", roles=(Role.COMPLIANCE,))


def texts(page: AppTest) -> str:
    shown = [*page.title, *page.markdown, *page.success, *page.error]
    return "\n".join(element.value for element in shown).replace("\\", "")


def test_every_audited_action_has_words() -> None:
    audited = {name for name, kind in ACTIONS.items() if isinstance(kind, AuditKind)}
    assert audited <= ACTION.keys()


def test_the_newest_events_come_first_with_names_and_words(open_page: OpenPage, officer: Person) -> None:
    page = open_page("audit", officer)
    assert not page.exception
    rows = page.dataframe[0].value
    assert rows["What"].iloc[0] == "Read the log"
    assert "R. Castellane" in set(rows["Who"])
    assert list(rows["Number"]) == sorted(rows["Number"], reverse=True)
    assert "events since" in texts(page)


def test_events_are_filtered_by_person_action_result_and_day(
    open_page: OpenPage, services: Services, officer: Person, clinician: Person, workspace: Workspace
) -> None:
    page = open_page("audit", officer)
    page.selectbox(key="audit-person").set_value(clinician.actor.user_id).run()
    assert set(page.dataframe[0].value["Who"]) == {"I. Marrow"}
    page.selectbox(key="audit-action").set_value("sessions.sign_in").run()
    assert set(page.dataframe[0].value["What"]) == {"Signed in"}
    page.selectbox(key="audit-result").set_value("Refused").run()
    assert not page.dataframe
    assert "No event fits" in texts(page)
    page.selectbox(key="audit-result").set_value("Begun").run()
    assert [one[0] for one in page.dataframe[0].value["Result"]] == ["○ Begun"]
    page.text_input(key="audit-to").set_value("2020-01-01").run()
    assert "No event fits" in texts(page)


def test_verifying_an_intact_log_says_so(open_page: OpenPage, services: Services, officer: Person) -> None:
    services.audit.seal()
    page = open_page("audit", officer)
    page.button(key="audit-verify").click().run()
    assert not page.exception
    assert "The log is intact." in texts(page)


def test_verifying_a_changed_log_says_where(open_page: OpenPage, services: Services, officer: Person) -> None:
    page = open_page("audit", officer)
    change(services, 2)
    page.button(key="audit-verify").click().run()
    assert not page.exception
    assert "The log was changed." in texts(page)
    assert "Event 2" in texts(page)


def test_what_the_program_found_by_itself_is_shown_until_all_is_sound(
    open_page: OpenPage, services: Services, officer: Person
) -> None:
    page = open_page("audit", officer)
    assert "by itself" not in texts(page)
    services.audit.seal()
    verify_by_itself(services)
    page.run()
    last = services.audit.status(OPERATOR).last_verification
    assert last is not None
    assert f"Verified by itself today {last.at.astimezone():%H:%M}, sound up to event {last.verified_to}." in texts(
        page
    )
    change(services, 2)
    verify_by_itself(services)
    page.run()
    assert not page.exception
    shown = page.error[0].value.replace("\\", "")
    assert shown.startswith("**The log was changed.** Found today ")
    assert (
        "Event 2: the event is not as it was written. Event 1 is sound. Keep the data folder and the database" in shown
    )
    assert services.audit.verify(OPERATOR, incremental=True).ok is True
    page.run()
    assert page.error, "what was read since then is sound, and not the rest"
    page.button(key="audit-verify").click().run()
    assert len(page.error) == 1, "said once"
    change(services, 2, '"web"', '"cli"')
    page.button(key="audit-verify").click().run()
    assert not page.error
    assert "The log is intact." in texts(page)
    change(services, 2)
    verify_by_itself(services)
    page.run()
    assert "The log is intact." not in texts(page)
    assert "Found today" in page.error[0].value.replace("\\", "")


def test_reading_and_verifying_the_log_are_in_the_log(open_page: OpenPage, services: Services, officer: Person) -> None:
    page = open_page("audit", officer)
    page.button(key="audit-verify").click().run()
    events = services.audit.list(OPERATOR, actor_id=officer.actor.user_id, page_size=100).events
    assert {"audit.list", "audit.people", "audit.verify"} <= {event.action for event in events}


def test_a_clinician_has_no_audit_page(open_page: OpenPage, clinician: Person) -> None:
    page = open_page("audit", clinician)
    assert not page.dataframe
    assert "Audit log" not in texts(page)


def test_the_page_says_how_far_the_log_is_sealed(open_page: OpenPage, services: Services, officer: Person) -> None:
    page = open_page("audit", officer)
    assert "Not sealed yet." in texts(page)
    sealed = services.audit.seal()
    assert sealed is not None
    page.run()
    assert f"Sealed to event {sealed.seq}, today" in texts(page)
    assert not page.warning


def test_a_sealer_that_refuses_is_shown_on_the_page(open_page: OpenPage, services: Services, officer: Person) -> None:
    services.audit.seal()
    folder = services.settings.data_dir / "seal"
    (folder / "complaint").write_text("Checkpoints were taken away, so nothing is sealed.")
    page = open_page("audit", officer)
    assert "Checkpoints were taken away" in page.warning[0].value
