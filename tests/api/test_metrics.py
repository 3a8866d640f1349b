"""GET /metrics: who may read it, what it counts, and that nobody's name or word is in it."""

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from app.api.measuring import page_route
from app.api.serving import create_root
from app.container import OPERATOR, Services, open_services
from app.domain.access import Role
from app.domain.documents import DocumentStatus
from app.domain.jobs import JobKind, JobState
from app.errors import BackendUnavailableError
from app.services.documents import Upload
from app.settings import load_settings
from backends.cache.base import Layer
from backends.metadata.base_content import DocumentFilter
from tests.api.conftest import PASSWORD, add_person
from tests.security.access_oracle import OPEN_ROUTES, ROUTES
from tests.security.canaries import (
    AGENT,
    BROKEN_FILE,
    DISPLAY_NAME,
    FILE,
    LETTER,
    PAGE,
    QUESTION,
    SEARCH,
    UNKNOWN_USER,
    USERNAME,
    WORKSPACE,
    WRONG_ID,
    found_canaries,
)
from tests.servers.requiring import require
from tests.services.verifying import change
from tests.working import work_off

TOKEN = "a-long-random-text-that-only-prometheus-knows"
ASKED = f"What does warfarin interact with, {QUESTION}?"
PAGE_ROUTES = set("/ /session/sign-in /session/sign-out /healthz /readyz /metrics /session/files/".split())
PAGE_ROUTES |= set("/session-assets/ /_stcore/ /media/ /static/ /component/".split())
LABELS: dict[str, set[str]] = {
    "method": {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "other"},
    "route": {f"/api/v1{path}" for _, path in {*ROUTES, *OPEN_ROUTES}} | {"none"} | PAGE_ROUTES,
    "status": {"2xx", "3xx", "4xx", "5xx", *DocumentStatus},
    "page": {"home", "ask", "graph", "documents", "audit", "health", "users", "workspaces", "account", "help"},
    "mode": {"auto", "graph", "rag", "graphrag"},
    "refused": {"true", "false"},
    "kept": {"true", "false"},
    "stage": {"linking", "searching", "ranking", "facts", "answering", "writing", "kept"},
    "group": {"jobs", "documents", "queue", "cache", "models", "audit", "disk"},
    "kind": set(JobKind),
    "state": {*JobState, "closed", "half_open", "open"},
    "priority": {"urgent", "normal", "bulk"},
    "layer": set(Layer),
    "band": {"model_led", "rules_and_model", "rules_only"},
}
"""Every label and what may stand in it, written by hand; `le` has numbers, `endpoint` the names of the settings."""


PROMTOOL = Path.home() / ".cache/dafe-test/prometheus/usr/bin/promtool"
"""Where the package lies unpacked, on a machine that has it not installed."""


@dataclass(frozen=True, slots=True)
class Watched:
    services: Services
    client: TestClient
    workspace_id: str
    bearer: dict[str, str]

    @property
    def text(self) -> str:
        answer = self.client.get("/metrics", headers={"authorization": f"Bearer {TOKEN}"})
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
        return answer.text

    def samples(self) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
        families = text_string_to_metric_families(self.text)
        return {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in families
            for sample in family.samples
        }

    def number(self, name: str, **labels: str) -> float:
        """The sum of what bears these labels and any others."""
        return sum(
            value for (one, found), value in self.samples().items() if one == name and set(labels.items()) <= found
        )

    def ask(self, text: str) -> None:
        path = f"/api/v1/workspaces/{self.workspace_id}/questions"
        body = {"text": text, "mode": "rag"}
        assert self.client.post(path, json=body, headers=self.bearer).status_code in {200, 201}


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    folder = tmp_path_factory.mktemp("metrics") / "data"
    settings = load_settings(data_dir=folder, embeddings={"kind": "hashing"}, llm={"kind": "none"}, metrics_token=TOKEN)
    services = open_services(settings)
    workspace = services.workspaces.add(OPERATOR, name=WORKSPACE, ontology="clinical")
    user_id = add_person(services, USERNAME, name=DISPLAY_NAME)
    services.workspaces.set_member(OPERATOR, workspace_id=workspace.id, user_id=user_id, role=Role.CLINICIAN)  # type: ignore[arg-type]
    files = [Upload(f"{FILE}.txt", LETTER.encode()), Upload(f"{BROKEN_FILE}.docx", b"PK\x03\x04" + LETTER.encode())]
    services.documents.upload(OPERATOR, workspace_id=workspace.id, files=files)
    work_off(services)
    with TestClient(create_root(services), headers={"user-agent": AGENT}) as client:
        signed_in = client.post("/api/v1/tokens", json={"username": USERNAME, "password": PASSWORD})
        bearer = {"authorization": f"Bearer {signed_in.json()['access_token']}"}
        yield Watched(services, client, workspace.id, bearer)
    services.close()


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer x",
        f"Basic {TOKEN}",
        f"Bearer {TOKEN[:-1]}",
        f"Bearer {TOKEN}é",
        TOKEN,
    ],
)
def test_nobody_reads_without_the_token(watched: Watched, header: str | None) -> None:
    headers = [] if header is None else [(b"authorization", header.encode())]
    answer = watched.client.get("/metrics", headers=headers)
    assert answer.status_code == 401
    assert "dafe_" not in answer.text


def test_the_token_of_a_person_opens_no_metrics_and_that_of_the_metrics_nothing_else(watched: Watched) -> None:
    add_person(watched.services, "vera", roles=(Role.ADMINISTRATOR,))
    signed_in = watched.client.post("/api/v1/tokens", json={"username": "vera", "password": PASSWORD}).json()
    for headers in (watched.bearer, {"authorization": f"Bearer {signed_in['access_token']}"}):
        assert watched.client.get("/metrics", headers=headers).status_code == 401
    metrics = {"authorization": f"Bearer {TOKEN}"}
    for path in ("/api/v1/workspaces", "/api/v1/health", "/api/v1/audit"):
        assert watched.client.get(path, headers=metrics).status_code == 401


def test_without_the_setting_there_are_no_metrics_for_anybody(services: Services) -> None:
    with TestClient(create_root(services)) as client:
        for headers in ({}, {"authorization": "Bearer "}, {"authorization": "Bearer None"}):
            answer = client.get("/metrics", headers=headers)
            assert (answer.status_code, "DAFE_METRICS_TOKEN" in answer.text) == (404, True)


def test_a_question_and_the_same_again_move_the_counters(watched: Watched) -> None:
    path = "/api/v1/workspaces/{workspace_id}/questions"
    watched.ask(ASKED)
    asked = {"route": path, "method": "POST", "status": "2xx"}
    numbers: dict[str, tuple[str, dict[str, str]]] = {
        "hits": ("dafe_cache_hits_total", {"layer": "answer"}),
        "kept": ("dafe_questions_total", {"mode": "rag", "kept": "true"}),
        "made": ("dafe_questions_total", {"mode": "rag", "kept": "false"}),
        "misses": ("dafe_cache_misses_total", {"layer": "answer"}),
        "requests": ("dafe_request_seconds_count", asked),
        "seconds": ("dafe_request_seconds_sum", asked),
        "searched": ("dafe_question_stage_seconds_count", {"stage": "searching"}),
    }

    def read() -> dict[str, float]:
        return {short: watched.number(name, **labels) for short, (name, labels) in numbers.items()}

    before = read()
    watched.ask(ASKED)
    again = read()
    moved = {short: again[short] - before[short] for short in numbers}
    assert moved["hits"] >= 1 and moved["seconds"] > 0
    assert (moved["kept"], moved["made"], moved["misses"], moved["requests"], moved["searched"]) == (1, 0, 0, 1, 0)
    watched.ask(f"{ASKED} Another one.")
    another = read()
    moved = {short: another[short] - again[short] for short in numbers}
    assert moved["misses"] >= 1
    assert (moved["kept"], moved["made"], moved["requests"], moved["searched"]) == (0, 1, 1, 1)


def test_the_last_verification_of_the_log_is_told_in_numbers(watched: Watched) -> None:
    assert "dafe_audit_findings" not in watched.text
    watched.services.audit.seal()
    assert watched.services.audit.verify(OPERATOR).ok is True
    assert watched.number("dafe_audit_findings") == 0
    assert 0 <= watched.number("dafe_audit_last_sound_age_seconds") < 60
    change(watched.services, 2)
    assert watched.services.audit.verify(OPERATOR).ok is False
    assert watched.number("dafe_audit_findings") == 1
    assert 0 <= watched.number("dafe_audit_last_sound_age_seconds") < 60
    change(watched.services, 2, '"web"', '"cli"')


def test_what_workers_did_is_told_by_the_web_process(watched: Watched) -> None:
    page = watched.services.documents.list(
        OPERATOR,
        workspace_id=watched.workspace_id,  # type: ignore[arg-type]
        document_filter=DocumentFilter(),
    )
    assert page.counts[DocumentStatus.INDEXED] == 1
    assert watched.number("dafe_documents", status="indexed") == 1
    assert watched.number("dafe_dead_letters") == page.counts.get(DocumentStatus.FAILED, 0)
    assert watched.number("dafe_jobs", kind="index", state="done") == 1
    assert watched.number("dafe_jobs", state="waiting") == watched.number("dafe_queue_messages") == 0
    assert watched.number("dafe_workers_alive") == 0
    assert watched.number("dafe_audit_events_total") > 5
    assert watched.number("dafe_data_disk_free_bytes") > 1e6
    assert watched.number("dafe_model_band", band="rules_only") == 1
    assert watched.number("dafe_metrics_ok") == 7


def test_every_label_is_one_of_few_words_and_no_name_or_text_is_told(watched: Watched) -> None:
    here = f"/api/v1/workspaces/{watched.workspace_id}"
    for path in (f"/api/v1/{PAGE}", f"/{PAGE}", f"{here}/documents/{WRONG_ID}", f"{here}/graph/entities?text={SEARCH}"):
        watched.client.get(path, headers=watched.bearer)
        watched.client.request(PAGE.upper(), path, headers=watched.bearer)
    watched.client.post("/api/v1/tokens", json={"username": UNKNOWN_USER, "password": PASSWORD})
    watched.ask(ASKED)
    text = watched.text
    assert found_canaries(text) == []
    documents = watched.services.documents.list(
        OPERATOR,
        workspace_id=watched.workspace_id,  # type: ignore[arg-type]
        document_filter=DocumentFilter(),
    ).documents
    folder = str(watched.services.settings.data_dir)
    for secret in (TOKEN, watched.workspace_id, folder, *(one.id for one in documents)):
        assert secret not in text
    for _, labels in watched.samples():
        for name, value in labels:
            assert name == "le" or value in LABELS[name], (name, value)


def test_a_store_that_is_away_leaves_the_others_readable(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> int:
        raise BackendUnavailableError("The server of the queue does not answer.")

    monkeypatch.setattr(watched.services.metrics._queue, "count", away)
    assert watched.number("dafe_metrics_ok", group="queue") == 0
    assert watched.number("dafe_metrics_ok") == 6
    assert not [name for name, _ in watched.samples() if name == "dafe_queue_messages"]
    assert watched.number("dafe_documents", status="indexed") == 1


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/", "/"),
        (f"/{PAGE}", "/"),
        ("/documents", "/"),
        ("/metrics", "/metrics"),
        (f"/session/files/{PAGE}", "/session/files/"),
        (f"/_stcore/upload_file/{PAGE}/{WRONG_ID}", "/_stcore/"),
        (f"/media/{PAGE}.png", "/media/"),
        ("/api/v1/tokens", None),
        (f"/api/v1{PAGE}", "/"),
    ],
)
def test_a_path_of_the_pages_is_counted_by_its_kind(path: str, route: str | None) -> None:
    assert page_route({"type": "http", "path": path}) == route


def test_promtool_finds_nothing_to_say(watched: Watched) -> None:
    promtool = shutil.which("promtool") or str(PROMTOOL)
    if not Path(promtool).is_file():
        require("prometheus", "install Debian's package prometheus, which has promtool")
    command = [promtool, "check", "metrics"]
    run = subprocess.run(command, input=watched.text, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
