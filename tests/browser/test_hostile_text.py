"""Hostile texts in the browser: as names, bodies, questions and workspaces; nothing runs and nothing leaves."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from app.container import OPERATOR, open_services
from app.domain.access import Role
from app.settings import load_settings
from tests.browser.conftest import PATIENCE_MS, Application, choose_workspace, settle
from tests.browser.test_journey import ask, go, is_ours
from tests.security.hostile_texts import CANARY, ORDERS, SCRIPTS

pytestmark = pytest.mark.browser
WORKSPACE = f"Ward <img src=x onerror={CANARY}=1>"
NAMED = [text for text in SCRIPTS if len(text) < 100]


@dataclass(slots=True)
class Watched:
    """What a page must not do."""

    elsewhere: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def follow(self, page: Page) -> None:
        page.on("request", lambda request: None if is_ours(request.url) else self.elsewhere.append(request.url))
        page.on("dialog", lambda dialog: (self.dialogs.append(dialog.message), dialog.dismiss()))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda message: self.errors.append(message.text) if refused(message.text) else None)


def refused(message: str) -> bool:
    """Whether the browser had to stop something that should not have been in the page at all."""
    return "Content Security Policy" in message


def dafe(application: Application, *arguments: str | Path) -> dict[str, object]:
    environment = {**os.environ, "DAFE_DATA_DIR": str(application.data_dir), "DAFE_LLM__KIND": "none"}
    command = [Path(sys.executable).with_name("dafe"), *arguments, "--json"]
    ran = subprocess.run(command, env=environment, capture_output=True, check=False)
    found: dict[str, object] = json.loads(ran.stdout)
    return found


def join(application: Application, name: str) -> None:
    """Makes the administrator a member, who otherwise manages the workspace without seeing into it."""
    settings = load_settings(data_dir=application.data_dir, embeddings={"kind": "hashing"}, llm={"kind": "none"})
    services = open_services(settings)
    try:
        (user,) = (one for one in services.users.list(OPERATOR) if one.username == "admin")
        (space,) = (one for one in services.workspaces.list(OPERATOR) if one.name == name)
        services.workspaces.set_member(OPERATOR, workspace_id=space.id, user_id=user.id, role=Role.ANALYST)
    finally:
        services.close()


@pytest.fixture(scope="module")
def hostile(application: Application, administrator: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of a workspace that bears, and whose documents bear and hold, hostile texts."""
    folder = tmp_path_factory.mktemp("hostile")
    for number, text in enumerate(NAMED):
        facts = f"Warfarin interacts with {text}.\n\nWarfarin interacts with amiodarone."
        body = f"{text}\n\n{facts}\n\n{ORDERS[number % 4]}\n"
        (folder / f"{number} {text.replace('/', chr(0x2215))}.txt").write_text(body)
    page = "".join(f"<h1>{text}</h1><p>Digoxin interacts with heparin. {text}</p>" for text in NAMED)
    (folder / "page.html").write_text(f"<html><title>{SCRIPTS[0]}</title><body>{page}</body></html>")
    dafe(application, "workspaces", "add", WORKSPACE, "--ontology", "clinical")
    listed = dafe(application, "ingest", folder, "--workspace", WORKSPACE, "--wait")
    documents = listed["documents"]
    assert isinstance(documents, list)
    assert {one["status"] for one in documents} == {"indexed"}
    join(application, WORKSPACE)
    return WORKSPACE


@pytest.fixture
def watched() -> Watched:
    return Watched()


@pytest.fixture
def page(application: Application, chromium: Browser, administrator: str, watched: Watched) -> Iterator[Page]:
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, storage_state=administrator)
    opened = context.new_page()
    opened.set_default_timeout(PATIENCE_MS)
    watched.follow(opened)
    opened.goto(application.address)
    settle(opened)
    yield opened
    opened.screenshot(path=application.log.with_name("hostile.png"))
    context.close()


def assert_quiet(page: Page, watched: Watched) -> None:
    assert page.evaluate(f"{CANARY} === undefined")
    assert (watched.dialogs, watched.elsewhere, watched.errors) == ([], [], [])


@pytest.mark.timeout(900)
def test_hostile_texts_are_shown_as_they_are_on_every_page(
    application: Application, page: Page, watched: Watched, hostile: str
) -> None:
    choose_workspace(page, hostile)
    assert_quiet(page, watched)
    for name in ("Audit log", "People and roles", "Workspaces", "Health", "Home"):
        page.get_by_test_id("stSidebar").get_by_role("link", name=name).click()
        settle(page)
        assert_quiet(page, watched)
    go(page, "Documents")
    for text in ("onerror", "<b>"):
        page.get_by_placeholder("Search by name").fill(text)
        page.get_by_placeholder("Search by name").press("Enter")
        settle(page)
    assert_quiet(page, watched)
    for question in ("What does warfarin interact with?", *SCRIPTS[:3], ORDERS[0]):
        ask(page, question)
        assert_quiet(page, watched)
    ask(page, "What does warfarin interact with?", mode="RAG")
    page.get_by_role("button", name=re.compile("^Show source")).first.click()
    settle(page)
    assert_quiet(page, watched)
    go(page, "Graph")
    for view in ("Table", "Drawing"):
        choice = page.get_by_role("radio", name=view, exact=True)
        if choice.count():
            choice.click()
            settle(page)
        page.wait_for_timeout(1_000)
        assert_quiet(page, watched)


def test_the_watch_sees_a_script_that_runs_and_a_request_that_leaves(page: Page, watched: Watched) -> None:
    """Without this the tests above could not fail."""
    page.evaluate(f"{CANARY} = 1; fetch('https://outside.example/').catch(() => 0); setTimeout(() => alert(1))")
    page.wait_for_timeout(1_000)
    with pytest.raises(AssertionError):
        assert_quiet(page, watched)
    assert watched.dialogs == ["1"]
    assert watched.elsewhere or watched.errors
