"""Ids of another workspace in every place that takes an id, and equal questions: nothing of it is ever told."""

import inspect
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace

import pytest
import sqlalchemy as sa

from app.domain.answers import Mode
from app.domain.ids import QuestionId, UserId
from app.errors import DafeError, NotFoundError
from app.pipeline.answering import Scope
from app.services.permitted import permitted_documents
from tests.security.access_oracle import ROUTES
from tests.security.test_authorisation import BODIES, GIVEN, UNKNOWN, methods
from tests.security.two_workspaces import QUESTION, SECRETS, Attacked, attacked_system

Outcome = tuple[str, str]
"""The kind of an answer or error, and all it says, with the ids that were asked for taken out."""


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    with attacked_system(tmp_path_factory.mktemp("other")) as system:
        yield system


def tells(text: str) -> list[str]:
    return [secret for secret in SECRETS if secret in text.casefold()]


def outcome(method: Callable[..., object], attacked: Attacked, arguments: dict[str, object], used: str) -> Outcome:
    try:
        result = method(attacked.people["clinician"], **arguments)
    except DafeError as error:
        said = (type(error).__name__, f"{error.message} {sorted(error.details.items())}")
    else:
        said = ("answered", repr(result))
    return said[0], said[1].replace(used, "…").replace(UNKNOWN, "…")


def ids_taken(method: Callable[..., object]) -> list[tuple[str, bool]]:
    """Names of the parameters that take an id or several, but for the workspace's own."""
    names = list(inspect.signature(method).parameters)[1:]
    single = [(name, False) for name in names if name.endswith("_id") and name != "workspace_id"]
    return single + [(name, True) for name in names if name.endswith("_ids")]


def arguments_for(method: Callable[..., object], workspace_id: str) -> dict[str, object]:
    given: dict[str, object] = {"workspace_id": workspace_id}
    for parameter in list(inspect.signature(method).parameters.values())[1:]:
        if parameter.default is inspect.Parameter.empty and parameter.name != "workspace_id":
            given[parameter.name] = UNKNOWN if parameter.name.endswith("_id") else GIVEN.get(parameter.name)
    return given if "workspace_id" in inspect.signature(method).parameters else _without(given)


def _without(given: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in given.items() if name != "workspace_id"}


def state(attacked: Attacked) -> str:
    """All that a member of the other workspace sees of it."""
    actor, services, inside = attacked.people["elsewhere"], attacked.services, {"workspace_id": attacked.there}
    seen = [
        services.jobs.list(actor, **inside),
        services.questions.history(actor, **inside),
        services.graph.export(actor, format="csv", **inside),
        services.workspaces.summary(actor, **inside),
        services.sessions.list_own(actor),
    ]
    return repr(seen)


def test_every_kind_of_id_of_another_workspace_is_unknown_to_every_method(attacked: Attacked) -> None:
    before = state(attacked)
    theirs = attacked.ids_of(attacked.there, member="elsewhere")
    tried = 0
    for name, method in methods(attacked.services).items():
        if next(iter(inspect.signature(method).parameters), "") != "actor":
            continue
        for parameter, several in ids_taken(method):
            for kind, theirs_id in theirs.items():
                said = []
                for used in (theirs_id, UNKNOWN):
                    given = {**arguments_for(method, attacked.here), parameter: [used] if several else used}
                    said.append(outcome(method, attacked, given, used))
                tried += 1
                assert said[0] == said[1], (name, parameter, kind)
                assert not tells(said[0][1]), (name, parameter, kind)
    assert tried > 150
    assert state(attacked) == before


def test_every_kind_of_id_of_another_workspace_is_unknown_to_every_route(attacked: Attacked) -> None:
    before = state(attacked)
    headers = attacked.tokens["clinician"]
    theirs = attacked.ids_of(attacked.there, member="elsewhere")
    for (method, path), right in ROUTES.items():
        if right.status == 404 and path.count("{") == 2:
            start, end = path.replace("{workspace_id}", attacked.here).split("{")[0], path.split("}")[-1]
            given = {"headers": headers, "json": BODIES.get((method, path))}
            unknown = attacked.client.request(method, f"{start}{UNKNOWN}{end}", **given)
            for kind, theirs_id in theirs.items():
                answer = attacked.client.request(method, f"{start}{theirs_id}{end}", **given)
                assert answer.status_code == unknown.status_code == 404, (method, path, kind)
                assert answer.content == unknown.content, (method, path, kind)
    for kind, theirs_id in theirs.items():
        for name in ("entity_id", "document_id"):
            answer = attacked.client.get(
                f"/workspaces/{attacked.here}/graph/neighbourhood", headers=headers, params={name: theirs_id}
            )
            assert (answer.json()["entities_in_all"], answer.json()["triples_in_all"]) == (0, 0), (name, kind)
    assert state(attacked) == before


def test_a_foreign_id_beside_its_own_workspace_is_no_way_in(attacked: Attacked) -> None:
    theirs = attacked.ids_of(attacked.there, member="elsewhere")
    for (method, path), right in ROUTES.items():
        if right.status != 404:
            continue
        filled = path.replace("{workspace_id}", attacked.there)
        for name in ("document", "question", "triple", "job", "export"):
            filled = filled.replace(f"{{{name}_id}}", theirs[name])
        files = [("files", ("a.txt", b"text"))] if method == "POST" and path.endswith("/documents") else None
        for person in ("nobody", "clinician", "analyst", "both", "administrator", "compliance"):
            body = BODIES.get((method, path))
            answer = attacked.client.request(method, filled, headers=attacked.tokens[person], json=body, files=files)
            assert answer.status_code == 404, (method, path, person)
            assert not tells(answer.text), (method, path, person)


@contextmanager
def statements() -> Iterator[list[str]]:
    """The SQL that this thread runs: what a caller could time."""
    ran: list[str] = []
    me = threading.get_ident()

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if threading.get_ident() == me:
            ran.append(statement)

    sa.event.listen(sa.engine.Engine, "before_cursor_execute", note)
    try:
        yield ran
    finally:
        sa.event.remove(sa.engine.Engine, "before_cursor_execute", note)


def test_a_foreign_id_costs_the_same_queries_as_an_unknown_one(attacked: Attacked) -> None:
    theirs = attacked.ids_of(attacked.there, member="elsewhere")
    for name, method in methods(attacked.services).items():
        if "workspace_id" not in inspect.signature(method).parameters or name.startswith("workspaces."):
            continue
        for parameter, several in ids_taken(method):
            ran = []
            for used in (theirs[parameter.removesuffix("s").removesuffix("_id")], UNKNOWN):
                given = {**arguments_for(method, attacked.here), parameter: [used] if several else used}
                with statements() as found:
                    outcome(method, attacked, given, used)
                ran.append(found)
            assert ran[0] == ran[1], (name, parameter)
    asked = []
    for workspace_id in (attacked.there, UNKNOWN):
        with statements() as found, pytest.raises(NotFoundError):
            attacked.ask("clinician", workspace_id)  # type: ignore[arg-type]
        asked.append(found)
    assert asked[0] == asked[1]


@pytest.mark.parametrize("mode", [Mode.GRAPH, Mode.RAG, Mode.GRAPHRAG, Mode.AUTO])
def test_equal_questions_in_two_workspaces_share_nothing(attacked: Attacked, mode: Mode) -> None:
    for _again in range(2):
        ours = attacked.ask("clinician", attacked.here, mode=mode)
        theirs = attacked.ask("elsewhere", attacked.there, mode=mode)
        assert not tells(repr(ours))
        assert "zyxoprine" in repr(theirs)
        assert "amiodarone" not in repr(theirs)
        assert ours.searched_documents == theirs.searched_documents == 1


def test_a_name_that_only_another_workspace_mentions_is_an_unknown_name(attacked: Attacked) -> None:
    asked = "What does Zyxoprine treat?"
    answer = attacked.ask("clinician", attacked.here, asked, Mode.AUTO)
    assert answer.refused
    invented = attacked.ask("clinician", attacked.here, asked.replace("Zyxoprine", "Vobrulamide"), Mode.AUTO)
    plain = [replace(one, timings={}, unknown_entities=(), support=0.0) for one in (answer, invented)]
    assert plain[0] == plain[1]
    assert len(answer.unknown_entities) == len(invented.unknown_entities)


def test_suggestions_and_counts_are_of_ones_own_workspace(attacked: Attacked) -> None:
    actor, services, inside = attacked.people["clinician"], attacked.services, {"workspace_id": attacked.here}
    assert services.graph.search(actor, text="zyx", **inside) == []
    suggested = services.graph.search(actor, text="", **inside)
    assert suggested
    assert not tells(repr(suggested))
    counts = services.graph.counts(actor, **inside)
    exported = services.graph.export(actor, format="csv", **inside).decode("utf-8-sig")
    assert counts.triples > 0
    assert counts.evidence == len(exported.splitlines()) - 1
    assert services.workspaces.summary(actor, **inside).documents == 1


def test_nobody_reads_the_questions_of_a_colleague(attacked: Attacked) -> None:
    inside = {"workspace_id": attacked.here}
    asked = attacked.services.questions.history(attacked.people["clinician"], **inside)
    assert asked
    for person in ("analyst", "both"):
        assert attacked.services.questions.history(attacked.people[person], **inside) == []
        with pytest.raises(NotFoundError) as theirs:
            attacked.services.questions.get(attacked.people[person], question_id=asked[0].id, **inside)
        with pytest.raises(NotFoundError) as unknown:
            attacked.services.questions.get(attacked.people[person], question_id=QuestionId(UNKNOWN), **inside)
        assert theirs.value.message == unknown.value.message


def test_nobody_ends_the_session_of_another(attacked: Attacked) -> None:
    theirs = str(attacked.people["elsewhere"].session_id)
    for person in ("clinician", "administrator", "both"):
        with pytest.raises(NotFoundError):
            attacked.services.sessions.revoke(attacked.people[person], session_id=theirs)
    assert attacked.client.get("/workspaces", headers=attacked.tokens["elsewhere"]).status_code == 200


def test_two_document_lists_of_one_workspace_share_no_answer(attacked: Attacked) -> None:
    """The scope is what a document list narrows; what was found in the wider one is not there in the narrower."""
    services = attacked.services
    workspace = services.workspaces.get(attacked.people["elsewhere"], workspace_id=attacked.there)
    whole = permitted_documents(services.questions._metadata, attacked.people["elsewhere"], attacked.there)
    answers = services.questions._answerer.answer
    for _again in range(2):
        for mode in (Mode.GRAPH, Mode.RAG, Mode.GRAPHRAG):
            asked = {"mode": mode, "look_again": lambda: frozenset(whole)}
            *_, wide = answers(QUESTION, scope=Scope(workspace, whole), **asked)
            *_, narrow = answers(QUESTION, scope=Scope(workspace, {}), **asked)
            assert "zyxoprine" in repr(wide).casefold()
            assert not tells(repr(asdict(narrow)))
            assert (narrow.searched_documents, narrow.citations, narrow.nearest) == (0, (), ())


def test_a_membership_that_ended_ends_at_the_next_call(attacked: Attacked) -> None:
    from app.container import OPERATOR
    from app.domain.access import Role

    person, services = attacked.people["analyst"], attacked.services
    here = f"/workspaces/{attacked.here}/documents"
    services.workspaces.set_member(OPERATOR, workspace_id=attacked.here, user_id=UserId(person.user_id), role=None)
    try:
        assert attacked.client.get(here, headers=attacked.tokens["analyst"]).status_code == 404
    finally:
        services.workspaces.set_member(
            OPERATOR, workspace_id=attacked.here, user_id=UserId(person.user_id), role=Role.ANALYST
        )
    assert attacked.client.get(here, headers=attacked.tokens["analyst"]).status_code == 200
