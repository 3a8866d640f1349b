"""Whatever is sent to the interface, by whomever: no answer is an error of ours, and each has the form it promises."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance

from app.api.main import create_api
from app.container import OPERATOR, Services, open_services
from app.domain.access import Role
from app.security.tokens import AccessTokens
from app.services.documents import Upload
from app.settings import load_settings
from tests.api.conftest import PASSWORD, add_person

EXAMPLES = 6
ROLES = [role for role in Role if role is not Role.OPERATOR]
SPARED = {("DELETE", "/tokens/current")}
"""What would end the session of everybody who comes after."""


class Interface:
    """A real installation with a person of every role and a document, and how to reach it."""

    def __init__(self, services: Services) -> None:
        self.app: FastAPI = create_api(services)
        self.schema: Any = schemathesis.openapi.from_asgi("/openapi.json", self.app)
        workspace = services.workspaces.add(OPERATOR, name="Cardiology", ontology="clinical")
        upload = Upload("letter.txt", b"Warfarin interacts with amiodarone.")
        (uploaded,) = services.documents.upload(OPERATOR, workspace_id=workspace.id, files=[upload])
        assert uploaded.document is not None
        self.known = {"workspace_id": str(workspace.id), "document_id": str(uploaded.document.id)}
        self.bearers: dict[str, dict[str, str]] = {"nobody": {}, "forged": {"authorization": "Bearer x.y.z"}}
        tokens = AccessTokens(services.keys.tokens)
        for role in ROLES:
            installation_wide = role.value in {"administrator", "compliance"}
            user_id = add_person(services, role.value, roles=(role,) if installation_wide else ())
            if not installation_wide:
                services.workspaces.set_member(OPERATOR, workspace_id=workspace.id, user_id=user_id, role=role)  # type: ignore[arg-type]
            signed_in = services.sessions.sign_in(username=role.value, password=PASSWORD, address="", agent="")
            token = tokens.issue(session_id=signed_in.session.id, user_id=user_id)
            self.bearers[role.value] = {"authorization": f"Bearer {token}"}


@pytest.fixture(scope="module")
def interface(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Interface]:
    folder: Path = tmp_path_factory.mktemp("contract")
    opened = open_services(
        load_settings(data_dir=folder / "data", embeddings={"kind": "hashing"}, llm={"kind": "none"}, samples=False)
    )
    yield Interface(opened)
    opened.close()


def test_whoever_sends_whatever_gets_an_answer_of_the_promised_form(interface: Interface) -> None:
    operations = [found.ok() for found in interface.schema.get_all_operations()]
    operations = [one for one in operations if (one.method.upper(), one.path) not in SPARED]
    assert len(operations) > 30
    answered: dict[int, int] = {}
    failures: list[str] = []
    for operation in operations:
        try:
            _attack(interface, operation, answered)
        except FailureGroup as found:
            failures += [f"{operation.method} {operation.path}: {one}" for one in found.exceptions]
    assert failures == []
    assert answered.get(200, 0) > 20, answered
    assert {401, 403, 404, 422} <= set(answered), answered


def _attack(interface: Interface, operation: Any, answered: dict[int, int]) -> None:
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(), who=st.sampled_from(sorted(interface.bearers)), inside=st.booleans())
    def send(case: Any, who: str, inside: bool) -> None:
        if inside and operation.method.upper() != "DELETE":
            for name in case.path_parameters or {}:
                case.path_parameters[name] = interface.known.get(name, case.path_parameters[name])
        answer = case.call(headers=interface.bearers[who])
        answered[answer.status_code] = answered.get(answer.status_code, 0) + 1
        case.validate_response(
            answer, checks=[not_a_server_error, response_schema_conformance, content_type_conformance]
        )
        if answer.status_code >= 400:
            problem = answer.json()
            assert answer.headers["content-type"][0] == "application/problem+json"
            assert problem["detail"].endswith(".")
            assert not re.search(r"Traceback|Error\(|pydantic", problem["detail"])

    send()
