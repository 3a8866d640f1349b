"""Health: every part with its state, what to do, and what the language model may do."""

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from app.container import OPERATOR, Services
from app.domain.access import Role
from app.domain.jobs import JobKind, JobState
from app.embedding_parts import VECTORS
from app.health_parts import REPLICA
from app.services.health import HealthCheck, Level
from app.services.new_jobs import new_upkeep_job
from backends.queue.base import NO_WORKSPACE
from components.health_table import AWAY, BEING_MADE, NOT_RUNNING, health_word
from components.words import NOT_SET_UP, NOT_WORKING, SLOW, WORKING
from tests.services.verifying import change, verify_by_itself
from tests.ui.conftest import Person

OpenPage = Callable[..., AppTest]


@pytest.fixture
def administrator(sign_in: Callable[..., Person]) -> Person:
    return sign_in("root", name="Ada Root", roles=(Role.ADMINISTRATOR,))


def texts(page: AppTest) -> str:
    shown = [*page.title, *page.header, *page.markdown, *page.success, *page.warning, *page.error]
    return "\n".join(element.value for element in shown).replace("\\", "")


def cells(page: AppTest) -> str:
    return "\n".join(table.value.to_string(max_colwidth=None) for table in page.table).replace("\\", "")


def check(*, ok: bool, level: Level = Level.REQUIRED, name: str = "Graph", seconds: float = 0.01) -> HealthCheck:
    return HealthCheck(name, level, "sql", ok, "", "", seconds)


def test_every_part_is_shown_with_its_state_and_what_to_do(open_page: OpenPage, administrator: Person) -> None:
    page = open_page("health", administrator)
    assert not page.exception
    table = cells(page)
    for part in ("Database", "Audit log", "Files", "Graph", "Worker", "Language model", "More formats"):
        assert part in table
    assert "Working" in table
    assert "The worker is not running." in texts(page)
    assert "dafe up" in table


def test_a_log_that_was_found_changed_is_said_first(
    open_page: OpenPage, services: Services, administrator: Person
) -> None:
    page = open_page("health", administrator)
    assert "Not verified yet; it is every 24 hours." in cells(page)
    services.audit.seal()
    verify_by_itself(services)
    page.run()
    assert "sound up to event" in cells(page)
    change(services, 2)
    verify_by_itself(services)
    page.run()
    assert "The audit log was changed." in page.error[0].value.replace("\\", "")
    table = cells(page)
    assert "Event 2: the event is not as it was written." in table
    assert "Keep the data folder and the database as they are" in table
    assert "✕" in table or "Changed" in table
    required = [one.ok for one in services.health.checks(OPERATOR) if one.level is Level.REQUIRED]
    assert all(required), "nothing takes the installation out of service for it"


def test_a_log_of_which_it_is_not_known_whether_it_is_sound_is_said_and_nothing_else_is_hidden(
    open_page: OpenPage, services: Services, administrator: Person
) -> None:
    services.audit.seal()
    job = new_upkeep_job(JobKind.VERIFY, workspace_id=NO_WORKSPACE)
    records = services.jobs._metadata.jobs
    records.add(job)
    assert records.claim(job.id, worker="w", lease_seconds=60)
    assert records.finish(job.id, worker="w", state=JobState.FAILED, error="Given up.")
    page = open_page("health", administrator)
    assert "It is not known whether the audit log is sound." in page.warning[0].value.replace("\\", "")
    assert "The worker is not running." in page.warning[1].value.replace("\\", "")
    assert "Given up." in cells(page)
    assert not any("Everything works." in one.value for one in page.success)


def test_what_the_language_model_may_do_and_why_is_said(open_page: OpenPage, administrator: Person) -> None:
    page = open_page("health", administrator)
    assert "Rules find facts" in cells(page)
    assert "language model" in cells(page).lower()


def test_all_checks_run_again_on_demand(open_page: OpenPage, administrator: Person) -> None:
    page = open_page("health", administrator)
    page.button(key="health-again").click().run()
    assert not page.exception
    assert "Checked at" in texts(page)


def test_a_missing_optional_part_is_not_set_up_and_a_missing_required_one_does_not_work() -> None:
    assert health_word(check(ok=True)) is WORKING
    assert health_word(check(ok=True, seconds=4)) is SLOW
    assert health_word(check(ok=False)) is NOT_WORKING
    assert health_word(check(ok=False, level=Level.OPTIONAL)) is NOT_SET_UP
    assert health_word(check(ok=False, level=Level.OPTIONAL, name="Worker")) is NOT_RUNNING
    assert health_word(check(ok=False, level=Level.OPTIONAL, name=VECTORS)) is BEING_MADE


def test_an_endpoint_that_gets_no_calls_is_away_and_said_above_the_table() -> None:
    for away in ("Model endpoint llama", REPLICA):
        assert health_word(check(ok=False, level=Level.OPTIONAL, name=away)) is AWAY

    def script() -> None:
        from app.services.health import HealthCheck, Level
        from components.health_table import health_banner

        detail = "Circuit open. No server answers."
        health_banner([HealthCheck("Model endpoint llama", Level.OPTIONAL, "openai", False, detail, "", 0.1)])

    page = AppTest.from_function(script).run()
    assert "Model endpoint llama gets no calls." in texts(page)
    assert "Circuit open. No server answers." in texts(page)


def test_the_result_of_a_models_test_is_shown_item_by_item() -> None:
    def script() -> None:
        from app.domain.models import Band, ModelInfo, ProbeResult
        from components.model_card import model_card

        info = ModelInfo("ollama", "qwen3 8B", "d", 8192)
        model_card(
            ProbeResult(info, Band.RULES_AND_MODEL, 7, 0.9, True, False, True, 4.2, "Because."), set_by_hand=True
        )

    page = AppTest.from_function(script).run()
    assert not page.exception
    for text in ("Rules find facts, the language model adds", "7 of 10", "90.0 %", "8,192 tokens", "DAFE_MODEL_BAND"):
        assert text in cells(page)


def test_others_have_no_such_page(open_page: OpenPage, clinician: Person, sign_in: Callable[..., Person]) -> None:
    for person in (clinician, sign_in("rita", roles=(Role.COMPLIANCE,))):
        page = open_page("health", person)
        assert "Checked at" not in texts(page)
