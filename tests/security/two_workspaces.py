"""A running installation under attack: two workspaces with documents, facts, jobs and answers, people, and REST."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from fastapi.testclient import TestClient

from app.api.main import create_api
from app.container import OPERATOR, Services, open_services
from app.domain.access import Actor, Role, SignInSession
from app.domain.answers import Answer, Mode
from app.domain.ids import WorkspaceId
from app.services.documents import Upload
from app.settings import load_settings
from backends.metadata.base_content import DocumentFilter
from tests.api.conftest import PASSWORD
from tests.working import work_off

OURS = b"Medication review\n\nWarfarin interacts with amiodarone. Warfarin increases the risk of bleeding.\n"
THEIRS = b"Medication review\n\nWarfarin interacts with zyxoprine. Zyxoprine treats brasken syndrome.\n"
SECRETS = ("zyxoprine", "brasken", "quillon.txt", "oncology")
"""Words, names and titles that only the other workspace has."""
QUESTION = "What does warfarin interact with?"


@dataclass(frozen=True, slots=True)
class Attacked:
    """`here` is the workspace of those who attack, `there` the one they are not in."""

    services: Services
    client: TestClient
    here: WorkspaceId
    there: WorkspaceId
    people: dict[str, Actor] = field(default_factory=dict)
    tokens: dict[str, dict[str, str]] = field(default_factory=dict)

    def ask(self, person: str, workspace_id: WorkspaceId, text: str = QUESTION, mode: Mode = Mode.GRAPH) -> Answer:
        *_, last = self.services.questions.ask(self.people[person], workspace_id=workspace_id, text=text, mode=mode)
        return last

    def ids_of(self, workspace_id: WorkspaceId, *, member: str) -> dict[str, str]:
        """One id of each kind, as a member sees them."""
        actor, services = self.people[member], self.services
        inside = {"workspace_id": workspace_id}
        (document,) = services.documents.list(actor, document_filter=DocumentFilter(), **inside).documents
        view = services.graph.neighbourhood(actor, **inside)
        evidence = view.subgraph.triples[0].evidence[0]
        return {
            "workspace": workspace_id,
            "document": document.id,
            "version": document.version.id,
            "file": document.version.file_id,
            "chunk": evidence.chunk_id,
            "entity": view.subgraph.entities[0].id,
            "triple": view.subgraph.triples[0].id,
            "job": next(one.id for one in services.jobs.list(actor, **inside) if one.document_id == document.id),
            "export": services.exports.list(actor, **inside)[0].job.id,
            "question": services.questions.history(actor, **inside)[0].id,
            "session": str(actor.session_id),
            "user": actor.user_id,
        }


@contextmanager
def attacked_system(folder: Path) -> Iterator[Attacked]:
    settings = load_settings(data_dir=folder / "data", embeddings={"kind": "hashing"}, llm={"kind": "none"})
    services = open_services(settings)
    try:
        with TestClient(create_api(services)) as client:
            here = services.workspaces.add(OPERATOR, name="Cardiology", ontology="clinical")
            there = services.workspaces.add(OPERATOR, name="Oncology", ontology="clinical")
            attacked = Attacked(services, client, here.id, there.id)
            _add_people(attacked)
            for workspace_id, name, content in ((here.id, "review.txt", OURS), (there.id, "quillon.txt", THEIRS)):
                services.documents.upload(OPERATOR, workspace_id=workspace_id, files=[Upload(name, content)])
            work_off(services)
            for person, workspace_id in (("clinician", here.id), ("elsewhere", there.id)):
                services.exports.start(attacked.people[person], workspace_id=workspace_id, format="csv")
            work_off(services)
            attacked.ask("clinician", here.id)
            attacked.ask("elsewhere", there.id)
            yield attacked
    finally:
        services.close()


def _add_people(attacked: Attacked) -> None:
    administrator = (Role.ADMINISTRATOR,)
    rights: dict[str, tuple[tuple[Role, ...], WorkspaceId | None, Role]] = {
        "nobody": ((), None, Role.CLINICIAN),
        "clinician": ((), attacked.here, Role.CLINICIAN),
        "analyst": ((), attacked.here, Role.ANALYST),
        "elsewhere": ((), attacked.there, Role.CLINICIAN),
        "administrator": (administrator, None, Role.CLINICIAN),
        "compliance": ((Role.COMPLIANCE,), None, Role.CLINICIAN),
        "both": (administrator, attacked.here, Role.CLINICIAN),
    }
    for person, (roles, workspace_id, role) in rights.items():
        users = attacked.services.users
        user = users.add(OPERATOR, username=f"p-{person}", name=person, roles=roles, password=PASSWORD).user
        # As if it had been changed at the first sign-in, which would take most of the set-up's time.
        users._metadata.users.update(replace(user, must_change_password=False))
        if workspace_id is not None:
            attacked.services.workspaces.set_member(OPERATOR, workspace_id=workspace_id, user_id=user.id, role=role)
        sign_in(attacked, person)


def sign_in(attacked: Attacked, person: str) -> SignInSession:
    """A new session over REST; the person's actor is read from it, as the program reads it."""
    answer = attacked.client.post("/tokens", json={"username": f"p-{person}", "password": PASSWORD})
    assert answer.status_code == 201
    attacked.tokens[person] = {"authorization": f"Bearer {answer.json()['access_token']}"}
    users = attacked.services.users.list(OPERATOR)
    user = next(one for one in users if one.username == f"p-{person}")
    plain = attacked.services.sessions.actor_of(user, session_id=None, address="127.0.0.1", channel="rest")
    session = attacked.services.sessions.list_own(plain)[0]
    attacked.people[person] = attacked.services.sessions.actor_for_session(session.id, channel="rest")
    return session
