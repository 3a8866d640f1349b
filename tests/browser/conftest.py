"""The running application, as `dafe up` starts it, and Chromium in front of it."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Playwright, sync_playwright

from tests.servers.requiring import require

ROOT = Path(__file__).parents[2]
CHROMIUM = Path("/usr/bin/chromium")
SWITCHES = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
SWITCHES += ["--disable-component-update", "--disable-sync"]
PASSWORD = "four unrelated words here"
PATIENCE_MS = 60_000
_IDLE = """() => {
  const app = document.querySelector('[data-testid="stApp"]');
  return app && app.getAttribute('data-test-connection-state') === 'CONNECTED'
    && app.getAttribute('data-test-script-state') === 'notRunning'
    && !document.querySelector('[data-testid="stSkeleton"], [data-stale="true"]');
}"""


@dataclass(frozen=True, slots=True)
class Application:
    address: str
    first_password: str
    data_dir: Path
    log: Path


@pytest.fixture(scope="session")
def application(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Application]:
    """One for all browser tests; ended with Ctrl-C, which must end everything it started."""
    folder = tmp_path_factory.mktemp("application")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = folder / "log"
    environment = {**os.environ, "DAFE_DATA_DIR": str(folder / "data"), "DAFE_LLM__KIND": "none"}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [Path(sys.executable).with_name("dafe"), "up", "--port", str(port)],
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=ROOT,
        )
        try:
            yield Application(f"http://localhost:{port}", _first_password(log, process), folder / "data", log)
        finally:
            process.send_signal(signal.SIGINT)
            code = process.wait(timeout=60)
    assert code == 0, log.read_text()


def _first_password(log: Path, process: "subprocess.Popen[bytes]") -> str:
    for _ in range(1_200):
        found = re.search(r"with the password (\S+)", log.read_text())
        if found and "Stop with Ctrl-C" in log.read_text():
            return found.group(1)
        assert process.poll() is None, log.read_text()
        time.sleep(0.1)
    raise AssertionError(f"not ready in two minutes: {log.read_text()}")


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="session")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    if not CHROMIUM.exists():
        require("chromium", "install Debian's chromium")
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=SWITCHES)
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def administrator(application: Application, chromium: Browser) -> str:
    """The first administrator, who has chosen a password; returns the browser's saved cookie state as a path."""
    context = chromium.new_context()
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(application.address)
    fill_sign_in(page, application.first_password)
    page.get_by_role("textbox", name="Present password", exact=True).fill(application.first_password)
    page.get_by_role("textbox", name="New password", exact=True).fill(PASSWORD)
    page.get_by_role("textbox", name="New password again", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Change password").click()
    page.get_by_role("link", name="Documents").wait_for()
    state = application.data_dir.parent / "signed-in.json"
    context.storage_state(path=state)
    context.close()
    return str(state)


def fill_sign_in(page: Page, password: str) -> None:
    page.get_by_label("User name").fill("admin")
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()


def settle(page: Page) -> None:
    """Return when the page has nothing more to draw; twice, because a rerun may begin in between."""
    for _ in range(2):
        page.wait_for_function(_IDLE, timeout=PATIENCE_MS)
        page.wait_for_timeout(150)


def choose_workspace(page: Page, name: str) -> None:
    page.get_by_test_id("stSidebar").get_by_test_id("stSelectbox").locator("input").click()
    page.get_by_role("option", name=name).click()
    settle(page)


def indexed_share(page: Page) -> str:
    return page.get_by_text(re.compile(r"^\d+ indexed$")).first.inner_text()
