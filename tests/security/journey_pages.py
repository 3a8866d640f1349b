"""Every page in Chromium, with canaries typed wherever something can be typed; keeps what the browser asked for."""

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect, sync_playwright

from tests.browser.conftest import CHROMIUM, PATIENCE_MS, SWITCHES, settle
from tests.security.canaries import (
    DISPLAY_NAME,
    FILE,
    LETTER,
    NEW_USER,
    PASSWORD,
    PERSON,
    QUESTION,
    SEARCH,
    USERNAME,
    WORKSPACE,
    WRONG_PASSWORD,
)

_CARD = "Something unexpected happened"
_NO_CALLS_OF_ITS_OWN = (
    "--component-updater=url-source=http://127.0.0.1:9/",
    "--disable-features=AutofillServerCommunication,NetworkTimeServiceQuerying,OptimizationHints,MediaRouter,Translate",
)
"""Chromium asks its makers for updates of its parts, for the meaning of the fields of a form and for the time, whatever
page it shows; without that, every attempt in the trace was made by a page or by the server."""
_PATIENCE_MS = 3 * PATIENCE_MS


def visit_pages(port: int, folder: Path, *, break_inside: Callable[[], AbstractContextManager[None]]) -> dict[str, Any]:
    """What the browser asked for and showed in its address, its console, and the error cards seen.

    `folder` gets a picture of the last page; `break_inside` is a block in which the Home page fails.
    """
    urls: list[str] = []
    console: list[str] = []
    with _opened(port, folder, urls, console) as page:
        _sign_in(page)
        _documents(page)
        _ask(page)
        _graph(page)
        _people_and_workspaces(page)
        _account(page)
        for name in ("Audit log", "Health"):
            _go(page, name)
        _home(page)
        page.get_by_role("heading", level=1, name=WORKSPACE).wait_for()
        settle(page)
        _go(page, "Audit log")
        cards = _fail(page, break_inside)
    return {"urls": urls, "console": console, "cards": cards}


@contextmanager
def _opened(port: int, folder: Path, urls: list[str], console: list[str]) -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*SWITCHES, *_NO_CALLS_OF_ITS_OWN])
        page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
        page.set_default_timeout(_PATIENCE_MS)
        page.on("request", lambda request: urls.append(request.url))
        page.on("websocket", lambda socket: urls.append(socket.url))
        page.on("framenavigated", lambda frame: urls.append(frame.url))
        page.on("console", lambda message: console.append(message.text))
        page.goto(f"http://localhost:{port}/")
        try:
            yield page
        finally:
            page.screenshot(path=folder / "last.png")
            browser.close()


def _sign_in(page: Page) -> None:
    for password in (WRONG_PASSWORD, PASSWORD):
        page.get_by_label("User name").fill(USERNAME)
        page.get_by_label("Password", exact=True).fill(password)
        page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("link", name="Documents").wait_for()
    settle(page)


def _go(page: Page, name: str) -> None:
    page.get_by_test_id("stSidebar").get_by_role("link", name=name).click()
    page.get_by_role("heading", level=1, name=name).wait_for()
    settle(page)


def _home(page: Page) -> None:
    page.get_by_test_id("stSidebar").get_by_role("link", name="Home").click()


def _documents(page: Page) -> None:
    _go(page, "Documents")
    page.get_by_role("button", name="Add documents").first.click()
    letter = {"name": f"{FILE}-browser.txt", "mimeType": "text/plain", "buffer": f"Browser.\n\n{LETTER}".encode()}
    page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(letter)
    page.get_by_role("button", name="Add 1 file").click()
    settle(page)
    _go(page, "Documents")
    _type(page, "Search by name", FILE)


def _type(page: Page, placeholder: str, text: str) -> None:
    page.get_by_placeholder(placeholder).fill(text)
    page.get_by_placeholder(placeholder).press("Enter")
    settle(page)


def _close_dialog(page: Page) -> None:
    page.get_by_test_id("stDialog").get_by_role("button", name="Close", exact=True).click()
    expect(page.get_by_test_id("stDialog")).to_have_count(0, timeout=_PATIENCE_MS)
    settle(page)


def _ask(page: Page) -> None:
    _go(page, "Ask")
    _type(page, "Ask about anything", f"Which {QUESTION} was given to {PERSON}?")
    expect(page.get_by_role("button", name="Stop")).to_have_count(0, timeout=_PATIENCE_MS)
    settle(page)
    page.get_by_role("button", name="History").click()
    settle(page)
    _close_dialog(page)


def _graph(page: Page) -> None:
    _go(page, "Graph")
    for text in (SEARCH, PERSON):
        _type(page, "Find an entity", text)
    page.locator("button", has_text=f"{PERSON} Person").first.click()
    settle(page)


def _people_and_workspaces(page: Page) -> None:
    _go(page, "People and roles")
    page.get_by_role("button", name="Add a person").click()
    settle(page)
    page.get_by_role("textbox", name="Name", exact=True).fill(DISPLAY_NAME)
    page.get_by_role("textbox", name="User name", exact=True).fill(NEW_USER)
    page.get_by_role("textbox", name="User name", exact=True).press("Tab")
    page.get_by_test_id("stDialog").get_by_role("button", name="Add", exact=True).click()
    page.get_by_role("button", name="Done").click()
    settle(page)
    _go(page, "Workspaces")
    page.get_by_role("button", name="Add a workspace").click()
    settle(page)
    page.get_by_role("textbox", name="Name", exact=True).fill(WORKSPACE)
    page.get_by_role("textbox", name="Name", exact=True).press("Tab")
    page.get_by_test_id("stDialog").get_by_role("button", name="Add", exact=True).click()
    settle(page)
    _close_dialog(page)


def _account(page: Page) -> None:
    page.get_by_role("button", name=DISPLAY_NAME).click()
    page.get_by_text("Account", exact=True).click()
    page.get_by_role("heading", level=1, name="Account").wait_for()
    for label, text in (
        ("Present password", WRONG_PASSWORD),
        ("New password", f"{PASSWORD}-new"),
        ("New password again", f"{PASSWORD}-new"),
    ):
        page.get_by_role("textbox", name=label, exact=True).fill(text)
    page.get_by_role("button", name="Change password").click()
    page.get_by_text("The present password is not right").wait_for()


def _fail(page: Page, break_inside: Callable[[], AbstractContextManager[None]]) -> list[str]:
    """The card in place of a page that meets an error nobody expected."""
    with break_inside():
        _home(page)
        page.get_by_text(_CARD).first.wait_for()
        card = page.get_by_text(re.compile("give reference")).first.inner_text()
    return [card]
