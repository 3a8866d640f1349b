"""Servers that several modules of this folder use."""

from collections.abc import Iterator

import pytest

from tests.servers.real_postgres import RealPostgres, real_postgres


@pytest.fixture(scope="session")
def postgres() -> Iterator[RealPostgres]:
    with real_postgres() as server:
        yield server
