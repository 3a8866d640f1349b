"""`dafe up --profile workstation` with a real Ollama and its own Chroma: a day over REST, and Ollama ending."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from app.container import OPERATOR, Services, open_services
from app.domain.access import Role
from app.domain.documents import Span
from app.domain.ids import UserId, VersionId, WorkspaceId
from app.settings import Profile, load_settings
from backends.embeddings.onnx import OnnxEmbedder
from backends.vectors.chroma import ChromaVectorStore
from backends.vectors.settings import ChromaVectorSettings
from tests.api.conftest import PASSWORD, add_person
from tests.conformance.document_files import make_pdf
from tests.security.canaries import USERNAME
from tests.security.journey_rest import RestClient
from tests.security.running import running
from tests.security.stored_rows import database_of
from tests.servers.real_ollama import MODEL, RealOllama, real_ollama
from tests.servers.requiring import require
from tests.services.letters import WARFARIN

pytestmark = [pytest.mark.server, pytest.mark.slow, pytest.mark.model, pytest.mark.timeout(600)]
MODES = ("graph", "rag", "graphrag")
QUESTION = "What does warfarin interact with?"
GONE = "The language model stopped answering, so sentences of the documents are quoted instead."
AWAY = "No language model server answers at"


@pytest.fixture
def ollama(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealOllama]:
    if find_spec("chromadb") is None:
        require("chroma", "install the extra chroma")
    with real_ollama(tmp_path_factory.mktemp("ollama")) as started:
        yield started


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Kept from one test to the next, so that the model is tried out once."""
    return tmp_path_factory.mktemp("workstation")


def prepare(services: Services) -> None:
    if not services.users.list(OPERATOR):
        workspace = services.workspaces.add(OPERATOR, name="Cardiology", ontology="clinical")
        user_id = UserId(add_person(services, USERNAME, roles=(Role.ADMINISTRATOR,)))
        services.workspaces.set_member(OPERATOR, workspace_id=workspace.id, user_id=user_id, role=Role.CLINICIAN)


@contextmanager
def workstation(folder: Path, ollama: RealOllama, **variables: str) -> Iterator[tuple[RestClient, Services]]:
    """Somebody signed in over REST, and the services of the same folder in this process."""
    model = {"LLM__KIND": "auto", "LLM__URL": ollama.url, "LLM__NUM_CTX": "2048"}
    given = {"EMBEDDINGS__KIND": "onnx", **model, **variables}
    with running(folder, prepare, options=("--profile", "workstation"), **given) as started:
        settings = load_settings(data_dir=folder / "data", profile=Profile.WORKSTATION, llm={"kind": "none"})
        with closing(open_services(settings)) as services:
            (workspace,) = services.workspaces.list(OPERATOR)
            client = RestClient(started.settings.port, workspace.id, password=PASSWORD)
            client.sign_in()
            yield client, services


def until(condition: Callable[[], Any], *, seconds: float = 300.0) -> Any:
    """What `condition` gives when it is true."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.2)
    return found


def tried_out(client: RestClient) -> dict[str, Any] | None:
    """What the probe found, when it has ended."""
    found: dict[str, Any] = client.send("GET", "/health/model").raise_for_status().json()
    return None if "being tried out" in found["reason"] else found


def ask(client: RestClient, mode: str) -> dict[str, Any]:
    answer = client.inside("POST", "/questions", json={"text": QUESTION, "mode": mode})
    asked: dict[str, Any] = answer.raise_for_status().json()
    return asked


def vectors(client: RestClient, services: Services, version_ids: set[str]) -> tuple[int, int]:
    """How many Chroma holds of these versions, and how many the database holds in all."""
    settings = ChromaVectorSettings()
    data_dir, permitted = services.settings.data_dir, frozenset(map(VersionId, version_ids))
    space = {"embedding_name": OnnxEmbedder.name, "dimension": OnnxEmbedder.dimension}
    with closing(ChromaVectorStore(settings, data_dir=data_dir, **space)) as chroma:
        in_chroma = chroma.count(workspace_id=WorkspaceId(client.workspace_id), permitted=permitted)
    with database_of(services) as database, database.read() as connection:
        return in_chroma, connection.exec_driver_sql("SELECT count(*) FROM vectors").scalar_one()


def assert_quoted(answer: dict[str, Any]) -> None:
    """Cited sentence by sentence, each with the place where it stands."""
    assert not answer["refused"]
    assert answer["sentences"]
    numbers = {one["n"] for one in answer["citations"]}
    assert all(one["citations"] and set(one["citations"]) <= numbers for one in answer["sentences"]), answer
    assert any("amiodarone" in one["quote"] for one in answer["citations"])


def delete_all(client: RestClient) -> None:
    for document in client.documents():
        client.inside("DELETE", f"/documents/{document['id']}").raise_for_status()
    client.wait_until_worked_off()


def assert_nothing_is_found(client: RestClient, services: Services, version_ids: set[str]) -> None:
    assert client.documents() == []
    assert client.inside("GET", "/graph/entities", params={"text": "amiodarone"}).json() == []
    for mode in MODES:
        answer = ask(client, mode)
        assert answer["refused"]
        assert answer["citations"] == answer["nearest"] == answer["triples"] == []
    assert vectors(client, services, version_ids) == (0, 0)


def test_documents_are_found_cited_and_deleted_beside_a_model_that_may_do_nothing(
    folder: Path, ollama: RealOllama
) -> None:
    with workstation(folder, ollama) as (client, services):
        until((folder / "data" / "chroma" / "port.json").exists)  # with nobody asking
        client.upload("letter.pdf", make_pdf(WARFARIN.decode()))
        client.wait_until_worked_off()
        (document,) = client.documents()
        assert (document["status"], document["quarantined"]) == ("indexed", 0), document
        tried = until(lambda: tried_out(client))
        assert tried["model"] == f"{MODEL}:latest"
        assert tried["band"] == "rules_only"
        assert tried["reason"].endswith("rules read alone.")
        answers = [ask(client, mode) for mode in MODES]
        for answer in answers:
            assert_quoted(answer)
            assert answer["model"] is None
        cited = answers[-1]["citations"][0]
        place = {"version_id": cited["version_id"], "span": Span(cited["start"], cited["end"])}
        opened = services.evidence.evidence(OPERATOR, workspace_id=WorkspaceId(client.workspace_id), **place)
        assert (opened.quote, opened.document, opened.has_image) == (cited["quote"], "letter.pdf", True)
        assert opened.boxes
        in_chroma, in_database = vectors(client, services, {cited["version_id"]})
        assert (in_chroma, in_database) == (document["chunks"], 0)
        assert in_chroma > 0
        delete_all(client)
        assert_nothing_is_found(client, services, {cited["version_id"]})


def test_when_ollama_ends_the_answer_quotes_with_a_notice_and_indexing_waits(folder: Path, ollama: RealOllama) -> None:
    with workstation(folder, ollama, MODEL_BAND="model_led") as (client, services):
        client.upload("letter.txt", WARFARIN)
        client.wait_until_worked_off()
        tried = until(lambda: tried_out(client))
        assert (tried["model"], tried["band"]) == (f"{MODEL}:latest", "model_led")
        assert "Set by an administrator" in tried["reason"]
        *before, last = answers_while_it_ends(client, ollama)
        assert f"{MODEL}:latest" in {one["model"] for one in before}, "the model was to begin"
        assert last["finished"]
        assert (last["notice"], last["model"]) == (GONE, None)
        assert_quoted(last)
        client.upload("later.txt", b"Later\n\nDigoxin interacts with amiodarone. Heparin prevents thrombosis.\n")
        waiting = until(lambda: [one for one in client.documents() if AWAY in (one["error"] or "")], seconds=60)
        assert [(one["name"], one["status"]) for one in waiting] == [("later.txt", "waiting")]
        versions = {one["version_id"] for one in last["citations"]}
        delete_all(client)
        assert_nothing_is_found(client, services, versions)


def answers_while_it_ends(client: RestClient, ollama: RealOllama) -> Iterator[dict[str, Any]]:
    """The answer as it grows; Ollama is ended when its model has begun to work on it."""
    asked = {"text": QUESTION, "mode": "rag"}
    for answer in client.stream("/questions", json=asked):
        if answer["model"] and ollama.process.poll() is None:
            worked = ollama.runner_seconds()
            until(lambda worked=worked: ollama.runner_seconds() > worked + 0.1)
            ollama.process.terminate()
            ollama.process.wait(30)
        yield answer
