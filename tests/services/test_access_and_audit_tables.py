"""Every public service method stands in the table of actions and turns away whoever may not call it."""

import inspect
import io
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from app.container import AUDITED, Services
from app.domain.access import Actor, Role
from app.domain.answers import Mode
from app.domain.audit import AuditKind, Outcome
from app.domain.documents import Span
from app.domain.ids import DocumentId, JobId, QuestionId, TripleId, UserId, VersionId
from app.domain.workspaces import Workspace
from app.errors import DafeError, NotFoundError
from app.security.actions import ACTIONS
from app.security.audit_log import AuditLog
from backends.audit.base import EventFilter
from backends.metadata.base_content import DocumentFilter
from tests.audit_stores import store_in

NOT_SERVICES = {"session.refused", "session.ended", "worker.index", "worker.delete", "worker.reread", "worker.embed"}
NOT_SERVICES |= {"worker.export", "worker.verify"}
NOT_SERVICES |= {"installation.start", "installation.stop", "installation.migrate", "audit.second_device"}
WITHOUT_ACTOR = {"sessions.sign_in", "sessions.sign_out", "sessions.actor_for", "sessions.actor_for_session"}
WITHOUT_ACTOR |= {"sessions.find_ended"}
WITHOUT_ACTOR |= {"sessions.actor_of", "audit.seal"}

MEMBERS = {"clinician", "analyst"}
"""The oracle, written apart from the program: who may call what, in a workspace of their own."""
MAY: dict[str, set[str]] = {
    "documents.upload": MEMBERS,
    "documents.list": MEMBERS,
    "documents.get": MEMBERS,
    "documents.versions": MEMBERS,
    "documents.delete": MEMBERS,
    "documents.retry": MEMBERS,
    "access.get": MEMBERS,
    "access.set": MEMBERS,
    "evidence.page_text": MEMBERS,
    "evidence.page_image": MEMBERS,
    "evidence.evidence": MEMBERS,
    "jobs.list": MEMBERS,
    "jobs.get": MEMBERS,
    "jobs.stop": MEMBERS,
    "jobs.retry": MEMBERS,
    "jobs.dead": MEMBERS,
    "jobs.retry_all": MEMBERS,
    "questions.ask": MEMBERS,
    "questions.history": MEMBERS,
    "questions.get": MEMBERS,
    "graph.counts": MEMBERS,
    "graph.search": MEMBERS,
    "graph.neighbourhood": MEMBERS,
    "graph.triple": MEMBERS,
    "graph.export": MEMBERS,
    "exports.start": MEMBERS,
    "exports.list": MEMBERS,
    "exports.download": MEMBERS,
    "samples.load": MEMBERS,
    "workspaces.get": MEMBERS | {"administrator"},
    "workspaces.summary": MEMBERS,
    "workspaces.count_indexed": MEMBERS,
    "workspaces.add": {"administrator"},
    "workspaces.rename": {"administrator"},
    "workspaces.delete": {"administrator"},
    "workspaces.members": {"administrator"},
    "workspaces.set_member": {"administrator"},
    "users.list": {"administrator"},
    "users.add": {"administrator"},
    "users.import_user": {"administrator"},
    "users.disable": {"administrator"},
    "users.enable": {"administrator"},
    "users.set_roles": {"administrator"},
    "users.reset_password": {"administrator"},
    "users.ensure_first_administrator": {"administrator"},
    "audit.list": {"administrator", "compliance"},
    "audit.people": {"administrator", "compliance"},
    "audit.status": {"administrator", "compliance"},
    "audit.verify": {"administrator", "compliance"},
    "audit.export": {"administrator", "compliance"},
    "audit.renew_key": {"administrator"},
    "health.checks": {"administrator"},
    "health.probe_again": {"administrator"},
    "metrics.read": {"administrator"},
}
FOR_EVERYBODY = {"health.probe", "samples.list", "workspaces.list", "users.change_own_password"}
FOR_EVERYBODY |= {"sessions.list_own", "sessions.revoke", "sessions.must_change_password"}
GIVEN: dict[str, object] = {
    "files": (),
    "document_filter": DocumentFilter(),
    "document_id": DocumentId("none"),
    "version_id": VersionId("none"),
    "job_id": JobId("none"),
    "export_id": JobId("none"),
    "question_id": QuestionId("none"),
    "triple_id": TripleId("none"),
    "user_id": UserId("none"),
    "page": 1,
    "span": Span(0, 1),
    "text": "What?",
    "mode": Mode.RAG,
    "format": "csv",
    "name": "hospital",
    "username": "somebody",
    "bcrypt_hash": "",
    "role": Role.CLINICIAN,
    "roles": (),
    "actor_ids": (),
    "user_ids": None,
    "file": io.BytesIO(),
}


def methods(services: Services) -> dict[str, Callable[..., object]]:
    return {
        f"{service}.{name}": getattr(getattr(services, service), name)
        for service in AUDITED
        for name, _ in inspect.getmembers(type(getattr(services, service)), callable)
        if not name.startswith("_")
    }


def test_the_table_of_actions_and_the_services_name_the_same_methods(services: Services) -> None:
    helpers = {"sessions.actor_of", "sessions.must_change_password"}
    assert set(methods(services)) - helpers == set(ACTIONS) - NOT_SERVICES


def test_the_oracle_names_every_method(services: Services) -> None:
    assert set(methods(services)) == set(MAY) | FOR_EVERYBODY | WITHOUT_ACTOR


def test_every_method_takes_the_actor_first(services: Services) -> None:
    for name, method in methods(services).items():
        first = next(iter(inspect.signature(method).parameters), None)
        assert (first == "actor") == (name not in WITHOUT_ACTOR), name


def call(method: Callable[..., object], actor: Actor, workspace: Workspace) -> None:
    """With arguments that fit and name nothing that exists."""
    arguments: dict[str, object] = {}
    for name, parameter in list(inspect.signature(method).parameters.items())[1:]:
        if name == "workspace_id":
            arguments[name] = workspace.id
        elif parameter.default is inspect.Parameter.empty:
            arguments[name] = GIVEN[name]
    method(actor, **arguments)


def is_turned_away(method: Callable[..., object], actor: Actor, workspace: Workspace) -> bool:
    try:
        call(method, actor, workspace)
    except DafeError as error:
        return "permission" in error.details
    return False


@pytest.mark.parametrize("who", ["clinician", "analyst", "administrator", "compliance", "nobody"])
def test_only_who_may_gets_past_the_check(
    services: Services, workspace: Workspace, make_actor: Callable[..., Actor], who: str
) -> None:
    if who in MEMBERS:
        actor = make_actor("somebody-here", workspace=workspace, role=Role(who))
    else:
        actor = make_actor("somebody-here", roles=() if who == "nobody" else (Role(who),))
    found = methods(services)
    deleting_last = sorted(MAY, key=lambda name: name == "workspaces.delete")
    wrong = [name for name in deleting_last if is_turned_away(found[name], actor, workspace) == (who in MAY[name])]
    assert wrong == []


def test_a_member_of_another_workspace_is_told_that_there_is_none(
    services: Services, workspace: Workspace, other_workspace: Workspace, make_actor: Callable[..., Actor]
) -> None:
    actor = make_actor("ilse", workspace=other_workspace)
    found = methods(services)
    for name, allowed in MAY.items():
        if allowed == MEMBERS:
            with pytest.raises(NotFoundError) as refused:
                call(found[name], actor, workspace)
            assert "permission" in refused.value.details, name


def test_a_refusal_is_recorded_with_who_and_where(
    services: Services, workspace: Workspace, make_actor: Callable[..., Actor]
) -> None:
    actor = make_actor("ilse")
    since = datetime.now(UTC)
    with pytest.raises(NotFoundError):
        services.documents.list(actor, workspace_id=workspace.id, document_filter=DocumentFilter())
    log = AuditLog(store_in(services.settings.data_dir), mac_key=services.keys.audit_mac)
    (event,), _ = log.find(EventFilter(since=since))
    log.close()
    assert (event.action, event.outcome, event.actor_id) == ("documents.list", Outcome.REFUSED, actor.user_id)
    assert event.workspace_id == workspace.id


def test_every_disclosure_of_content_and_every_change_is_audited() -> None:
    kinds = {name for name, kind in ACTIONS.items() if isinstance(kind, AuditKind)}
    unaudited = {name for name in MAY if name not in kinds}
    assert unaudited == {
        "jobs.list",
        "jobs.get",
        "jobs.dead",
        "jobs.retry_all",
        "audit.status",
        "graph.counts",
        "samples.load",
        "workspaces.get",
        "workspaces.summary",
        "workspaces.count_indexed",
        "exports.list",
        "health.checks",
        "metrics.read",
    }
