"""The running application: killed while it indexes, started twice, and started on what a newer program wrote."""

import subprocess
import sys
import time
from pathlib import Path
from random import Random

import httpx
import pytest

from app.container import OPERATOR
from app.sample_sets import find_sample_sets
from backends.metadata.base_content import DocumentFilter
from tests.security.contents import contents
from tests.security.data_disk import EMBEDDER, environment, opened, work_off
from tests.security.kill_rounds import attack_of_profile
from tests.security.killing import EVERYTHING, ROOT, Application
from tests.security.stored_rows import database_of
from tests.services.letters import ASPIRIN, WARFARIN, add

pytestmark = pytest.mark.server
EVERY = DocumentFilter(limit=0)
NEWER = "The data was written by a newer Dafe Graphs: start that version, or a copy."


@pytest.mark.timeout(900)
def test_kills_at_random_moments_lose_and_double_nothing(tmp_path: Path) -> None:
    attack = attack_of_profile(tmp_path, profile="embedded", documents=10)
    random = Random(4)
    try:
        attack.begin()
        while attack.survived.killed.total() < 5:
            left = 5 - attack.survived.killed.total()
            attack.round(kills=left, seconds_between=2, random=random, share=0.8)
        attack.finish()
    finally:
        attack.end()
    assert attack.survived.wrong == []
    assert attack.survived.killed.total() == 5
    assert attack.survived.events > 2 * 2 * 10


def test_the_comparison_sees_one_row_too_few_and_one_too_many(tmp_path: Path) -> None:
    services = opened(tmp_path)
    workspace = services.workspaces.add(OPERATOR, name="Cardiology", ontology="clinical")
    add(services, workspace.id, "one.txt", WARFARIN)
    add(services, workspace.id, "two.txt", ASPIRIN)
    work_off(services, workspace)
    before = contents(services, workspace.id)
    assert before.differences(contents(services, workspace.id)) == []
    with database_of(services) as database, database.write() as connection:
        connection.exec_driver_sql("DELETE FROM vectors WHERE number = 1")
        connection.exec_driver_sql(
            "INSERT INTO mentions SELECT entity_id, 'x', workspace_id, version_id, count, topic FROM mentions LIMIT 1"
        )
    found = {line.split(":")[0] for line in before.differences(contents(services, workspace.id))}
    services.close()
    assert {"vectors", "mentions"} <= found


@pytest.mark.timeout(900)
def test_a_first_start_that_is_killed_again_and_again_ends_with_one_administrator_and_all_samples(
    tmp_path: Path,
) -> None:
    application = Application(tmp_path, EMBEDDER)
    random = Random(2)
    for _ in range(4):
        application.keep_up()
        time.sleep(0.5 + random.random() * 5)
        application.kill(EVERYTHING)
    try:
        application.wait_until_ready()
        password = (application.data_dir / "first-administrator-password").read_text().strip()
        sign_in = {"username": "admin", "password": password}
        assert httpx.post(f"{application.address}/api/v1/tokens", json=sign_in, timeout=60).status_code == 201
    finally:
        application.end()
    services = opened(tmp_path)
    assert [user.username for user in services.users.list(OPERATOR)] == ["admin"]
    stored = {
        workspace.name: services.documents.list(OPERATOR, workspace_id=workspace.id, document_filter=EVERY).total
        for workspace in services.workspaces.list(OPERATOR)
    }
    services.close()
    assert stored.keys() == {one.title for one in find_sample_sets()}
    assert all(stored[one.title] >= len(one.files) for one in find_sample_sets())


def run_up(folder: Path, port: int) -> "subprocess.CompletedProcess[str]":
    command = [str(Path(sys.executable).with_name("dafe")), "up", "--port", str(port)]
    return subprocess.run(
        command, env=environment(folder), cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )


def test_a_second_start_on_the_same_data_folder_is_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    application = Application(tmp_path, {**EMBEDDER, "DAFE_SAMPLES": "false"})
    try:
        application.wait_until_ready()
        first = application.find_processes()
        second = run_up(tmp_path, application.port + 1)
        assert second.returncode == 1
        assert second.stderr == (
            f"Dafe Graphs is running already with the data folder {application.data_dir}: stop it first, or choose"
            " another folder with DAFE_DATA_DIR.\n"
        )
        assert first.items() <= application.find_processes().items()
        application.wait_until_ready()
    finally:
        application.end()


@pytest.mark.parametrize("prepared", [False, True])
def test_what_a_newer_program_wrote_is_refused_and_left_as_it_is(tmp_path: Path, prepared: bool) -> None:
    """By whichever process opens it: a folder that is prepared is left to the children."""
    services = opened(tmp_path)
    workspace = services.workspaces.add(OPERATOR, name="Cardiology", ontology="clinical")
    add(services, workspace.id, "letter.txt", WARFARIN)
    with database_of(services) as database:
        with database.write() as connection:
            version = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one()
            connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
        services.close()
        application = Application(tmp_path, {**EMBEDDER, "DAFE_SAMPLES": "false"})
        if prepared:
            (application.data_dir / "prepared").touch()
        refused = run_up(tmp_path, application.port)
        assert refused.returncode != 0
        assert {line for line in refused.stderr.splitlines() if line} == {NEWER}
        assert application.find_processes() == {}
        with database.write() as connection:
            assert connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one() == "9999"
            connection.exec_driver_sql("UPDATE alembic_version SET version_num = ?", (version,))
    services = opened(tmp_path)
    work_off(services, workspace)
    assert contents(services, workspace.id).facts
    services.close()
