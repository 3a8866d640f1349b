"""Servers and workers of the cluster profile killed while documents are indexed; the long form is a measurement."""

from importlib.util import find_spec
from pathlib import Path
from random import Random

import pytest

from tests.servers.requiring import require

pytestmark = [pytest.mark.server, pytest.mark.slow, pytest.mark.model, pytest.mark.timeout(600)]
KILLS, DOCUMENTS = 4, 4


def test_servers_and_workers_killed_at_random_moments_lose_and_double_nothing(tmp_path: Path) -> None:
    for extra, module in (("neo4j", "neo4j"), ("qdrant", "qdrant_client")):
        if find_spec(module) is None:
            require(extra, f"install the extra {extra}")
    from tests.security.server_killing import letters_and_tables, served_attack

    random = Random(5)
    with served_attack(tmp_path, documents=letters_and_tables(DOCUMENTS), seed=5) as attack:
        attack.begin()
        while attack.survived.killed.total() < KILLS:
            attack.round(kills=KILLS - attack.survived.killed.total(), seconds_between=2, random=random, share=0.8)
        attack.finish()
    assert attack.survived.wrong == []
    assert attack.survived.killed.total() == KILLS
    assert attack.survived.events > 2 * 2 * DOCUMENTS
