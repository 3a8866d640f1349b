"""The cluster profile on PostgreSQL, Neo4j, Redis and a Qdrant server: the same day as with the embedded profile."""

import time
from contextlib import ExitStack, closing
from pathlib import Path
from threading import Event, Thread

import pytest

from app.container import OPERATOR, Services
from app.domain.access import Role
from app.domain.documents import DocumentStatus
from app.domain.ids import UserId, WorkspaceId
from app.domain.jobs import JobState
from app.errors import ConfigurationError
from tests.api.conftest import PASSWORD, add_person
from tests.security.canaries import USERNAME
from tests.security.journey_rest import RestClient
from tests.security.running import running
from tests.servers.clusters import Chosen, variables
from tests.servers.days import QUESTION, day, services_of
from tests.servers.real_redis import RealRedis
from tests.services.letters import WARFARIN, add, facts, job_of, status_of
from tests.working import work_off

pytestmark = [pytest.mark.server, pytest.mark.slow, pytest.mark.model, pytest.mark.timeout(600)]


def test_a_day_leaves_the_same_as_with_the_embedded_profile(cluster: Chosen, tmp_path: Path) -> None:
    with ExitStack() as closings:
        embedded = closings.enter_context(closing(services_of(tmp_path / "embedded")))
        served = closings.enter_context(closing(services_of(tmp_path / "cluster", profile="cluster", **cluster)))
        (_, left), (workspace_id, left_there) = day(embedded), day(served)
        assert left_there == left
        assert left[1], "the day leaves facts"
        failed = [check for check in served.health.checks(OPERATOR) if not check.ok and check.level == "required"]
        assert failed == []
        served.workspaces.delete(OPERATOR, workspace_id=workspace_id)
        assert served.workspaces.list(OPERATOR) == []


def test_dafe_up_indexes_answers_and_deletes(cluster: Chosen, tmp_path: Path) -> None:
    made: list[WorkspaceId] = []

    def prepare(services: Services) -> None:
        made.append(services.workspaces.add(OPERATOR, name="Cardiology", ontology="clinical").id)
        user_id = UserId(add_person(services, USERNAME, roles=(Role.ADMINISTRATOR,)))
        services.workspaces.set_member(OPERATOR, workspace_id=made[0], user_id=user_id, role=Role.CLINICIAN)

    chosen = {"profile": "cluster", **cluster}
    with running(tmp_path, prepare, options=("--profile", "cluster"), chosen=chosen, **variables(cluster)) as started:
        client = RestClient(started.settings.port, made[0], password=PASSWORD)
        client.sign_in()
        client.upload("letter.txt", WARFARIN)
        client.wait_until_worked_off()
        assert [one["status"] for one in client.documents()] == ["indexed"]
        for mode in ("graph", "rag", "graphrag"):
            answer = client.inside("POST", "/questions", json={"text": QUESTION, "mode": mode}).raise_for_status()
            assert any("amiodarone" in one["quote"] for one in answer.json()["citations"]), mode
        (document,) = client.documents()
        client.inside("DELETE", f"/documents/{document['id']}").raise_for_status()
        client.wait_until_worked_off()
        assert client.documents() == []
        assert client.inside("GET", "/graph/entities", params={"text": "amiodarone"}).json() == []
    assert not (tmp_path / "data" / "audit.db").exists()
    with closing(services_of(tmp_path / "data", profile="cluster", **cluster)) as services:
        assert services.audit.status(OPERATOR).sealed_to > 20, "the sealer beside them has read the log on the server"
        assert services.audit.verify(OPERATOR).ok


@pytest.mark.parametrize("away", ["postgres", "neo4j_server", "redis_server"])
def test_a_server_that_is_killed_and_comes_again_loses_nothing(
    cluster: Chosen, tmp_path: Path, request: pytest.FixtureRequest, away: str
) -> None:
    with closing(services_of(tmp_path / "data", profile="cluster", **cluster)) as services:
        workspace_id = services.workspaces.add(OPERATOR, name="Cardiology", ontology="clinical").id
        first = add(services, workspace_id, "first.txt", WARFARIN)
        work_off(services)
        before = facts(services, workspace_id)
        server = request.getfixturevalue(away)
        server.kill()
        server.start()
        again = add(services, workspace_id, "second.txt", WARFARIN.replace(b"bleeding", b"bruising"))
        work_off(services)
        assert {status_of(services, one) for one in (first, again)} == {DocumentStatus.INDEXED}
        assert set(before) < set(facts(services, workspace_id))


def test_a_data_folder_is_not_opened_with_a_database_that_does_not_know_its_files(
    cluster: Chosen, tmp_path: Path
) -> None:
    with closing(services_of(tmp_path, profile="cluster", **cluster)) as services:
        add(services, services.workspaces.add(OPERATOR, name="Cardiology", ontology="clinical").id, "a.txt", WARFARIN)
    with pytest.raises(ConfigurationError, match="belongs to another database"):
        services_of(tmp_path)
    with closing(services_of(tmp_path, profile="cluster", **cluster)) as services:
        (workspace,) = services.workspaces.list(OPERATOR)
        work_off(services)
        assert facts(services, workspace.id)


def test_a_folder_used_by_itself_is_not_opened_with_a_server(cluster: Chosen, tmp_path: Path) -> None:
    with closing(services_of(tmp_path)) as services:
        add(services, services.workspaces.add(OPERATOR, name="Cardiology", ontology="clinical").id, "a.txt", WARFARIN)
    with pytest.raises(ConfigurationError, match=r"The audit log in PostgreSQL is empty, .* dafe migrate"):
        services_of(tmp_path, profile="cluster", **cluster)
    with pytest.raises(ConfigurationError, match="belongs to another database"):
        services_of(tmp_path, profile="cluster", **{**cluster, "audit": {"kind": "sqlite"}})
    with closing(services_of(tmp_path)) as services:
        work_off(services)
        (workspace,) = services.workspaces.list(OPERATOR)
        assert facts(services, workspace.id)


def test_a_redis_that_is_away_is_told_on_the_health_page(
    cluster: Chosen, tmp_path: Path, redis_server: RealRedis
) -> None:
    with closing(services_of(tmp_path, profile="cluster", **cluster)) as services:
        assert states(services) == {"Queue": True, "Cached results": True}
        redis_server.kill()
        try:
            assert states(services) == {"Queue": False, "Cached results": False}
        finally:
            redis_server.start()


def states(services: Services) -> dict[str, bool]:
    checks = services.health.checks(OPERATOR)
    return {check.name: check.ok for check in checks if check.name in {"Queue", "Cached results"}}


def test_documents_wait_while_a_key_is_wrong(cluster: Chosen, tmp_path: Path) -> None:
    wrong = {**cluster, "vectors": {**cluster["vectors"], "api_key": "another key"}}
    with closing(services_of(tmp_path, profile="cluster", **wrong)) as services:
        document = add(services, services.workspaces.add(OPERATOR, name="C", ontology="general").id, "a.txt", WARFARIN)
        stop = Event()
        worker = Thread(target=services.make_indexing().serve, kwargs={"stop": stop})
        worker.start()
        try:
            end = time.monotonic() + 60
            while not (job := job_of(services, document)).error and time.monotonic() < end:
                time.sleep(0.05)
        finally:
            stop.set()
            worker.join()
        assert job.state is JobState.WAITING
        assert "refused the api_key" in (job.error or "")
    with closing(services_of(tmp_path, profile="cluster", **cluster)) as services:
        work_off(services)
        assert status_of(services, document) is DocumentStatus.INDEXED
