"""Servers that several modules of this folder use."""

from tests.servers.real_postgres import postgres  # noqa: F401 - a fixture
