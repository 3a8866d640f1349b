"""Who may see a document: setting its list, and what the list means everywhere else."""

from collections.abc import Callable

import pytest

from app.container import OPERATOR, Services
from app.domain.access import Actor, Role
from app.domain.audit import Outcome
from app.domain.documents import Document, DocumentStatus
from app.domain.ids import DocumentId, UserId
from app.domain.workspaces import Workspace
from app.errors import InvalidInputError, NotFoundError
from app.services.documents import SameName, Upload, UploadState
from backends.metadata.base_content import DocumentFilter
from tests.services.letters import ASPIRIN, REPLACED, WARFARIN, Work, add

MakeActor = Callable[..., Actor]


@pytest.fixture
def ann(make_actor: MakeActor, workspace: Workspace) -> Actor:
    return make_actor("ann", workspace=workspace)


@pytest.fixture
def bob(make_actor: MakeActor, workspace: Workspace) -> Actor:
    return make_actor("bob", workspace=workspace, role=Role.ANALYST)


@pytest.fixture
def letter(services: Services, workspace: Workspace) -> Document:
    return add(services, workspace.id, "letter.txt", WARFARIN)


def restrict(services: Services, actor: Actor, document: Document, *user_ids: UserId) -> frozenset[UserId] | None:
    return services.access.set(
        actor, workspace_id=document.workspace_id, document_id=document.id, user_ids=user_ids
    ).user_ids


def listed(services: Services, actor: Actor, workspace: Workspace) -> list[str]:
    page = services.documents.list(actor, workspace_id=workspace.id, document_filter=DocumentFilter())
    assert page.total == len(page.documents) == sum(page.counts.values())
    return sorted(document.name for document in page.documents)


def uploaded(services: Services, actor: Actor, workspace: Workspace, name: str, content: bytes, **decided: SameName):  # type: ignore[no-untyped-def]
    (outcome,) = services.documents.upload(
        actor, workspace_id=workspace.id, files=[Upload(name, content)], same_name=decided and {name: decided["same"]}
    )
    return outcome


def test_a_document_is_everybodys_until_a_list_is_set(
    services: Services, workspace: Workspace, letter: Document, ann: Actor, bob: Actor
) -> None:
    here = {"workspace_id": workspace.id, "document_id": letter.id}
    access = services.access.get(ann, **here)
    assert access.user_ids is None
    assert dict(access.people) == {ann.user_id: "ann", bob.user_id: "bob"}
    assert listed(services, bob, workspace) == ["letter.txt"]
    assert restrict(services, ann, letter) == {ann.user_id}
    assert listed(services, bob, workspace) == []
    assert listed(services, ann, workspace) == listed(services, OPERATOR, workspace) == ["letter.txt"]
    assert services.access.set(ann, user_ids=None, **here).user_ids is None
    assert listed(services, bob, workspace) == ["letter.txt"]


def test_whoever_sets_a_list_stays_on_it(services: Services, letter: Document, ann: Actor, bob: Actor) -> None:
    assert restrict(services, ann, letter, bob.user_id) == {ann.user_id, bob.user_id}
    assert restrict(services, bob, letter) == {bob.user_id}
    with pytest.raises(NotFoundError):
        restrict(services, ann, letter)


def test_a_list_of_somebody_who_is_no_member_or_of_nobody_is_refused(
    services: Services, letter: Document, ann: Actor, make_actor: MakeActor, other_workspace: Workspace
) -> None:
    elsewhere = make_actor("cid", workspace=other_workspace)
    said = []
    for user_id in (elsewhere.user_id, UserId("01JUNKNOWN0000000000000000")):
        with pytest.raises(InvalidInputError, match="Only members") as refused:
            restrict(services, ann, letter, user_id)
        said.append(refused.value.message)
    assert said[0] == said[1]
    with pytest.raises(InvalidInputError, match="at least one person"):
        restrict(services, OPERATOR, letter)
    assert restrict(services, OPERATOR, letter, ann.user_id) == {ann.user_id}


def test_an_administrator_who_is_no_member_neither_sees_nor_sets_a_list(
    services: Services, letter: Document, ann: Actor, make_actor: MakeActor, workspace: Workspace
) -> None:
    restrict(services, ann, letter)
    alone = make_actor("root", roles=(Role.ADMINISTRATOR, Role.COMPLIANCE))
    inside = make_actor("boss", roles=(Role.ADMINISTRATOR,), workspace=workspace)
    for actor in (alone, inside):
        with pytest.raises(NotFoundError):
            services.access.get(actor, workspace_id=workspace.id, document_id=letter.id)
        with pytest.raises(NotFoundError):
            restrict(services, actor, letter)
    services.workspaces.delete(alone, workspace_id=workspace.id)


def test_a_hidden_document_is_told_like_one_that_does_not_exist(
    services: Services, letter: Document, ann: Actor, bob: Actor, workspace: Workspace
) -> None:
    restrict(services, ann, letter)
    documents, access = services.documents, services.access
    for call in (documents.get, documents.versions, documents.retry, documents.delete, access.get):
        said = []
        for document_id in (letter.id, DocumentId("01JUNKNOWN0000000000000000")):
            with pytest.raises(NotFoundError) as refused:
                call(bob, workspace_id=workspace.id, document_id=document_id)
            said.append((refused.value.message, sorted(refused.value.details)))
        assert said[0] == said[1]
    assert listed(services, ann, workspace) == ["letter.txt"]


def test_an_upload_tells_nothing_of_a_hidden_document(
    services: Services, letter: Document, ann: Actor, bob: Actor, workspace: Workspace, work: Work
) -> None:
    restrict(services, ann, letter)
    same = uploaded(services, bob, workspace, "letter.txt", WARFARIN)
    assert (same.state, same.document.restricted) == (UploadState.ADDED, False)
    assert same.document.id != letter.id
    again = uploaded(services, bob, workspace, "other.txt", WARFARIN)
    assert (again.state, again.document.id) == (UploadState.ALREADY_HERE, same.document.id)
    work()
    assert [one.version.status for one in (found(services, ann, letter), found(services, bob, same.document))] == [
        DocumentStatus.INDEXED
    ] * 2
    assert listed(services, bob, workspace) == ["letter.txt"]
    assert listed(services, ann, workspace) == ["letter.txt", "letter.txt"]


def test_a_hidden_name_is_no_known_name_and_takes_no_new_version(
    services: Services, letter: Document, ann: Actor, bob: Actor, workspace: Workspace
) -> None:
    restrict(services, ann, letter)
    new = uploaded(services, bob, workspace, "letter.txt", REPLACED, same=SameName.NEW_VERSION)
    assert (new.state, new.document.version.number) == (UploadState.ADDED, 1)
    assert found(services, ann, letter).version.number == 1
    assert uploaded(services, bob, workspace, "letter.txt", ASPIRIN).state is UploadState.SAME_NAME


def found(services: Services, actor: Actor, document: Document) -> Document:
    return services.documents.get(actor, workspace_id=document.workspace_id, document_id=document.id)


def test_a_new_version_has_the_list_of_the_old(
    services: Services, letter: Document, ann: Actor, bob: Actor, workspace: Workspace, work: Work
) -> None:
    restrict(services, ann, letter)
    new = uploaded(services, ann, workspace, "letter.txt", REPLACED, same=SameName.NEW_VERSION)
    assert (new.document.id, new.document.version.number, new.document.restricted) == (letter.id, 2, True)
    work()
    assert listed(services, bob, workspace) == []
    assert services.graph.counts(bob, workspace_id=workspace.id).triples == 0
    assert services.graph.counts(ann, workspace_id=workspace.id).triples > 0


def test_one_s_answers_from_it_are_hidden_with_it_and_come_back(
    services: Services, letter: Document, ann: Actor, bob: Actor, workspace: Workspace, work: Work
) -> None:
    work()
    *_, answer = services.questions.ask(bob, workspace_id=workspace.id, text="What does warfarin interact with?")
    assert {one.document_id for one in answer.citations} == {letter.id}
    (asked,) = services.questions.history(bob, workspace_id=workspace.id)
    restrict(services, ann, letter)
    assert services.questions.history(bob, workspace_id=workspace.id) == []
    with pytest.raises(NotFoundError):
        services.questions.get(bob, workspace_id=workspace.id, question_id=asked.id)
    restrict(services, ann, letter, bob.user_id)
    assert services.questions.get(bob, workspace_id=workspace.id, question_id=asked.id) == asked


def test_who_left_the_workspace_and_came_back_is_on_no_list(
    services: Services, letter: Document, ann: Actor, bob: Actor, workspace: Workspace
) -> None:
    restrict(services, ann, letter, bob.user_id)
    for role in (Role.CLINICIAN, None, Role.CLINICIAN):
        services.workspaces.set_member(OPERATOR, workspace_id=workspace.id, user_id=bob.user_id, role=role)
    assert listed(services, bob, workspace) == []
    services.workspaces.set_member(OPERATOR, workspace_id=workspace.id, user_id=ann.user_id, role=None)
    access = services.access.get(OPERATOR, workspace_id=workspace.id, document_id=letter.id)
    assert access.user_ids == frozenset()


def test_setting_a_list_is_recorded_with_ids_alone(
    services: Services, letter: Document, ann: Actor, bob: Actor, workspace: Workspace
) -> None:
    restrict(services, ann, letter, bob.user_id)
    services.access.set(ann, workspace_id=workspace.id, document_id=letter.id, user_ids=None)
    events = services.audit.list(OPERATOR, actions=["access.set"], outcomes=[Outcome.DONE]).events
    people = sorted((ann.user_id, bob.user_id))
    assert [one.objects for one in reversed(events)] == [(letter.id, *people), (letter.id,)]
    assert [one.details["everybody"] for one in reversed(events)] == [False, True]
    assert {(one.actor_id, one.workspace_id) for one in events} == {(ann.user_id, workspace.id)}
