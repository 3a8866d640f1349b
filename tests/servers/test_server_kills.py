"""Servers and workers of the cluster profile killed while documents are indexed; the long form is a measurement."""

from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from random import Random
from typing import Any

import pytest

from app.container import OPERATOR
from tests.security.contents import contents
from tests.security.stored_rows import metadata_of
from tests.servers.clusters import Chosen
from tests.servers.days import services_of
from tests.servers.requiring import require
from tests.services.letters import ASPIRIN, WARFARIN, add
from tests.working import work_off

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


def test_the_comparison_finds_two_workspaces_equal_and_a_change_on_each_server(
    cluster: Chosen, neo4j_server: Any, tmp_path: Path
) -> None:
    from qdrant_client import QdrantClient

    with closing(services_of(tmp_path, profile="cluster", **cluster)) as services:
        here, there = (
            services.workspaces.add(OPERATOR, name=name, ontology="clinical").id for name in ("Here", "There")
        )
        for workspace_id in (here, there):
            add(services, workspace_id, "one.txt", WARFARIN)
            add(services, workspace_id, "two.txt", ASPIRIN)
        work_off(services)
        before = contents(services, here)
        assert before.differences(contents(services, there)) == []
        assert {kind for kind, number in before.counts().items() if not number} == {"orphans"}
        with closing(neo4j_server.driver()) as driver:
            for kind in ("MENTIONS", "STATES", "OF"):
                driver.execute_query(
                    f"MATCH ()-[r:{kind}]->() WHERE r.workspace_id = $here LIMIT 1 DELETE r", here=there
                )
        with metadata_of(services) as database, database.write() as connection:
            connection.exec_driver_sql("UPDATE chunk_stems SET count = count + 1")
        headers = {"api-key": cluster["vectors"]["api_key"]}
        with closing(QdrantClient(url=cluster["vectors"]["url"], headers=headers, check_compatibility=False)) as client:
            for collection in client.get_collections().collections:
                (point, *_), _ = client.scroll(collection.name)
                client.delete(collection.name, points_selector=[point.id])
        found = {line.split(":")[0] for line in before.differences(contents(services, there))}
    assert found >= {"mentions", "evidence", "facts", "orphans", "stems", "vectors"}
