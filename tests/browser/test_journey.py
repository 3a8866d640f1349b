"""The journey of a new user: ask, open the source, add a document, ask about it, delete it, find it gone."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fpdf import FPDF
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import PATIENCE_MS, Application, choose_workspace, settle
from tests.browser.test_accessibility import serious

pytestmark = pytest.mark.browser
HOSPITAL = "Thornmere General Hospital"
NAME = "visit_quillon.pdf"
SENTENCE = "Perpetua Quillon takes dabigatran for atrial fibrillation."


@pytest.fixture
def page(application: Application, chromium: Browser, administrator: str) -> Iterator[Page]:
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, storage_state=administrator)
    opened = context.new_page()
    opened.set_default_timeout(PATIENCE_MS)
    elsewhere: list[str] = []
    opened.on("request", lambda request: elsewhere.append(request.url) if not is_ours(request.url) else None)
    opened.goto(application.address)
    settle(opened)
    choose_workspace(opened, HOSPITAL)
    yield opened
    opened.screenshot(path=application.log.with_name("last.png"))
    assert elsewhere == []
    context.close()


def is_ours(address: str) -> bool:
    return address.startswith(("http://localhost:", "ws://localhost:", "data:", "blob:"))


@pytest.fixture
def own_document(tmp_path: Path) -> Path:
    document = FPDF()
    document.add_page()
    document.set_font("helvetica", size=12)
    document.multi_cell(0, 8, f"Clinic visit, 4 August 2026\n\n{SENTENCE} She has no history of bleeding.")
    path = tmp_path / NAME
    document.output(str(path))
    return path


def go(page: Page, name: str) -> None:
    page.get_by_test_id("stSidebar").get_by_role("link", name=name).click()
    expect(page.get_by_role("heading", level=1, name=name)).to_be_visible()
    settle(page)


def ask(page: Page, question: str, *, mode: str = "Auto") -> None:
    go(page, "Ask")
    again = page.get_by_role("button", name="New question")
    if again.is_enabled():
        again.click()
        settle(page)
    page.get_by_role("radio", name=mode, exact=True).click()
    settle(page)
    box = page.get_by_placeholder("Ask about anything")
    box.fill(question)
    box.press("Enter")
    expect(page.get_by_role("heading", name=question)).to_be_visible()
    expect(page.get_by_role("button", name="Stop")).to_have_count(0, timeout=PATIENCE_MS)
    settle(page)


def wait_until_all_is_indexed(application: Application) -> None:
    """Asks the command line, which works beside the running application."""
    command = [Path(sys.executable).with_name("dafe"), "documents", "list", "--workspace", HOSPITAL, "--json"]
    environment = {**os.environ, "DAFE_DATA_DIR": str(application.data_dir), "DAFE_LLM__KIND": "none"}
    for _ in range(120):
        listed = subprocess.run(command, env=environment, capture_output=True, check=True)
        counts = json.loads(listed.stdout)["counts"]
        if counts["waiting"] + counts["running"] == 0:
            assert counts["failed"] + counts["refused"] == 0
            return
        time.sleep(2)
    raise AssertionError(f"not indexed in time: {counts}")


def open_actions(page: Page) -> None:
    """Of the first row: the table is a canvas, so its menu is found by its place."""
    table = page.get_by_test_id("stDataFrame").first
    table.scroll_into_view_if_needed()
    page.wait_for_timeout(1_000)
    box = table.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] - 42, box["y"] + 34 * 1.5)


def keep_to_oneself(page: Page) -> None:
    """The document of the first row, through its menu."""
    open_actions(page)
    page.get_by_text("Who can see this", exact=True).click()
    settle(page)
    dialog = page.get_by_test_id("stDialog").last
    dialog.get_by_text("Only people on a list", exact=True).click()
    settle(page)
    assert serious(page) == []
    dialog.get_by_role("button", name="Save").click()
    settle(page)
    expect(page.get_by_text(re.compile("^Only you see ")).first).to_be_visible()


@pytest.mark.timeout(900)
def test_a_new_user_gets_from_a_question_to_its_source_and_manages_a_document(
    application: Application, page: Page, own_document: Path
) -> None:
    wait_until_all_is_indexed(application)
    ask(page, "How are Marisol Tennant and CYP2C9 connected?")
    chips = page.get_by_role("button", name=re.compile("^Show source"))
    expect(chips.first).to_be_visible()
    chips.last.click()
    settle(page)
    expect(page.get_by_text(re.compile("CYP2C9")).first).to_be_visible()

    go(page, "Documents")
    page.get_by_role("button", name="Add documents").first.click()
    page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(own_document)
    page.get_by_role("button", name="Add 1 file").click()
    settle(page)
    wait_until_all_is_indexed(application)

    ask(page, "What does Perpetua Quillon take?")
    expect(page.get_by_text(re.compile("dabigatran")).first).to_be_visible()
    chips.first.click()
    settle(page)
    expect(page.get_by_text(NAME).first).to_be_visible()

    go(page, "Documents")
    page.get_by_placeholder("Search by name").fill(NAME)
    page.get_by_placeholder("Search by name").press("Enter")
    settle(page)
    keep_to_oneself(page)
    open_actions(page)
    page.get_by_text("Delete", exact=True).click()
    settle(page)
    page.get_by_test_id("stDialog").last.get_by_text("Delete", exact=True).click()
    settle(page)
    expect(page.get_by_test_id("stDataFrame")).to_have_count(0, timeout=PATIENCE_MS)

    ask(page, "What does Perpetua Quillon take?")
    expect(page.get_by_text(re.compile("Not in the documents")).first).to_be_visible()
    expect(page.get_by_text(re.compile("dabigatran"))).to_have_count(0)


@pytest.mark.timeout(900)
def test_an_export_is_made_while_the_page_waits_and_is_then_downloaded(application: Application, page: Page) -> None:
    wait_until_all_is_indexed(application)
    go(page, "Graph")
    page.get_by_role("button", name="Export").click()
    page.get_by_role("button", name="CSV, for spreadsheets").click()
    ready = page.get_by_role("button", name="Download CSV")
    expect(ready).to_be_visible(timeout=PATIENCE_MS)
    assert serious(page) == []
    with page.expect_download(timeout=PATIENCE_MS) as download:
        ready.click()
    assert download.value.suggested_filename == "facts.csv"
    assert download.value.path().read_text(encoding="utf-8-sig").startswith("subject,subject_type,relation,object")
