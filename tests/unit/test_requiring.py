"""Tests of skipping, or failing, for want of a server."""

import pytest

from tests.servers.requiring import require


def test_an_absent_server_skips_the_test(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAFE_TEST_REQUIRE", "chroma")
    with pytest.raises(pytest.skip.Exception, match="ollama: install it"):
        require("ollama", "install it")


def test_an_absent_server_that_is_required_fails_the_test(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAFE_TEST_REQUIRE", "chroma, ollama")
    with pytest.raises(pytest.fail.Exception, match="ollama is required"):
        require("ollama", "install it")
