"""No text of documents, no question, no name and no password stands in the audit log, its copies or its export."""

import io
import zipfile
from collections.abc import Callable

import pytest

from app.container import OPERATOR, Services, open_services
from app.domain.access import Actor, Role
from app.domain.answers import Mode
from app.domain.workspaces import Workspace
from app.errors import DafeError
from app.services.documents import Upload
from app.settings import load_settings
from backends.metadata.base_content import DocumentFilter
from tests.services.letters import Work

CANARIES = {
    "text": "Quillfeather",
    "entity": "Zorvexine",
    "document": "Brindlewax",
    "question": "Umberlagh",
    "search": "Wozzlebeck",
    "workspace": "Oskervane",
    "renamed": "Pellitrude",
    "person": "Threnodia",
    "username": "mallowspike",
    "password": "Kestrel-gravel-9471-tulip",
    "new password": "Lantern-copper-2604-maple",
    "wrong password": "Harbor-cinder-8830-plume",
    "wrong username": "vexatious-otter",
    "agent": "Snarkbrowser",
}
LETTER = (
    f"Note on {CANARIES['text']}\n\n{CANARIES['entity']} interacts with amiodarone."
    f" {CANARIES['text']} said that {CANARIES['entity']} increases the risk of bleeding.\n"
)


@pytest.fixture
def services(tmp_path, monkeypatch):  # type: ignore[no-untyped-def]
    (tmp_path / "second").mkdir()
    opened = open_services(
        load_settings(
            data_dir=tmp_path / "data",
            audit_second_device=tmp_path / "second",
            embeddings={"kind": "hashing"},
            llm={"kind": "none"},
        )
    )
    yield opened
    opened.close()


def tried(call: Callable[[], object]) -> object:
    """What fails is recorded too."""
    try:
        return call()
    except DafeError:
        return None


def test_no_canary_is_in_the_audit_log(services: Services, work: Work) -> None:
    workspace = services.workspaces.add(OPERATOR, name=CANARIES["workspace"], ontology="clinical")
    added = services.users.add(
        OPERATOR, username=CANARIES["username"], name=CANARIES["person"], password=CANARIES["password"]
    )
    services.workspaces.set_member(OPERATOR, workspace_id=workspace.id, user_id=added.user.id, role=Role.CLINICIAN)
    officer = services.sessions.actor_of(added.user, session_id="s1", address="127.0.0.1", channel="web")
    use_documents(services, officer, workspace, work)
    use_questions(services, officer, workspace)
    use_people(services, officer, workspace)
    services.audit.seal()
    assert services.audit.verify(OPERATOR).ok is True
    found = [name for name, canary in CANARIES.items() for content in audit_files(services) if holds(content, canary)]
    assert found == []
    assert services.audit.status(OPERATOR).events > 60


def use_documents(services: Services, actor: Actor, workspace: Workspace, work: Work) -> None:
    where = {"workspace_id": workspace.id}
    name = f"{CANARIES['document']}.txt"
    (uploaded,) = services.documents.upload(actor, files=[Upload(name, LETTER.encode())], **where)
    refused = f"{CANARIES['document']}.exe"
    tried(lambda: services.documents.upload(actor, files=[Upload(refused, LETTER.encode())], **where))
    work()
    document = uploaded.document
    assert document is not None
    services.documents.list(actor, document_filter=DocumentFilter(text=CANARIES["search"]), **where)
    services.documents.get(actor, document_id=document.id, **where)
    services.documents.versions(actor, document_id=document.id, **where)
    services.access.get(actor, document_id=document.id, **where)
    services.access.set(actor, document_id=document.id, user_ids=[], **where)
    tried(lambda: services.access.set(actor, document_id=document.id, user_ids=[CANARIES["username"]], **where))
    services.evidence.page_text(actor, version_id=document.version.id, page=1, **where)
    tried(lambda: services.evidence.page_text(actor, version_id=document.version.id, page=99, **where))
    tried(lambda: services.documents.get(actor, document_id=CANARIES["document"], **where))
    tried(lambda: services.documents.retry(actor, document_id=document.id, **where))
    tried(lambda: services.jobs.get(actor, job_id=CANARIES["search"], **where))


def use_questions(services: Services, actor: Actor, workspace: Workspace) -> None:
    where = {"workspace_id": workspace.id}
    for mode in Mode:
        for text in (f"What does {CANARIES['entity']} do to {CANARIES['question']}?", CANARIES["question"]):
            tried(lambda text=text, mode=mode: list(services.questions.ask(actor, text=text, mode=mode, **where)))
    asked = services.questions.history(actor, **where)
    services.questions.get(actor, question_id=asked[0].id, **where)
    tried(lambda: services.questions.get(actor, question_id=CANARIES["question"], **where))
    for text in (CANARIES["search"], CANARIES["entity"], "amiodarone"):
        entities = services.graph.search(
            actor, text=text, types=[CANARIES["search"]] if text != "amiodarone" else (), **where
        )
    assert entities
    view = services.graph.neighbourhood(actor, entity_ids=[entities[0].id], relations=[CANARIES["search"]], **where)
    view = services.graph.neighbourhood(actor, entity_ids=[entities[0].id], **where)
    services.graph.triple(actor, triple_id=view.subgraph.triples[0].id, **where)
    tried(lambda: services.graph.triple(actor, triple_id=CANARIES["entity"], **where))
    for format in ("csv", "jsonld", "graphml", "cypher", CANARIES["search"]):
        tried(lambda format=format: services.graph.export(actor, format=format, **where))
        tried(lambda format=format: services.exports.start(actor, format=format, **where))


def use_people(services: Services, actor: Actor, workspace: Workspace) -> None:
    wrong, right = CANARIES["wrong password"], CANARIES["password"]
    for username, password in (
        (CANARIES["username"], wrong),
        (CANARIES["wrong username"], right),
        (CANARIES["username"], right),
    ):
        tried(
            lambda username=username, password=password: services.sessions.sign_in(
                username=username, password=password, address="127.0.0.1", agent=CANARIES["agent"]
            )
        )
    tried(lambda: services.users.change_own_password(actor, old=wrong, new=CANARIES["new password"]))
    tried(lambda: services.users.change_own_password(actor, old=right, new=CANARIES["new password"]))
    tried(lambda: services.users.add(OPERATOR, username=CANARIES["username"], name=CANARIES["person"]))
    tried(lambda: services.users.add(actor, username="x", name=CANARIES["person"]))
    tried(lambda: services.sessions.revoke(actor, session_id=CANARIES["search"]))
    services.workspaces.members(OPERATOR, workspace_id=workspace.id)
    services.users.list(OPERATOR)
    services.audit.people(OPERATOR)
    tried(lambda: services.audit.list(OPERATOR, actor_id=CANARIES["person"], actions=[CANARIES["search"]]))
    tried(lambda: services.workspaces.rename(actor, workspace_id=workspace.id, name=CANARIES["renamed"]))
    services.workspaces.rename(OPERATOR, workspace_id=workspace.id, name=CANARIES["renamed"])
    services.workspaces.delete(OPERATOR, workspace_id=workspace.id)


def audit_files(services: Services) -> list[bytes]:
    """Every raw file: the database with its write-ahead file, notes, checkpoints, the second device, an export."""
    data, second = services.settings.data_dir, services.settings.audit_second_device
    assert second is not None
    paths = [*data.glob("audit*"), *(data / "seal").iterdir(), *second.iterdir()]
    assert len(paths) >= 7
    content = io.BytesIO()
    services.audit.export(OPERATOR, content)
    with zipfile.ZipFile(content) as archive:
        return [path.read_bytes() for path in paths] + [archive.read(name) for name in archive.namelist()]


def holds(content: bytes, canary: str) -> bool:
    folded = content.lower()
    return any(form.lower() in folded for form in (canary.encode(), canary.encode("utf-16-le")))
