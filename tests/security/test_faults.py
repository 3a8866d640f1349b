"""A full or read-only disk, a damaged file, a locked database, a clock that jumps: a sentence, and then it goes on."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from app.container import OPERATOR, Services
from app.domain.documents import Document, DocumentStatus
from app.domain.jobs import JobState, Stage
from app.domain.workspaces import Workspace
from app.errors import BackendUnavailableError
from app.pipeline.indexing import layout_id
from backends.sql import engine
from tests.security.contents import leftovers, problems
from tests.security.data_disk import environment, opened, wait_for_end, wait_until, work_off
from tests.security.killing import ROOT
from tests.services.letters import ASPIRIN, WARFARIN, add, facts, job_of, long_letter, status_of

_HOLDS = (
    "import sys; from pathlib import Path; from backends.sql.engine import Database\n"
    "database = Database(Path(sys.argv[1]), key=bytes.fromhex(sys.stdin.readline()))\n"
    "with database.write() as connection: print('holds', flush=True); sys.stdin.read()\n"
)
"""A process that begins to write and does not come to an end."""


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    found = opened(tmp_path)
    yield found
    found.close()


@pytest.fixture
def workspace(services: Services) -> Workspace:
    return services.workspaces.add(OPERATOR, name="Cardiology", ontology="clinical")


def is_whole(services: Services, workspace: Workspace, *documents: Document) -> bool:
    """Everything is indexed, recorded once, and nothing is left over."""
    wrong = problems(services, workspace.id, added={one.id for one in documents}, here=set()) + leftovers(services)
    assert wrong == []
    return all(status_of(services, one) is DocumentStatus.INDEXED for one in documents)


def on_a_disk_of_its_own(scenario: str, folder: Path) -> dict[str, Any]:
    """In a name space of its own, which any user may have where the kernel allows it."""
    mount = 'mount -t tmpfs -o size=16m tmpfs "$0" && exec "$@"'
    alone = ["unshare", "--map-root-user", "--mount", "sh", "-c", mount, str(folder)]
    if shutil.which("unshare") is None or subprocess.run([*alone, "true"], check=False).returncode:
        pytest.skip("this machine allows no file system of one's own")
    command = [*alone, sys.executable, "-m", "tests.security.data_disk", scenario, str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.slow
def test_a_disk_that_is_full_for_a_while_costs_no_document(tmp_path: Path) -> None:
    found = on_a_disk_of_its_own("full", tmp_path)
    upload, health = found["said"]
    assert "nothing was shown or changed" in upload
    assert "check the disk" in upload
    assert health == "Only 0.0 GB of the data folder's disk are free."
    assert "failed" not in found["meanwhile"]
    assert (found["indexed"], found["errors"]) == (3, [None] * 3)
    assert (found["wrong"], found["sound"]) == ([], True)


@pytest.mark.slow
def test_a_read_only_data_folder_is_said_and_used_again_when_it_can_be_written(tmp_path: Path) -> None:
    found = on_a_disk_of_its_own("read_only", tmp_path)
    sentence = f"The data folder {tmp_path}/data cannot be written (Read-only file system): give this user the right"
    for said in found["said"]:
        assert said.startswith(sentence)
        assert "\n" not in said
    assert found["code"] == 4
    assert (found["states"], found["sound"]) == (["waiting", "waiting"], True)


def test_a_half_written_stored_file_is_said_and_read_when_it_was_restored(
    services: Services, workspace: Workspace
) -> None:
    damaged = add(services, workspace.id, "damaged.txt", WARFARIN)
    other = add(services, workspace.id, "other.txt", ASPIRIN)
    stored = stored_file(services, damaged.version.file_id)
    whole = stored.read_bytes()
    stored.write_bytes(whole[: len(whole) // 2])
    stored.with_name(f".{stored.name}.0123456789abcdef").write_bytes(whole[:20])
    work_off(services, workspace)
    error = job_of(services, damaged).error
    assert error == "A stored file was changed on disk or belongs to another key: restore it from a backup."
    assert status_of(services, damaged) is DocumentStatus.FAILED
    assert status_of(services, other) is DocumentStatus.INDEXED
    stored.write_bytes(whole)
    services.documents.retry(OPERATOR, workspace_id=workspace.id, document_id=damaged.id)
    work_off(services, workspace)
    assert status_of(services, damaged) is DocumentStatus.INDEXED
    assert {row[6] for row in facts(services, workspace.id)} == {"damaged.txt", "other.txt"}


@pytest.mark.parametrize("left", [0, 100])
def test_a_half_written_layout_is_made_anew(services: Services, workspace: Workspace, left: int) -> None:
    document = add(services, workspace.id, "letter.txt", WARFARIN)
    work_off(services, workspace)
    before = facts(services, workspace.id)
    stored = stored_file(services, layout_id(document.version.id))
    stored.write_bytes(stored.read_bytes()[:left])
    services.documents.retry(OPERATOR, workspace_id=workspace.id, document_id=document.id)
    work_off(services, workspace)
    assert status_of(services, document) is DocumentStatus.INDEXED
    assert facts(services, workspace.id) == before != []


def stored_file(services: Services, file_id: str) -> Path:
    (path,) = (services.settings.data_dir / "files").glob(f"*/{file_id}")
    return path


def logged_actions(log: pytest.LogCaptureFixture) -> list[str]:
    return [record.__dict__["_dafe"]["action"] for record in log.records if "_dafe" in record.__dict__]


def test_a_database_that_another_process_holds_is_said_and_used_when_that_one_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(engine, "BUSY_SECONDS", 0.5)
    services = opened(tmp_path)
    workspace = services.workspaces.add(OPERATOR, name="Cardiology", ontology="clinical")
    waiting = add(services, workspace.id, "waiting.txt", WARFARIN)
    path = services.settings.data_dir / "dafe.db"
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLDS, str(path)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdin is not None
    assert holder.stdout is not None
    holder.stdin.write(f"{services.keys.database.hex()}\n")
    holder.stdin.flush()
    assert holder.stdout.readline() == "holds\n"
    stop = Event()
    worker = Thread(target=services.make_indexing().serve, kwargs={"stop": stop})
    worker.start()
    try:
        with pytest.raises(BackendUnavailableError, match="busy with another process: try again in a moment"):
            add(services, workspace.id, "refused.txt", ASPIRIN)
        wait_until(lambda: "take back jobs" in logged_actions(caplog))
        time.sleep(2)
        assert logged_actions(caplog).count("take back jobs") == 1
        assert job_of(services, waiting).state is JobState.WAITING
        holder.kill()
        holder.communicate()
        documents = [waiting]

        def is_added() -> bool:
            with suppress(BackendUnavailableError):
                documents.append(add(services, workspace.id, "refused.txt", ASPIRIN))
            return len(documents) == 2

        wait_until(is_added)
        wait_for_end(services, *documents)
    finally:
        holder.kill()
        stop.set()
        worker.join()
    assert is_whole(services, workspace, *documents)
    services.close()


@pytest.mark.slow
def test_a_clock_that_jumps_a_day_and_back_neither_stops_the_workers_nor_doubles_their_work(
    services: Services, workspace: Workspace, tmp_path: Path
) -> None:
    documents = [add(services, workspace.id, "long.txt", long_letter(sentences=300))]
    ahead = tmp_path / "seconds-ahead"
    command = [sys.executable, "-m", "tests.security.stepped_worker", str(ahead)]
    workers = [
        subprocess.Popen(command, cwd=ROOT, env=environment(tmp_path), stderr=subprocess.DEVNULL) for _ in range(2)
    ]
    try:
        wait_until(lambda: (job := job_of(services, documents[0])).stage is Stage.EXTRACTING and job.done > 1)
        for seconds in ("86400", "0", "-86400"):
            ahead.write_text(seconds)
            documents.append(add(services, workspace.id, f"{seconds}.txt", WARFARIN + f"\nAt {seconds}.".encode()))
            time.sleep(1)
        wait_for_end(services, *documents)
    finally:
        for worker in workers:
            worker.terminate()
            assert worker.wait(timeout=60) == 0
    assert is_whole(services, workspace, *documents)
    services.audit.seal()
    assert services.audit.verify(OPERATOR).ok
