"""What rules read while the language model was away is marked, and read again when the model is back."""

import errno
import json
import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from app.container import OPERATOR, Services, open_services
from app.domain.documents import Document, DocumentStatus
from app.domain.ids import UserId
from app.domain.jobs import JobState, Priority
from app.domain.models import Band, ModelInfo, ProbeResult
from app.domain.workspaces import Workspace
from app.errors import BackendUnavailableError, ConflictError
from app.language_models import wants_model
from app.services.documents import SameName
from app.services.model_in_use import Tried
from app.services.rereading import Rereading
from app.services.storing import VersionStoring
from app.services.used_models import UsedModels
from app.settings import load_settings
from backends.metadata.base import MetadataStore
from backends.metadata.base_content import DocumentFilter
from tests.servers.ollama_dialect import OllamaDialect, model_entry, ollama_dialect
from tests.services.letters import ASPIRIN, REPLACED, WARFARIN, Work, add, facts, job_of, status_of, upload
from tests.working import work_off

FACT = {
    "sentence": 1,
    "subject": "Warfarin",
    "relation": "interacts with",
    "object": "amiodarone",
    "status": "affirmed",
}
MODEL = "big-digest"
PATIENCE_SECONDS = 120.0
Open = Callable[[], Services]


@pytest.fixture
def server() -> Iterator[OllamaDialect]:
    with ollama_dialect(model_entry("big"), pieces=(json.dumps({"facts": [FACT]}),)) as running:
        yield running


@contextmanager
def installation(folder: Path, server: OllamaDialect) -> Iterator[Services]:
    """One process's services; the model is allowed to lead, whatever the probe finds."""
    settings = load_settings(
        data_dir=folder,
        embeddings={"kind": "hashing"},
        llm={"kind": "auto", "url": server.url},
        model_band="model_led",
    )
    services = open_services(settings)
    try:
        yield services
    finally:
        services.close()


def extractor_of(services: Services, document: Document) -> str:
    return current(services, document).version.coverage.extractor


def current(services: Services, document: Document) -> Document:
    return services.documents.get(OPERATOR, workspace_id=document.workspace_id, document_id=document.id)


def serve_until(services: Services, condition: Callable[[], bool]) -> None:
    stop = Event()
    worker = Thread(target=services.make_indexing().serve, kwargs={"stop": stop})
    worker.start()
    until = time.monotonic() + PATIENCE_SECONDS
    try:
        while not condition():
            assert time.monotonic() < until, "it took too long"
            time.sleep(0.1)
    finally:
        stop.set()
        worker.join()


def test_what_was_read_while_the_model_was_away_is_read_again_when_it_is_back(
    tmp_path: Path, server: OllamaDialect
) -> None:
    held = server.models
    with installation(tmp_path, server) as services:
        workspace = services.workspaces.add(OPERATOR, name="Cardiology", ontology="clinical")
        before = add(services, workspace.id, "before.txt", ASPIRIN)
        work_off(services)
        assert MODEL in extractor_of(services, before)
        assert not current(services, before).version.to_redo
    server.models = []
    with installation(tmp_path, server) as services:
        document = add(services, workspace.id, "meanwhile.txt", WARFARIN)
        work_off(services)
        read = current(services, document)
        assert read.version.status is DocumentStatus.INDEXED
        assert MODEL not in read.version.coverage.extractor
        assert read.version.to_redo
        assert not current(services, before).version.to_redo
        serve_until(services, lambda: True)  # A worker that does not see the model begins nothing.
        assert current(services, document).version.number == 1
    server.models = held
    with installation(tmp_path, server) as services:
        serve_until(services, lambda: current(services, document).visible_version_id != read.version.id)
        work_off(services)
        again = current(services, document)
        assert (again.version.number, again.version.status) == (2, DocumentStatus.INDEXED)
        assert again.version.uploaded_by == read.version.uploaded_by
        assert MODEL in again.version.coverage.extractor
        assert not again.version.to_redo
        assert job_of(services, document).priority is Priority.BULK
        assert [row[6] for row in facts(services, workspace.id)] == ["meanwhile.txt"], "the model's only fact"
        events = services.audit.list(OPERATOR, actions=["worker.reread"]).events
        assert {event.outcome.value for event in events} == {"intent", "done"}
        assert current(services, before).version.number == 1


def test_where_no_model_was_ever_used_nothing_is_marked(tmp_path: Path, server: OllamaDialect) -> None:
    server.models = []
    with installation(tmp_path, server) as services:
        workspace = services.workspaces.add(OPERATOR, name="Cardiology", ontology="clinical")
        document = add(services, workspace.id, "letter.txt", WARFARIN)
        work_off(services)
        assert not current(services, document).version.to_redo


def test_facts_stay_while_a_document_is_read_again_and_when_that_is_stopped(
    services: Services, workspace: Workspace, work: Work
) -> None:
    document = add(services, workspace.id, "letter.txt", WARFARIN)
    work()
    before, old = facts(services, workspace.id), current(services, document).version
    services.documents.retry(OPERATOR, workspace_id=workspace.id, document_id=document.id)
    assert facts(services, workspace.id) == before != []
    job = job_of(services, document)
    assert services.jobs.stop(OPERATOR, workspace_id=workspace.id, job_id=job.id).state is JobState.STOPPED
    work()
    assert facts(services, workspace.id) == before
    services.documents.retry(OPERATOR, workspace_id=workspace.id, document_id=document.id)
    work()
    assert status_of(services, document) is DocumentStatus.INDEXED
    assert facts(services, workspace.id) == before
    assert current(services, document).version.id != old.id
    left = {path.name for path in (services.settings.data_dir / "files").rglob("*") if path.is_file()}
    assert not any(name.startswith(old.id) for name in left)


def test_a_new_version_that_overtakes_a_reading_again_stays_in_use(
    services: Services, workspace: Workspace, metadata: MetadataStore, storing: VersionStoring, work: Work
) -> None:
    """A person's upload goes before a reading again that waits."""
    document = add(services, workspace.id, "letter.txt", WARFARIN)
    work()
    version = current(services, document).version
    storing.read_again(version, created_by=version.uploaded_by, reader=None, priority=Priority.BULK)
    upload(services, workspace.id, "letter.txt", REPLACED, same_name=SameName.NEW_VERSION)
    work()
    assert current(services, document).version.number == 3
    visible = metadata.documents.find_visible(workspace_id=workspace.id, reader=None)
    assert set(visible) == {current(services, document).version.id}
    assert any("fluconazole" in row for row in facts(services, workspace.id))
    left = {path.name.partition(".")[0] for path in (services.settings.data_dir / "files").rglob("*") if path.is_file()}
    assert left == {current(services, document).version.id}
    assert services.graph.search(OPERATOR, workspace_id=workspace.id, text="amiodarone") == []


def test_a_document_is_read_again_once_whoever_begins_it(
    services: Services, workspace: Workspace, metadata: MetadataStore, storing: VersionStoring, work: Work
) -> None:
    document = add(services, workspace.id, "letter.txt", WARFARIN)
    work()
    version = current(services, document).version
    asked = {"created_by": UserId("operator"), "reader": None, "priority": Priority.BULK}
    storing.read_again(version, **asked)  # type: ignore[arg-type]
    with pytest.raises(ConflictError):
        storing.read_again(version, **asked)  # type: ignore[arg-type]
    versions = metadata.documents.find_versions(document.id, workspace_id=workspace.id)
    assert [one.number for one in versions] == [2, 1]
    left = {path.name for path in (services.settings.data_dir / "files").rglob("*") if path.is_file()}
    assert {name.partition(".")[0] for name in left} == {one.id for one in versions}


def test_marked_documents_are_found_only_when_they_are_indexed(
    services: Services, workspace: Workspace, metadata: MetadataStore, work: Work
) -> None:
    documents = [add(services, workspace.id, name, text) for name, text in (("a.txt", WARFARIN), ("b.txt", ASPIRIN))]
    work()
    for document in documents:
        metadata.documents.update_version(document.version.id, workspace_id=workspace.id, to_redo=True)
    services.documents.retry(OPERATOR, workspace_id=workspace.id, document_id=documents[0].id)
    wanted = DocumentFilter(to_redo=True)
    found, total = metadata.documents.find(wanted, workspace_id=workspace.id, reader=None)
    assert ([document.name for document in found], total) == (["b.txt"], 1)


def test_a_marked_document_whose_file_is_damaged_is_not_tried_for_ever(
    services: Services, workspace: Workspace, metadata: MetadataStore, work: Work
) -> None:
    document = add(services, workspace.id, "letter.txt", WARFARIN)
    work()
    metadata.documents.update_version(document.version.id, workspace_id=workspace.id, to_redo=True)
    (stored,) = (services.settings.data_dir / "files").glob(f"*/{document.version.file_id}")
    stored.write_bytes(stored.read_bytes()[:10])
    before = facts(services, workspace.id)
    serve_until(services, lambda: not current(services, document).version.to_redo)
    assert current(services, document).version.number == 1
    assert facts(services, workspace.id) == before


@pytest.mark.parametrize("deleted", [False, True])
def test_a_marked_document_whose_file_is_missing_keeps_its_facts_and_is_not_tried_for_ever(
    services: Services, workspace: Workspace, rereading: Rereading, metadata: MetadataStore, work: Work, deleted: bool
) -> None:
    document = add(services, workspace.id, "letter.txt", WARFARIN)
    work()
    metadata.documents.update_version(document.version.id, workspace_id=workspace.id, to_redo=True)
    before, marked = facts(services, workspace.id), current(services, document)
    (stored,) = (services.settings.data_dir / "files").glob(f"*/{document.version.file_id}")
    stored.unlink()
    if deleted:
        metadata.documents.delete(document.id, workspace_id=workspace.id)
    rereading._begin(marked)
    if not deleted:
        assert not current(services, document).version.to_redo
        assert current(services, document).version.number == 1
        assert facts(services, workspace.id) == before


def test_what_no_model_is_to_read_is_marked_no_longer(
    services: Services, workspace: Workspace, rereading: Rereading, metadata: MetadataStore, work: Work
) -> None:
    document = add(services, workspace.id, "letter.txt", WARFARIN)
    work()
    metadata.documents.update_version(document.version.id, workspace_id=workspace.id, to_redo=True)
    for tried in (Tried(None, NONE, settled=False), Tried(None, NONE)):
        assert current(services, document).version.to_redo
        rereading._look = lambda tried=tried: tried  # type: ignore[misc]
        rereading.begin()
    assert not current(services, document).version.to_redo
    assert current(services, document).version.number == 1


def test_a_full_disk_leaves_nothing_of_a_reading_again(
    services: Services, workspace: Workspace, storing: VersionStoring, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = add(services, workspace.id, "letter.txt", WARFARIN)
    work()
    version, folder = current(services, document).version, services.settings.data_dir / "files"
    before = {path.name for path in folder.rglob("*") if path.is_file()}
    written: list[int] = []

    def full_at_the_second(descriptor: int) -> None:
        """First comes the text as it was read, then the file."""
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            written.append(descriptor)
            if len(written) == 2:
                raise OSError(errno.ENOSPC, "full")

    with monkeypatch.context() as patched, pytest.raises(BackendUnavailableError):
        patched.setattr(os, "fsync", full_at_the_second)
        storing.read_again(version, created_by=version.uploaded_by, reader=None, priority=Priority.BULK)
    assert {path.name for path in folder.rglob("*") if path.is_file()} == before


MODEL_INFO = ModelInfo("ollama", "big", "digest-1", 8192)
LEADING = ProbeResult(MODEL_INFO, Band.MODEL_LED)
NONE = ProbeResult(None, Band.RULES_ONLY)
SLOW = ProbeResult(MODEL_INFO, Band.RULES_ONLY, too_slow=True)
OTHER = replace(MODEL_INFO, digest="digest-2")
ANSWERING: dict[str, Any] = {"name": "a", "model": {"kind": "scripted"}, "tasks": ["answer"]}


@pytest.mark.parametrize(
    ("noted", "now", "missed"),
    [
        ([], NONE, False),
        ([LEADING], NONE, True),
        ([LEADING], LEADING, False),
        ([LEADING], SLOW, True),
        ([LEADING, SLOW], SLOW, True),
        ([LEADING, replace(SLOW, model=OTHER)], replace(SLOW, model=OTHER), True),
        ([LEADING, replace(SLOW, model=OTHER)], NONE, True),
        ([LEADING, LEADING], NONE, True),
        ([LEADING, ProbeResult(OTHER, Band.RULES_ONLY)], NONE, False),
        ([ProbeResult(OTHER, Band.RULES_ONLY), LEADING], NONE, True),
        ([LEADING, ProbeResult(MODEL_INFO, Band.RULES_ONLY)], NONE, False),
    ],
)
def test_a_model_is_missed_when_it_read_here_last(
    metadata: MetadataStore, noted: list[ProbeResult], now: ProbeResult, missed: bool
) -> None:
    used = UsedModels(metadata.models, wanted=True)
    for result in noted:
        used.note(result)
    assert used.is_missed(now) is missed
    assert not UsedModels(metadata.models, wanted=False).is_missed(now)


@pytest.mark.parametrize(
    ("llm", "band", "wanted"),
    [
        ({"kind": "none"}, "", False),
        ({"kind": "auto"}, "", True),
        ({"kind": "auto"}, "rules_only", False),
        ({"kind": "router", "endpoints": [ANSWERING]}, "", False),
        ({"kind": "router", "endpoints": [ANSWERING, ANSWERING | {"name": "b", "tasks": ["extract"]}]}, "", True),
    ],
)
def test_a_model_is_wanted_where_the_settings_let_one_read(
    tmp_path: Path, llm: dict[str, Any], band: str, wanted: bool
) -> None:
    assert wants_model(load_settings(data_dir=tmp_path, llm=llm, model_band=band)) is wanted


@pytest.fixture
def rereading(services: Services) -> Rereading:
    begin: Any = services.make_indexing()._recovery._each_time[0]
    made: Rereading = begin.__self__
    return made


@pytest.fixture
def storing(services: Services, metadata: MetadataStore) -> VersionStoring:
    return services.documents._storing
