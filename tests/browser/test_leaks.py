"""The journey full of canaries through every page: nothing in addresses, console or cards, nothing beyond loopback."""

from urllib.parse import urlsplit

import pytest

from tests.browser.conftest import CHROMIUM
from tests.security.journey_evidence import PLACES, Evidence, gather, leaks
from tests.servers.requiring import require

pytestmark = [pytest.mark.browser, pytest.mark.timeout(1_800)]


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    if not CHROMIUM.exists():
        require("chromium", "install Debian's chromium")
    return gather(tmp_path_factory.mktemp("journey"), "--browser")


@pytest.mark.parametrize("place", PLACES)
def test_no_canary_is_in(evidence: Evidence, place: str) -> None:
    assert leaks(evidence, place) == []


def test_an_error_on_a_page_shows_a_reference_that_finds_its_line(evidence: Evidence) -> None:
    assert len(evidence.seen["cards"]) == 1
    assert evidence.unlogged == []


def test_the_browser_asks_this_server_alone(evidence: Evidence) -> None:
    asked = [urlsplit(url) for url in evidence.seen["urls"]]
    assert len(asked) > 100
    assert {url.hostname for url in asked if url.scheme not in {"data", "blob", "about"}} == {"localhost"}


def test_neither_browser_nor_server_tries_anything_beyond_loopback(evidence: Evidence) -> None:
    if evidence.calls is None:
        require("strace", "install Debian's strace, and let unshare make a network")
    assert evidence.attempts == []
    assert evidence.beyond == []
    assert evidence.calls > 10_000
