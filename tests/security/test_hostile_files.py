"""One of each kind of hostile file through a running installation: every one ends as it must, and others are served.

All of them, and the collections of damaged and real files: `python -m tests.bench.hostile`.
"""

from collections.abc import Iterator

import httpx
import pytest

from app.container import OPERATOR, Services
from app.domain.access import Role
from tests.api.conftest import add_person
from tests.security.hostile_files import Hostile, hostile_files
from tests.security.hostile_uploads import Neighbour, ParserWatch, Sender, is_a_sentence
from tests.security.running import Running, running

CHOSEN = """bomb.zip climbing-names.zip symbolic-link.zip grows.xml grows.docx billion-cells.xlsx renamed.docx
ten-thousand-pages.pdf tree-loop.pdf flate.pdf password.pdf password.docx password.zip deep.json not-a-bundle.json
deep.eml letter.exe empty.txt zero-width.txt""".split()
MEMBER, OTHER = "ilse", "jonas"


def prepare(services: Services) -> None:
    workspace = services.workspaces.add(OPERATOR, name="Cardiology", ontology="clinical")
    user_id = add_person(services, MEMBER)
    services.workspaces.set_member(OPERATOR, workspace_id=workspace.id, user_id=user_id, role=Role.CLINICIAN)  # type: ignore[arg-type]
    add_person(services, OTHER)


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("hostile"), prepare) as started:
        yield started


def workspace_of(installation: Running, username: str) -> str:
    answer = httpx.get(f"{installation.address}/api/v1/workspaces", headers=installation.bearer(username), timeout=60)
    return str(answer.json()[0]["id"])


def chosen() -> list[Hostile]:
    known = list(hostile_files())
    found = [one for one in known if one.name in CHOSEN]
    assert {one.name for one in found} == set(CHOSEN)
    return found + [one for one in known if one.kind == "name"][:6]


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
    assert len(watch.seen) > 15
    assert 0 < watch.kilobytes < installation.settings.loader.memory_mb * 1_024
    assert "Traceback" not in installation.log.read_text(errors="replace")


def test_no_name_of_a_file_keeps_a_path_or_an_invisible_sign(installation: Running) -> None:
    address = f"{installation.address}/api/v1/workspaces/{workspace_of(installation, MEMBER)}/documents"
    shown = httpx.get(address, headers=installation.bearer(MEMBER), params={"limit": 100}, timeout=60).json()
    names = [one["name"] for one in shown["documents"]]
    assert len(names) > 9
    assert [name for name in names if not name.isprintable() or {"/", "\\"} & set(name) or len(name) > 181] == []
