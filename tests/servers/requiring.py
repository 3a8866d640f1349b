"""Skips a test whose server is absent, unless DAFE_TEST_REQUIRE names it: then the test fails."""

import os
from typing import NoReturn

import pytest


def require(name: str, reason: str) -> NoReturn:
    """Call this when `name` (a backend's name, such as "ollama") cannot be had; `reason` says how to get it."""
    required = {part.strip() for part in os.environ.get("DAFE_TEST_REQUIRE", "").split(",")}
    if name in required:
        pytest.fail(f"{name} is required by DAFE_TEST_REQUIRE and absent: {reason}", pytrace=False)
    pytest.skip(f"{name}: {reason}")
