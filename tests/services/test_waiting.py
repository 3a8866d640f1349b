"""A server that is away fails no document, however long; what was given up is listed and tried again at a word."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from app.container import OPERATOR, Services, open_services
from app.domain.access import Actor
from app.domain.documents import DocumentStatus, DocumentVersion
from app.domain.ids import JobId
from app.domain.jobs import JobState
from app.domain.workspaces import Workspace
from app.errors import BackendUnavailableError, NotFoundError
from app.pipeline.indexing import Indexer
from app.services import indexing, job_progress, new_jobs
from app.services.new_jobs import pause_seconds
from app.settings import load_settings
from backends.metadata.sql_jobs import SqlJobRecords
from tests.servers.ollama_dialect import OllamaDialect, model_entry, ollama_dialect
from tests.services.letters import ASPIRIN, WARFARIN, Work, add, job_of, status_of

PATIENCE_SECONDS = 150.0
UNREADABLE = b"... --- ..."


def wait_until(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < until, "it took too long"
        time.sleep(0.05)


def test_pauses_grow_to_ten_minutes_and_are_never_all_the_same() -> None:
    longest = [4, 8, 16, 32, 64, 128, 256, 512, 600, 600]
    for times, most in enumerate(longest, start=1):
        pauses = [pause_seconds(times) for _ in range(50)]
        assert most / 2 <= min(pauses) < max(pauses) <= most
    assert pause_seconds(100_000) <= 600


@pytest.fixture
def server() -> Iterator[OllamaDialect]:
    with ollama_dialect(model_entry("big"), pieces=('{"facts": []}',)) as running:
        yield running


def test_a_document_waits_for_a_server_that_is_away_longer_than_any_number_of_tries(
    tmp_path: Path, server: OllamaDialect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(new_jobs, "_LONGEST_PAUSE_SECONDS", 0.1)
    held, server.models = server.models, []
    llm = {"kind": "ollama", "url": server.url, "model": "big"}
    settings = load_settings(data_dir=tmp_path, embeddings={"kind": "hashing"}, llm=llm, model_band="model_led")
    services = open_services(settings)
    stop = Event()
    worker = Thread(target=services.make_indexing().serve, kwargs={"stop": stop})
    try:
        workspace = services.workspaces.add(OPERATOR, name="Cardiology", ontology="clinical")
        document = add(services, workspace.id, "letter.txt", WARFARIN)
        worker.start()
        wait_until(lambda: job_of(services, document).waits > 6)
        wait_until(lambda: job_of(services, document).state is JobState.WAITING)
        job = job_of(services, document)
        assert job.attempts == 0, "the file is not to blame"
        assert job.error
        waiting = services.documents.get(OPERATOR, workspace_id=workspace.id, document_id=document.id).version
        assert waiting.status in {DocumentStatus.WAITING, DocumentStatus.RUNNING}
        assert services.jobs.dead(OPERATOR, workspace_id=workspace.id) == []
        server.models = held
        wait_until(lambda: status_of(services, document) is DocumentStatus.INDEXED)
        assert job_of(services, document).attempts == 1
    finally:
        stop.set()
        worker.join()
        services.close()


def test_what_was_given_up_is_listed_once_with_its_reason_and_tried_again_together(
    services: Services,
    workspace: Workspace,
    other_workspace: Workspace,
    make_actor: Callable[..., Actor],
    work: Work,
) -> None:
    bad = [add(services, workspace.id, f"bad-{n}.txt", UNREADABLE + str(n).encode() * n) for n in range(3)]
    add(services, workspace.id, "good.txt", WARFARIN)
    stopped = add(services, workspace.id, "stopped.txt", ASPIRIN)
    services.jobs.stop(OPERATOR, workspace_id=workspace.id, job_id=job_of(services, stopped).id)
    work()
    bad = [one for one in bad if status_of(services, one) is DocumentStatus.FAILED]
    assert bad
    services.documents.retry(OPERATOR, workspace_id=workspace.id, document_id=bad[0].id)
    work()
    dead = services.jobs.dead(OPERATOR, workspace_id=workspace.id)
    assert sorted(job.document_id for job in dead) == sorted(one.id for one in bad)
    assert all(job.error and job.state is JobState.FAILED for job in dead)
    ilse = make_actor("ilse", workspace=other_workspace)
    for call in (services.jobs.dead, services.jobs.retry_all):
        with pytest.raises(NotFoundError):
            call(ilse, workspace_id=workspace.id)
    assert services.jobs.dead(ilse, workspace_id=other_workspace.id) == []
    waiting = services.jobs.retry_all(OPERATOR, workspace_id=workspace.id)
    assert {job.id for job in waiting} == {job.id for job in dead}
    assert services.jobs.dead(OPERATOR, workspace_id=workspace.id) == []
    assert {status_of(services, one) for one in bad} == {DocumentStatus.WAITING}
    assert status_of(services, stopped) is DocumentStatus.STOPPED
    work()
    assert len(services.jobs.dead(OPERATOR, workspace_id=workspace.id)) == len(bad)


def test_a_job_that_is_stopped_while_its_server_is_away_does_not_wait_for_that(
    services: Services, workspace: Workspace, monkeypatch: pytest.MonkeyPatch, work: Work
) -> None:
    document = add(services, workspace.id, "letter.txt", WARFARIN)

    def stopped_meanwhile(_indexer: Indexer, _version: DocumentVersion, **_options: object) -> None:
        services.jobs.stop(OPERATOR, workspace_id=workspace.id, job_id=job_of(services, document).id)
        raise BackendUnavailableError("It is away.")

    monkeypatch.setattr(Indexer, "index_document", stopped_meanwhile)
    monkeypatch.setattr(indexing, "pause_seconds", lambda _times: 20.0)
    started = time.monotonic()
    work()
    assert status_of(services, document) is DocumentStatus.STOPPED
    assert time.monotonic() - started < 15


def test_a_database_that_goes_away_under_a_job_again_and_again_is_not_held_against_the_file(
    services: Services, workspace: Workspace, monkeypatch: pytest.MonkeyPatch, work: Work
) -> None:
    """It was away when the job could not go on, and a moment later when that was to be noted."""
    monkeypatch.setattr(new_jobs, "_LONGEST_PAUSE_SECONDS", 0.1)
    monkeypatch.setattr(job_progress, "_AGAIN_SECONDS", 0.05)
    document = add(services, workspace.id, "letter.txt", WARFARIN)
    index, finish = Indexer.index_document, SqlJobRecords.finish
    left, cut = 8, False

    def cut_off(indexer: Indexer, version: DocumentVersion, **options: Any) -> Any:
        nonlocal left, cut
        left -= 1
        if left < 0:
            return index(indexer, version, **options)
        cut = True
        raise BackendUnavailableError("It is away.")

    def away_once(records: SqlJobRecords, job_id: JobId, **values: Any) -> bool:
        nonlocal cut
        if cut:
            cut = False
            raise BackendUnavailableError("It is away.")
        return finish(records, job_id, **values)

    monkeypatch.setattr(Indexer, "index_document", cut_off)
    monkeypatch.setattr(SqlJobRecords, "finish", away_once)
    work()
    assert (status_of(services, document), left) == (DocumentStatus.INDEXED, -1)
    assert job_of(services, document).attempts == 1
