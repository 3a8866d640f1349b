"""Every service method and every REST route against an oracle written apart from the program."""

import inspect
import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields

import pytest
from httpx import Response

from app.container import AUDITED, Services
from app.domain.access import Actor, Role
from app.domain.answers import Mode
from app.domain.documents import Span
from app.errors import DafeError, ForbiddenError, NotFoundError
from app.services.documents import Upload
from backends.metadata.base_content import DocumentFilter
from tests.security.access_oracle import (
    BEFORE_SIGN_IN,
    OPEN_ROUTES,
    PEOPLE,
    ROUTES,
    SERVICES,
)
from tests.security.two_workspaces import Attacked, attacked_system, sign_in

UNKNOWN = "01JUNKNOWN0000000000000000"
CREATING = {"workspaces.add", "users.add", "users.import_user"}
GIVEN: dict[str, object] = {
    "files": (Upload("program.exe", b"MZ\0\0"),),
    "document_filter": DocumentFilter(),
    "page": 1,
    "span": Span(0, 1),
    "text": "What?",
    "mode": Mode.RAG,
    "format": "csv",
    "bcrypt_hash": "no hash",
    "role": Role.CLINICIAN,
    "roles": (),
    "old": "not my password",
    "new": "another password altogether",
    "file": None,
    "user_ids": None,
}
BODIES: dict[tuple[str, str], dict[str, object]] = {
    ("POST", "/workspaces"): {"name": "Added", "ontology": "no such"},
    ("PATCH", "/workspaces/{workspace_id}"): {"name": "Renamed"},
    ("PUT", "/workspaces/{workspace_id}/members/{user_id}"): {"role": "clinician"},
    ("PUT", "/workspaces/{workspace_id}/documents/{document_id}/access"): {"user_ids": None},
    ("POST", "/workspaces/{workspace_id}/questions"): {"text": "What is this?", "mode": "rag"},
    ("POST", "/workspaces/{workspace_id}/graph/exports"): {"format": "csv"},
    ("POST", "/users"): {"username": "not a name", "name": "x"},
    ("PUT", "/users/{user_id}/roles"): {"roles": []},
}


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    with attacked_system(tmp_path_factory.mktemp("authorisation")) as system:
        yield system


def service_names(services: Services) -> list[str]:
    """By class, not by the program's own list of services."""
    values = {one.name: getattr(services, one.name) for one in fields(services)}
    return [name for name, value in values.items() if type(value).__module__.startswith("app.services.")]


def methods(services: Services) -> dict[str, Callable[..., object]]:
    return {
        f"{service}.{name}": getattr(getattr(services, service), name)
        for service in service_names(services)
        for name in dir(type(getattr(services, service)))
        if not name.startswith("_") and callable(getattr(getattr(services, service), name))
    }


def routes(attacked: Attacked) -> set[tuple[str, str]]:
    """From the application's own table, those that its OpenAPI document hides too."""
    return set(_routes(attacked.client.app.routes))  # type: ignore[attr-defined]


def _routes(table: Iterable[object]) -> Iterator[tuple[str, str]]:
    for one in table:
        if hasattr(one, "original_router"):
            yield from _routes(one.original_router.routes)
        else:
            yield from ((method, one.path) for method in getattr(one, "methods", ()) or ("any",))  # type: ignore[attr-defined]


def call(name: str, method: Callable[..., object], actor: Actor, workspace_id: str) -> None:
    """With arguments that fit and name nothing that exists, so that whoever may call it changes nothing."""
    given = {**GIVEN, "name": "no such name", "username": "not a user name", "file": io.BytesIO()}
    given |= {"name": "x" * 100} if name.startswith("workspaces.") else {}
    arguments: dict[str, object] = {}
    for parameter in list(inspect.signature(method).parameters.values())[1:]:
        if parameter.name == "workspace_id":
            arguments[parameter.name] = workspace_id
        elif parameter.default is inspect.Parameter.empty:
            arguments[parameter.name] = UNKNOWN if parameter.name.endswith("_id") else given[parameter.name]
    method(actor, **arguments)


def refusal(name: str, method: Callable[..., object], actor: Actor, workspace_id: str) -> int:
    """403 or 404 where the caller was turned away, 0 where the call got past the check."""
    try:
        call(name, method, actor, workspace_id)
    except DafeError as error:
        if "permission" not in error.details:
            return 0
        return {ForbiddenError: 403, NotFoundError: 404}[type(error)]
    return 0


def send(attacked: Attacked, route: tuple[str, str], person: str | None, workspace_id: str) -> Response:
    method, path = route
    path = path.replace("{workspace_id}", workspace_id)
    for name in ("document_id", "question_id", "triple_id", "job_id", "export_id", "user_id"):
        path = path.replace(f"{{{name}}}", UNKNOWN)
    uploads = [("files", ("program.exe", b"MZ\0\0"))] if route == ("POST", _DOCUMENTS) else None
    headers = attacked.tokens[person] if person else {}
    return attacked.client.request(method, path, headers=headers, json=BODIES.get(route), files=uploads)


_DOCUMENTS = "/workspaces/{workspace_id}/documents"


def test_the_oracle_names_every_public_method_of_every_service(attacked: Attacked) -> None:
    assert set(methods(attacked.services)) == set(SERVICES) | BEFORE_SIGN_IN


def test_refusals_of_every_service_are_recorded(attacked: Attacked) -> None:
    assert sorted(service_names(attacked.services)) == sorted([*AUDITED, "sign_ins"])


def test_the_oracle_names_every_route(attacked: Attacked) -> None:
    assert routes(attacked) == set(ROUTES) | OPEN_ROUTES


@pytest.mark.parametrize("person", PEOPLE)
def test_the_services_let_in_exactly_whom_the_oracle_names(attacked: Attacked, person: str) -> None:
    found = methods(attacked.services)
    wrong = []
    for name, right in SERVICES.items():
        expected = 0 if person in right.people else right.status
        workspace_id = UNKNOWN if name == "workspaces.delete" else attacked.here
        got = refusal(name, found[name], attacked.people[person], workspace_id)
        if got != expected:
            wrong.append((name, expected, got))
    assert wrong == []


@pytest.mark.parametrize("person", PEOPLE)
def test_the_routes_let_in_exactly_whom_the_oracle_names(attacked: Attacked, person: str) -> None:
    turned_away = attacked.client.get(f"/workspaces/{UNKNOWN}/documents", headers=attacked.tokens["nobody"]).json()
    wrong = []
    for route, right in ROUTES.items():
        workspace_id = UNKNOWN if route == ("DELETE", "/workspaces/{workspace_id}") else attacked.here
        answer = send(attacked, route, person, workspace_id)
        refused = answer.status_code in {401, 403} or (answer.status_code == 404 and answer.json() == turned_away)
        if refused != (person not in right.people) or (refused and answer.status_code != right.status):
            wrong.append((route, answer.status_code))
        if route == ("DELETE", "/tokens/current"):
            assert attacked.client.get("/workspaces", headers=attacked.tokens[person]).status_code == 401
            sign_in(attacked, person)
    assert wrong == []


def test_without_a_token_every_route_answers_alike(attacked: Attacked) -> None:
    for headers in ({}, {"authorization": "Bearer x.y.z"}, {"authorization": "Basic cDpw"}, {"cookie": "dafe=x"}):
        for route in ROUTES:
            path = route[1].replace("{workspace_id}", attacked.there).replace("{", "").replace("}", "")
            answer = attacked.client.request(route[0], path, headers=headers, json=BODIES.get(route))
            assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json"), route
            assert set(answer.json()) == {"type", "status", "detail"}


def test_another_workspace_answers_as_one_that_does_not_exist(attacked: Attacked) -> None:
    for route, right in ROUTES.items():
        if right.status == 404:
            theirs = send(attacked, route, "clinician", attacked.there)
            unknown = send(attacked, route, "clinician", UNKNOWN)
            assert theirs.status_code == unknown.status_code == 404, route
            assert theirs.content == unknown.content, route
            same = [{name: one.headers.get(name) for name in one.headers} for one in (theirs, unknown)]
            assert same[0] == same[1], route


def test_who_may_do_nothing_in_a_workspace_sees_no_workspace(attacked: Attacked) -> None:
    seen = {
        person: {one["id"] for one in attacked.client.get("/workspaces", headers=attacked.tokens[person]).json()}
        for person in PEOPLE
    }
    everything = {attacked.here, attacked.there}
    assert seen["administrator"] == seen["both"] == everything
    assert seen["clinician"] == seen["analyst"] == {attacked.here}
    assert seen["elsewhere"] == {attacked.there}
    assert seen["nobody"] == seen["compliance"] == set()
