"""When the audit log cannot be written, no call shows or changes anything, and says so."""

import io
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from app.container import AUDITED, OPERATOR, Services, open_services
from app.domain.access import Actor, Role
from app.domain.audit import AuditKind
from app.domain.documents import Document, Span
from app.domain.ids import EntityId, JobId, QuestionId, TripleId
from app.domain.workspaces import Workspace
from app.errors import BackendUnavailableError
from app.security.actions import ACTIONS
from app.services.documents import Upload
from app.settings import load_settings
from backends.metadata.base_content import DocumentFilter
from tests.conformance.document_files import FIRST_PAGE, make_pdf
from tests.servers.real_postgres import RealPostgres
from tests.services.letters import WARFARIN, Work, add, facts, names

SENTENCE = "nothing was shown or changed"


@dataclass(frozen=True, slots=True)
class Scene:
    """Somebody with rights in a workspace with one letter, one question and one fact."""

    services: Services
    workspace: Workspace
    ilse: Actor
    letter: Document
    entity_id: EntityId
    triple_id: TripleId
    question_id: QuestionId
    export_id: JobId
    password: str


@pytest.fixture
def services(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Services]:
    """With the log in the data folder, or where the parameter says."""
    kept = request.getfixturevalue("postgres_audit") if hasattr(request, "param") else {"kind": "sqlite"}
    chosen = {"embeddings": {"kind": "hashing"}, "llm": {"kind": "none"}, "audit": kept}
    with closing(open_services(load_settings(data_dir=tmp_path / "data", **chosen))) as opened:
        yield opened


@pytest.fixture
def scene(services: Services, workspace: Workspace, make_actor: Callable[..., Actor], work: Work) -> Scene:
    ilse = make_actor("ilse", workspace=workspace, roles=(Role.ADMINISTRATOR, Role.COMPLIANCE))
    make_actor("omar", roles=(Role.ADMINISTRATOR,))
    content = make_pdf(FIRST_PAGE, title="Letter")
    letter = add(services, workspace.id, "letter.pdf", content)
    add(services, workspace.id, "warfarin.txt", WARFARIN)
    work()
    entity = services.graph.search(OPERATOR, workspace_id=workspace.id, text="warfarin")[0]
    view = services.graph.neighbourhood(OPERATOR, workspace_id=workspace.id, entity_ids=[entity.id])
    list(services.questions.ask(ilse, workspace_id=workspace.id, text="What interacts with warfarin?"))
    (asked,) = services.questions.history(ilse, workspace_id=workspace.id)
    export = services.exports.start(ilse, workspace_id=workspace.id, format="csv")
    work()
    password = services.users.reset_password(OPERATOR, user_id=ilse.user_id)
    triple_id = view.subgraph.triples[0].id
    return Scene(services, workspace, ilse, letter, entity.id, triple_id, asked.id, export.job.id, password)


Call = Callable[[Scene], object]


def within(service: str, method: str, **given: Callable[[Scene], object]) -> Call:
    """A call in the workspace of the scene."""

    def call(scene: Scene) -> object:
        function = getattr(getattr(scene.services, service), method)
        return function(scene.ilse, workspace_id=scene.workspace.id, **{name: of(scene) for name, of in given.items()})

    return call


def letter_id(scene: Scene) -> object:
    return scene.letter.id


def version_id(scene: Scene) -> object:
    return scene.letter.version.id


DISCLOSING: dict[str, Call] = {
    "documents.list": within("documents", "list", document_filter=lambda _: DocumentFilter()),
    "documents.get": within("documents", "get", document_id=letter_id),
    "documents.versions": within("documents", "versions", document_id=letter_id),
    "access.get": within("access", "get", document_id=letter_id),
    "evidence.page_text": within("evidence", "page_text", version_id=version_id, page=lambda _: 1),
    "evidence.page_image": within("evidence", "page_image", version_id=version_id, page=lambda _: 1),
    "evidence.evidence": within("evidence", "evidence", version_id=version_id, span=lambda _: Span(2, 9)),
    "questions.ask": lambda scene: list(
        scene.services.questions.ask(scene.ilse, workspace_id=scene.workspace.id, text="What does warfarin do?")
    ),
    "questions.history": within("questions", "history"),
    "questions.get": within("questions", "get", question_id=lambda scene: scene.question_id),
    "graph.search": within("graph", "search", text=lambda _: "amiodarone"),
    "graph.neighbourhood": within("graph", "neighbourhood", entity_ids=lambda scene: [scene.entity_id]),
    "graph.triple": within("graph", "triple", triple_id=lambda scene: scene.triple_id),
    "graph.export": within("graph", "export", format=lambda _: "csv"),
    "exports.download": within("exports", "download", export_id=lambda scene: scene.export_id),
    "workspaces.members": within("workspaces", "members"),
    "users.list": lambda scene: scene.services.users.list(scene.ilse),
    "audit.people": lambda scene: scene.services.audit.people(scene.ilse),
    "audit.list": lambda scene: scene.services.audit.list(scene.ilse),
    "audit.verify": lambda scene: scene.services.audit.verify(scene.ilse),
    "audit.export": lambda scene: scene.services.audit.export(scene.ilse, io.BytesIO()),
}
CHANGING: dict[str, Call] = {
    "exports.start": within("exports", "start", format=lambda _: "csv"),
    "documents.upload": within("documents", "upload", files=lambda _: [Upload("new.txt", b"A new letter.")]),
    "documents.retry": within("documents", "retry", document_id=letter_id),
    "access.set": within("access", "set", document_id=letter_id, user_ids=lambda _: None),
    "documents.delete": within("documents", "delete", document_id=letter_id),
    "workspaces.add": lambda scene: scene.services.workspaces.add(scene.ilse, name="New"),
    "workspaces.rename": within("workspaces", "rename", name=lambda _: "Other"),
    "workspaces.set_member": within(
        "workspaces", "set_member", user_id=lambda scene: scene.ilse.user_id, role=lambda _: None
    ),
    "workspaces.delete": within("workspaces", "delete"),
    "users.add": lambda scene: scene.services.users.add(scene.ilse, username="new", name="New"),
    "users.import_user": lambda scene: scene.services.users.import_user(
        scene.ilse, username="new", name="New", bcrypt_hash="$2b$12$" + "a" * 53
    ),
    "users.disable": lambda scene: scene.services.users.disable(OPERATOR, user_id=scene.ilse.user_id),
    "users.enable": lambda scene: scene.services.users.enable(OPERATOR, user_id=scene.ilse.user_id),
    "users.set_roles": lambda scene: scene.services.users.set_roles(OPERATOR, user_id=scene.ilse.user_id, roles=()),
    "users.reset_password": lambda scene: scene.services.users.reset_password(OPERATOR, user_id=scene.ilse.user_id),
    "users.change_own_password": lambda scene: scene.services.users.change_own_password(
        scene.ilse, old=scene.password, new="Another-long-password-17"
    ),
    "sessions.sign_in": lambda scene: scene.services.sessions.sign_in(
        username="ilse", password=scene.password, address="127.0.0.1", agent="test"
    ),
    "audit.renew_key": lambda scene: scene.services.audit.renew_key(scene.ilse),
    "health.probe_again": lambda scene: scene.services.health.probe_again(scene.ilse),
}
NEEDS_MORE = {"jobs.stop", "jobs.retry", "sessions.sign_out", "sessions.revoke", "users.ensure_first_administrator"}
"""Changes of one's own session and of jobs that show no content, tried in their own tests."""


def test_every_audited_call_is_tried_here() -> None:
    audited = {name for name, kind in ACTIONS.items() if isinstance(kind, AuditKind)}
    of_services = {name for name in audited if name.split(".")[0] in AUDITED} - {"audit.second_device"}
    assert {name for name in of_services if ACTIONS[name] is AuditKind.DISCLOSURE} == set(DISCLOSING)
    assert {name for name in of_services if ACTIONS[name] is AuditKind.CHANGE} == set(CHANGING) | NEEDS_MORE


def lock_away(folder: Path) -> None:
    (folder / "audit.lock").unlink(missing_ok=True)
    (folder / "audit.lock").mkdir()


def refuse(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "audit.db")) as connection:
        connection.execute("CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'disk full'); END")


def throw_away(folder: Path) -> None:
    for path in folder.glob("audit.db*"):
        path.unlink()


@pytest.mark.parametrize("break_log", [lock_away, refuse, throw_away])
def test_without_the_log_no_call_shows_or_changes_anything(scene: Scene, break_log: Callable[[Path], None]) -> None:
    for call in DISCLOSING.values():
        call(scene)
    services = scene.services
    before = seen(scene)
    break_log(services.settings.data_dir)
    require_closed(scene)
    (services.settings.data_dir / "audit.lock").rmdir() if break_log is lock_away else repair(services)
    if break_log is not throw_away:
        assert seen(scene) == before
        services.sessions.sign_in(username="ilse", password=scene.password, address="127.0.0.1", agent="test")


def seen(scene: Scene) -> tuple[object, ...]:
    services, workspace_id = scene.services, scene.workspace.id
    return names(services, workspace_id), facts(services, workspace_id), list(services.users.list(OPERATOR))


def require_closed(scene: Scene) -> None:
    anew = replace(scene, ilse=replace(scene.ilse, session_id="another"))  # nothing was shown in this session yet
    for name, call in {**DISCLOSING, **CHANGING}.items():
        try:
            call(anew)
        except BackendUnavailableError as error:
            assert SENTENCE in error.message, name
        else:
            raise AssertionError(f"{name} went on without the log")


@pytest.mark.server
@pytest.mark.parametrize("services", ["postgres"], indirect=True)
def test_without_the_server_of_the_log_no_call_shows_or_changes_anything(scene: Scene, postgres: RealPostgres) -> None:
    before = seen(scene)
    postgres.kill()
    try:
        require_closed(scene)
    finally:
        postgres.start()
    assert seen(scene) == before
    for call in DISCLOSING.values():
        call(scene)


def repair(services: Services) -> None:
    with closing(sqlite3.connect(services.settings.data_dir / "audit.db")) as connection:
        connection.execute("DROP TRIGGER IF EXISTS full")
