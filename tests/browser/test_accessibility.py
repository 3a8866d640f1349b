"""No serious finding of axe-core on any page, light and dark, wide and narrow."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests.browser.conftest import PATIENCE_MS, Application, settle

pytestmark = pytest.mark.browser
PAGES = ["", "documents", "ask", "graph", "audit", "users", "workspaces", "health", "help", "account"]
KNOWN = {"presentation-role-conflict"}
"""Streamlit's own file field, minor."""


def serious(page: Page) -> list[str]:
    """Findings that are still there a moment later: a part that redraws itself is pale for an instant."""
    if not (found := _serious_now(page)):
        return []
    page.wait_for_timeout(1_500)
    settle(page)
    return [one for one in found if one in _serious_now(page)]


def _serious_now(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [
        f"{one['id']}: {one['nodes'][0]['html'][:160]}"
        for one in found
        if one["impact"] in {"serious", "critical"} and one["id"] not in KNOWN
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_have_no_serious_finding(
    application: Application, chromium: Browser, administrator: str, scheme: str
) -> None:
    context = chromium.new_context(color_scheme=scheme, storage_state=administrator)  # type: ignore[arg-type]
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    findings = {}
    for name in PAGES:
        page.goto(f"{application.address}/{name}")
        settle(page)
        if found := serious(page):
            findings[name] = found
    context.close()
    assert findings == {}


def test_the_sign_in_page_has_no_serious_finding(application: Application, chromium: Browser) -> None:
    context = chromium.new_context()
    page = context.new_page()
    page.goto(f"{application.address}/session/sign-in")
    assert serious(page) == []
    context.close()


def test_nothing_scrolls_sideways_on_a_narrow_screen(
    application: Application, chromium: Browser, administrator: str
) -> None:
    context = chromium.new_context(viewport={"width": 640, "height": 900}, storage_state=administrator)
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    wide = []
    for name in PAGES:
        page.goto(f"{application.address}/{name}")
        settle(page)
        if page.evaluate("document.documentElement.scrollWidth > window.innerWidth + 1"):
            wide.append(name)
    context.close()
    assert wide == []
