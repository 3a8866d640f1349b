"""One of each kind of hostile file through a running installation: every one ends as it must, and others are served.

All of them, and the collections of damaged and real files: `python -m tests.bench.hostile`.
"""

import http.client
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from app.container import OPERATOR, Services
from app.domain.access import Role
from tests.api.conftest import add_person
from tests.security.hostile_files import Hostile, hostile_files
from tests.security.hostile_uploads import Neighbour, ParserWatch, Sender, is_a_sentence
from tests.security.running import ROOT, Running, running

CHOSEN = """bomb.zip climbing-names.zip symbolic-link.zip grows.xml grows.docx billion-cells.xlsx renamed.docx
ten-thousand-pages.pdf tree-loop.pdf flate.pdf password.pdf password.docx password.zip deep.json not-a-bundle.json
deep.eml letter.exe empty.txt zero-width.txt""".split()
MEMORY_MB = 512
"""Half of the default, so that what fills it is sooner done."""
MEMBER, OTHER = "ilse", "jonas"


def prepare(services: Services) -> None:
    workspace = services.workspaces.add(OPERATOR, name="Cardiology", ontology="clinical")
    user_id = add_person(services, MEMBER)
    services.workspaces.set_member(OPERATOR, workspace_id=workspace.id, user_id=user_id, role=Role.CLINICIAN)  # type: ignore[arg-type]
    add_person(services, OTHER)


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("hostile"), prepare, LOADER__MEMORY_MB=str(MEMORY_MB)) as started:
        yield started


def workspace_of(installation: Running, username: str) -> str:
    answer = httpx.get(f"{installation.address}/api/v1/workspaces", headers=installation.bearer(username), timeout=60)
    return str(answer.json()[0]["id"])


def chosen() -> list[Hostile]:
    known = list(hostile_files())
    found = [one for one in known if one.name in CHOSEN]
    assert {one.name for one in found} == set(CHOSEN)
    return found + [one for one in known if one.kind == "name"][:3]


def test_one_of_each_kind_ends_as_it_must_while_others_are_served(installation: Running) -> None:
    sender = Sender(installation, MEMBER, workspace_of(installation, MEMBER), patience_seconds=240)
    with ParserWatch(installation) as watch, Neighbour(installation, OTHER) as neighbour:
        for hostile in chosen():
            ended = sender.send(hostile.kind, hostile.name, hostile.content)
            assert hostile.end in {ended.end, ""}, (hostile.name, ended)
            assert hostile.because in ended.message, (hostile.name, ended)
            for end, message in ended.parts:
                assert end == "indexed" or is_a_sentence(message), (hostile.name, message)
    assert neighbour.failures == []
    assert len(neighbour.seconds) > 10
    assert watch.seen
    assert 0 < watch.kilobytes < MEMORY_MB * 1_024
    assert "Traceback" not in installation.log.read_text(errors="replace")


def test_no_name_of_a_file_keeps_a_path_or_an_invisible_sign(installation: Running) -> None:
    address = f"{installation.address}/api/v1/workspaces/{workspace_of(installation, MEMBER)}/documents"
    shown = httpx.get(address, headers=installation.bearer(MEMBER), params={"limit": 100}, timeout=60).json()
    names = [one["name"] for one in shown["documents"]]
    assert len(names) > 7
    assert [name for name in names if not name.isprintable() or {"/", "\\"} & set(name) or len(name) > 181] == []


def test_two_gigabytes_are_refused_before_they_are_read(installation: Running, tmp_path: Path) -> None:
    """Over REST by what the request says of itself, on the command line by the size that is read at most."""
    sparse = tmp_path / "sparse.txt"
    with sparse.open("wb") as file:
        file.truncate(2_147_483_648)
    connection = http.client.HTTPConnection("localhost", installation.settings.port, timeout=120)
    connection.putrequest("POST", f"/api/v1/workspaces/{workspace_of(installation, MEMBER)}/documents")
    said = {"content-length": str(sparse.stat().st_size), "content-type": "multipart/form-data; boundary=x"}
    for name, value in {**installation.bearer(MEMBER), **said}.items():
        connection.putheader(name, value)
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()
    variables = {"DAFE_DATA_DIR": str(installation.settings.data_dir), "DAFE_EMBEDDINGS__KIND": "hashing"}
    environment = {**os.environ, **variables, "DAFE_LLM__KIND": "none", "DAFE_SAMPLES": "false"}
    command = [Path(sys.executable).with_name("dafe"), "ingest", sparse, "--workspace", "Cardiology", "--json"]
    run = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False, timeout=240)
    (shown,) = json.loads(run.stdout)["documents"]
    assert (shown["status"], shown["name"]) == ("refused", "sparse.txt")
    assert "larger than 200 MB" in shown["error"]
    assert run.stderr == ""
