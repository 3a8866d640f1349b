"""Role × action × workspace × list: to whom a document's list does not name, it is as if the document did not exist."""

import inspect
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from app.container import OPERATOR
from app.domain.access import Actor
from app.domain.answers import Mode
from app.errors import DafeError, NotFoundError
from app.services.documents import Upload, UploadState
from tests.security.access_oracle import (
    ABOUT_A_DOCUMENT,
    IN_THE_WORKSPACE,
    PEOPLE,
    ROUTES,
    SEE_THE_LISTED,
)
from tests.security.listed_document import LISTED, MODES, NAME, WORDS, Listed, listed_system, seen
from tests.security.test_authorisation import BODIES, UNKNOWN, methods
from tests.security.test_other_workspaces import arguments_for, ids_taken, statements

OF_OTHER_THINGS = {"user_id", "session_id", "actor_id", "user_ids"}
Said = tuple[str, str]


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listed]:
    with listed_system(tmp_path_factory.mktemp("listed")) as system:
        yield system


def tells(thing: object) -> list[str]:
    said = thing.text if hasattr(thing, "text") else repr(thing)
    return [word for word in WORDS if word in said.casefold()]


def said_to(listed: Listed, person: str, name: str, used: str) -> Said:
    """What a method says to an id, with that id taken out; nothing is opened by it."""
    method = methods(listed.attacked.services)[name]
    parameter = next(one for one, _ in ids_taken(method) if one not in OF_OTHER_THINGS)
    given: dict[str, Any] = {**arguments_for(method, listed.attacked.here), parameter: used}
    given |= {"user_ids": []} if name == "access.set" else {}
    try:
        said = ("answered", repr(method(listed.attacked.people[person], **given)))
    except DafeError as error:
        said = (type(error).__name__, f"{error.message} {sorted(error.details.items())}")
    return said[0], said[1].replace(used, "…")


def test_the_oracle_names_every_method_that_takes_an_id_of_a_document_s(listed: Listed) -> None:
    found = methods(listed.attacked.services)
    taking = {
        name
        for name, method in found.items()
        if "workspace_id" in inspect.signature(method).parameters
        and any(not several and one not in OF_OTHER_THINGS for one, several in ids_taken(method))
    }
    assert taking == set(ABOUT_A_DOCUMENT)


@pytest.mark.parametrize("person", [one for one in PEOPLE if one not in SEE_THE_LISTED])
def test_to_whom_may_not_see_it_each_of_its_ids_is_unknown(listed: Listed, person: str) -> None:
    ids = listed.ids(person)
    assert (ids["question"] == "none") == (person not in IN_THE_WORKSPACE)
    for name in ABOUT_A_DOCUMENT:
        unknown = said_to(listed, person, name, UNKNOWN)
        assert unknown[0] == "NotFoundError", (person, name)
        for kind, used in ids.items():
            assert said_to(listed, person, name, used) == unknown, (person, name, kind)
    assert listed.attacked.services.access.get(
        OPERATOR, workspace_id=listed.attacked.here, document_id=listed.document.id
    ).user_ids
    inside: Any = listed.inside
    for kind, used in ids.items() if person in IN_THE_WORKSPACE else ():
        for name in ("entity_ids", "document_ids"):
            view = listed.attacked.services.graph.neighbourhood(
                listed.attacked.people[person], **inside, **{name: [used]}
            )
            assert (view.entities_in_all, view.triples_in_all) == (0, 0), (person, name, kind)


def test_to_whom_may_see_it_its_ids_are_known(listed: Listed) -> None:
    """So that the sweep above can fail; what removes or changes it is tried by tests/services/test_access.py."""
    reading = [name for name in ABOUT_A_DOCUMENT if name.split(".")[1] not in {"delete", "retry", "stop", "set"}]
    assert len(reading) >= 9
    for person in SEE_THE_LISTED:
        ids = listed.ids(person)
        for name in reading:
            used = ids[ABOUT_A_DOCUMENT[name]]
            assert said_to(listed, person, name, used) != said_to(listed, person, name, UNKNOWN), (person, name)


@pytest.mark.parametrize("person", PEOPLE)
def test_every_route_with_its_ids_answers_as_the_oracle_says(listed: Listed, person: str) -> None:
    client, headers = listed.attacked.client, listed.attacked.tokens[person]
    ids = listed.ids(person)
    tried = 0
    for (method, path), right in ROUTES.items():
        if right.status != 404 or path.count("{") != 2 or (person in SEE_THE_LISTED and method != "GET"):
            continue
        kind = path.split("{")[2].split("_id}")[0]
        body = BODIES.get((method, path))
        start = path.replace("{workspace_id}", listed.attacked.here)
        theirs, unknown = (
            client.request(method, start.replace(f"{{{kind}_id}}", used), headers=headers, json=body)
            for used in (ids[kind], UNKNOWN)
        )
        assert unknown.status_code == 404
        if person in SEE_THE_LISTED:
            assert theirs.status_code == 200, path
        else:
            assert (theirs.status_code, theirs.content) == (404, unknown.content), (person, method, path)
        tried += 1
    assert tried >= (6 if person in SEE_THE_LISTED else 11)


def test_a_hidden_id_costs_the_same_queries_as_an_unknown_one(listed: Listed) -> None:
    ids = listed.ids("analyst")
    for name, kind in ABOUT_A_DOCUMENT.items():
        ran = []
        for used in (ids[kind], UNKNOWN):
            with statements() as found:
                said_to(listed, "analyst", name, used)
            ran.append(found)
        assert ran[0] == ran[1], name


def test_what_a_member_sees_is_what_it_was_before_the_document_was_there(listed: Listed) -> None:
    now = seen(listed.attacked, "analyst")
    assert [name for name in now if now[name] != listed.before[name]] == []
    assert tells(now) == []
    theirs = seen(listed.attacked, "clinician")
    assert [name for name in theirs if theirs[name] == listed.before[name]] == []


def test_without_the_filter_each_of_these_views_tells_of_it(listed: Listed, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mutant: everybody reads as the operator does."""
    monkeypatch.setattr(Actor, "reader", property(lambda _self: None))
    now = seen(listed.attacked, "analyst")
    assert [name for name in now if now[name] == listed.before[name]] == []
    assert said_to(listed, "analyst", "documents.get", listed.document.id)[0] == "answered"


@pytest.mark.parametrize("mode", MODES)
def test_equal_questions_of_two_members_share_nothing(listed: Listed, mode: Mode) -> None:
    attacked = listed.attacked
    for _again in range(2):
        for person in ("clinician", "analyst", "both"):
            answer = attacked.ask(person, attacked.here, mode=mode)
            assert bool(tells(answer)) == (person in SEE_THE_LISTED), (person, mode)
            assert answer.searched_documents == (2 if person in SEE_THE_LISTED else 1)
    assert not any(tells(one) for one in attacked.services.questions.history(attacked.people["both"], **listed.inside))  # type: ignore[arg-type]


def test_a_name_that_only_the_hidden_document_mentions_is_an_unknown_name(listed: Listed) -> None:
    attacked = listed.attacked
    asked = "What does Vandrolex treat?"
    answer = attacked.ask("analyst", attacked.here, asked, Mode.AUTO)
    invented = attacked.ask("analyst", attacked.here, asked.replace("Vandrolex", "Vobrulamide"), Mode.AUTO)
    assert answer.refused
    plain = [replace(one, timings={}, unknown_entities=(), support=0.0) for one in (answer, invented)]
    assert plain[0] == plain[1]
    assert len(answer.unknown_entities) == len(invented.unknown_entities)
    assert not attacked.ask("clinician", attacked.here, asked, Mode.AUTO).refused


def test_an_upload_of_the_hidden_file_is_added_and_no_other_answer_is_given(listed: Listed) -> None:
    """Last but one: the workspace has one document more afterwards."""
    services, inside = listed.attacked.services, listed.inside
    uploads: Any = {"files": [Upload(NAME, LISTED)], **inside}
    (added,) = services.documents.upload(listed.attacked.people["analyst"], **uploads)
    assert (added.state, added.message) == (UploadState.ADDED, "")
    assert added.document is not None
    assert added.document.id != listed.document.id
    services.documents.delete(OPERATOR, document_id=added.document.id, **inside)  # type: ignore[arg-type]


def test_the_deletion_of_a_hidden_document_is_hidden_too(listed: Listed) -> None:
    """Last: the document goes."""
    services, inside = listed.attacked.services, listed.inside
    jobs = services.documents.delete(listed.attacked.people["clinician"], document_id=listed.document.id, **inside)  # type: ignore[arg-type]
    for person in ("analyst", "both"):
        shown = services.jobs.list(listed.attacked.people[person], **inside)  # type: ignore[arg-type]
        assert not {one.document_id for one in shown} & {listed.document.id}
        with pytest.raises(NotFoundError):
            services.jobs.get(listed.attacked.people[person], job_id=jobs[0].id, **inside)  # type: ignore[arg-type]
    assert {one.id for one in services.jobs.list(listed.attacked.people["clinician"], **inside)} >= {
        one.id for one in jobs
    }  # type: ignore[arg-type]
