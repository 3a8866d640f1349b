"""An installation whose disk is full or read-only for a while: what it says, and whether it goes on afterwards.

Run as a program on a file system of its own: full FOLDER or read_only FOLDER.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from app.commands.working import wait_for_jobs
from app.container import OPERATOR, Services, open_services
from app.domain.documents import Document, DocumentStatus
from app.domain.jobs import Stage
from app.domain.workspaces import Workspace
from app.errors import BackendUnavailableError
from app.settings import load_settings
from backends.metadata.base_content import DocumentFilter
from tests.security.contents import leftovers, problems
from tests.security.killing import ROOT
from tests.services.letters import ASPIRIN, WARFARIN, add, job_of, long_letter, status_of

EMBEDDER = {"DAFE_EMBEDDINGS__KIND": "hashing", "DAFE_LLM__KIND": "none"}
_PATIENCE_SECONDS = 120.0
_FULL_SECONDS = 5.0


def full(folder: Path) -> dict[str, Any]:
    """The disk fills while one document is read and another waits."""
    with ExitStack() as closing:
        services = opened(folder)
        closing.callback(services.close)
        workspace = services.workspaces.add(OPERATOR, name="Cardiology", ontology="clinical")
        running = add(services, workspace.id, "running.txt", long_letter(sentences=200))
        waiting = add(services, workspace.id, "waiting.txt", WARFARIN)
        worker = start_worker(folder)
        closing.callback(worker.wait)
        closing.callback(worker.terminate)
        wait_until(lambda: (job := job_of(services, running)).stage is Stage.EXTRACTING and job.done > 1)
        fill(folder / "ballast")
        said = [refused(lambda: add(services, workspace.id, "refused.txt", ASPIRIN))]
        said += [check.detail for check in services.health.checks(OPERATOR) if check.name == "Disk"]
        time.sleep(_FULL_SECONDS)
        jobs = [job_of(services, one) for one in (running, waiting)]
        (folder / "ballast").unlink()
        added = add(services, workspace.id, "refused.txt", ASPIRIN)
        documents = (running, waiting, added)
        wait_for_end(services, *documents)
        meanwhile = [job.state.value for job in jobs]
        return {"said": said, "meanwhile": meanwhile, **after(services, workspace, *documents)}


def read_only(folder: Path) -> dict[str, Any]:
    services = opened(folder)
    workspace = services.workspaces.add(OPERATOR, name="Cardiology", ontology="clinical")
    first = add(services, workspace.id, "first.txt", WARFARIN)
    services.close()
    remount(folder, "ro")
    said = [refused(lambda: opened(folder))]
    command = [str(Path(sys.executable).with_name("dafe")), "up", "--port", "18999"]
    up = subprocess.run(command, env=environment(folder), cwd=ROOT, capture_output=True, text=True, check=False)
    said.append(up.stderr.strip())
    remount(folder, "rw")
    services = opened(folder)
    second = add(services, workspace.id, "second.txt", ASPIRIN)
    services.audit.seal()
    found = {"said": said, "code": up.returncode, "sound": services.audit.verify(OPERATOR).ok}
    found["states"] = [job_of(services, one).state.value for one in (first, second)]
    services.close()
    return found


def opened(folder: Path) -> Services:
    settings = load_settings(
        data_dir=folder / "data", embeddings={"kind": "hashing"}, llm={"kind": "none"}, samples=False
    )
    return open_services(settings)


def work_off(services: Services, workspace: Workspace) -> None:
    """In this process, as the command line does it when no worker runs."""
    page = services.documents.list(OPERATOR, workspace_id=workspace.id, document_filter=DocumentFilter())
    ids = [document.id for document in page.documents]
    wait_for_jobs(services, OPERATOR, workspace_id=workspace.id, document_ids=ids)


def environment(folder: Path) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("DAFE_")}
    return {**own, **EMBEDDER, "DAFE_DATA_DIR": str(folder / "data"), "DAFE_SAMPLES": "false"}


def start_worker(folder: Path) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-m", "app.worker"], cwd=ROOT, env=environment(folder))


def fill(ballast: Path) -> None:
    """To the last byte."""
    with ballast.open("wb", buffering=0) as file:
        for size in (1_000_000, 10_000, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue


def refused(call: Callable[[], object]) -> str:
    try:
        call()
    except BackendUnavailableError as error:
        return error.message
    raise AssertionError("it was not refused")


def remount(folder: Path, mode: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{mode}", str(folder)], check=True)


def wait_until(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + _PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.2)


def wait_for_end(services: Services, *documents: Document) -> None:
    """Until their jobs have ended and the workers have taken the last message, of which there may be one too many."""
    wait_until(lambda: all(job_of(services, one).state.finished for one in documents))
    wait_until(lambda: not leftovers(services))


def after(services: Services, workspace: Workspace, *documents: Document) -> dict[str, Any]:
    indexed = sum(status_of(services, one) is DocumentStatus.INDEXED for one in documents)
    services.audit.seal()
    wrong = problems(services, workspace.id, added={one.id for one in documents}, here=set())
    return {
        "indexed": indexed,
        "errors": [job_of(services, one).error for one in documents],
        "wrong": wrong + leftovers(services),
        "sound": services.audit.verify(OPERATOR).ok,
    }


if __name__ == "__main__":
    print(json.dumps({"full": full, "read_only": read_only}[sys.argv[1]](Path(sys.argv[2]))))
