"""Jobs stop, go on, change hands and survive the death of their worker, and nothing is there twice."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread

import pytest

from app.container import OPERATOR, Services
from app.domain.access import Actor, Role
from app.domain.documents import Document, DocumentStatus
from app.domain.ids import JobId
from app.domain.jobs import Job, JobKind, JobState, Stage
from app.domain.workspaces import Workspace
from app.errors import ConflictError, ForbiddenError, NotFoundError
from app.services.documents import SameName
from app.services.new_jobs import pause_after_end
from backends.loading import load
from backends.metadata.base import MetadataStore
from backends.metadata.settings import SqliteMetadataSettings
from backends.queue.base import NO_WORKSPACE
from backends.sql import tables
from backends.sql.engine import Database
from tests.security.contents import leftovers
from tests.services.letters import REPLACED, WARFARIN, Work, add, facts, job_of, long_letter, status_of, upload

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 150.0


def wait_until(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < until, "it took too long"
        time.sleep(0.05)


def is_extracting(services: Services, document: Document, *, from_chunk: int = 1) -> bool:
    job = job_of(services, document)
    assert not job.state.finished, job
    return job.stage is Stage.EXTRACTING and job.done >= from_chunk


class Worker:
    """A worker in a thread that can be told to end."""

    def __init__(self, services: Services) -> None:
        self._stop = Event()
        self._thread = Thread(target=services.make_indexing().serve, kwargs={"stop": self._stop})
        self._thread.start()

    def end(self) -> None:
        self._stop.set()
        self._thread.join()


def test_stopping_a_running_job_takes_back_what_it_added_and_trying_again_works(
    services: Services, workspace: Workspace, work: Work
) -> None:
    kept = add(services, workspace.id, "warfarin.txt", WARFARIN)
    work()
    before = facts(services, workspace.id), services.graph.counts(OPERATOR, workspace_id=workspace.id)
    document = add(services, workspace.id, "long.txt", long_letter(sentences=300))
    worker = Worker(services)
    try:
        wait_until(lambda: is_extracting(services, document))
        job = job_of(services, document)
        assert services.jobs.stop(OPERATOR, workspace_id=workspace.id, job_id=job.id).state is JobState.STOPPING
        wait_until(lambda: job_of(services, document).state is JobState.STOPPED)
    finally:
        worker.end()
    assert status_of(services, document) is DocumentStatus.STOPPED
    assert (facts(services, workspace.id), services.graph.counts(OPERATOR, workspace_id=workspace.id)) == before
    assert services.workspaces.summary(OPERATOR, workspace_id=workspace.id).attention == 1
    services.jobs.retry(OPERATOR, workspace_id=workspace.id, job_id=job.id)
    assert status_of(services, document) is DocumentStatus.WAITING
    work()
    assert status_of(services, document) is DocumentStatus.INDEXED
    assert status_of(services, kept) is DocumentStatus.INDEXED
    assert len(facts(services, workspace.id)) > len(before[0])


def test_a_waiting_job_stops_at_once_and_its_file_stays(services: Services, workspace: Workspace, work: Work) -> None:
    document = add(services, workspace.id, "warfarin.txt", WARFARIN)
    job = job_of(services, document)
    assert services.jobs.stop(OPERATOR, workspace_id=workspace.id, job_id=job.id).state is JobState.STOPPED
    assert status_of(services, document) is DocumentStatus.STOPPED
    work()
    assert facts(services, workspace.id) == []
    services.jobs.retry(OPERATOR, workspace_id=workspace.id, job_id=job.id)
    with pytest.raises(ConflictError):
        services.jobs.retry(OPERATOR, workspace_id=workspace.id, job_id=job.id)
    work()
    assert status_of(services, document) is DocumentStatus.INDEXED


def test_the_removal_of_a_deleted_document_cannot_be_stopped(
    services: Services, workspace: Workspace, work: Work
) -> None:
    document = add(services, workspace.id, "warfarin.txt", WARFARIN)
    work()
    (job,) = services.documents.delete(OPERATOR, workspace_id=workspace.id, document_id=document.id)
    assert job.kind is JobKind.DELETE
    with pytest.raises(ConflictError):
        services.jobs.stop(OPERATOR, workspace_id=workspace.id, job_id=job.id)
    work()
    assert services.jobs.get(OPERATOR, workspace_id=workspace.id, job_id=job.id).state is JobState.DONE
    assert not [path for path in (services.settings.data_dir / "files").rglob("*") if path.is_file()]


def test_a_version_that_is_visible_cannot_be_stopped_any_more(
    services: Services, workspace: Workspace, metadata: MetadataStore, work: Work
) -> None:
    add(services, workspace.id, "warfarin.txt", WARFARIN)
    work()
    (outcome,) = upload(services, workspace.id, "warfarin.txt", REPLACED, same_name=SameName.NEW_VERSION)
    assert outcome.document is not None
    job = job_of(services, outcome.document)
    metadata.jobs.claim(job.id, worker="killed", lease_seconds=0)
    metadata.jobs.stop(job.id)
    metadata.documents.publish(job.version_id, workspace_id=workspace.id)
    with pytest.raises(ConflictError, match="indexed already"):
        services.jobs.stop(OPERATOR, workspace_id=workspace.id, job_id=job.id)
    work()
    assert services.jobs.get(OPERATOR, workspace_id=workspace.id, job_id=job.id).state is JobState.DONE
    assert status_of(services, outcome.document) is DocumentStatus.INDEXED
    versions = metadata.documents.find_versions(outcome.document.id, workspace_id=workspace.id)
    stored = {path.name for path in (services.settings.data_dir / "files").rglob("*") if path.is_file()}
    assert {one.number for one in versions if one.file_id in stored} == {2}


def test_only_administrators_ask_for_what_was_given_up_in_the_whole_installation(
    services: Services, workspace: Workspace, make_actor: Callable[..., Actor]
) -> None:
    root, ilse = make_actor("root", roles=(Role.ADMINISTRATOR,)), make_actor("ilse", workspace=workspace)
    for call in (services.jobs.dead, services.jobs.retry_all):
        assert call(root, workspace_id=NO_WORKSPACE) == []
        with pytest.raises(ForbiddenError):
            call(ilse, workspace_id=NO_WORKSPACE)


def test_a_job_of_another_workspace_does_not_exist(
    services: Services, workspace: Workspace, other_workspace: Workspace, make_actor: Callable[..., Actor]
) -> None:
    job = job_of(services, add(services, workspace.id, "warfarin.txt", WARFARIN))
    ilse = make_actor("ilse", workspace=other_workspace)
    for workspace_id in (workspace.id, other_workspace.id):
        for call in (services.jobs.get, services.jobs.stop, services.jobs.retry):
            with pytest.raises(NotFoundError):
                call(ilse, workspace_id=workspace_id, job_id=job.id)
    with pytest.raises(NotFoundError):
        services.jobs.get(OPERATOR, workspace_id=workspace.id, job_id=JobId("none"))


def test_a_worker_that_is_told_to_end_puts_its_job_back_and_the_next_goes_on(
    services: Services, workspace: Workspace, other_workspace: Workspace, work: Work
) -> None:
    content = long_letter(sentences=200)
    document = add(services, workspace.id, "long.txt", content)
    worker = Worker(services)
    try:
        wait_until(lambda: is_extracting(services, document, from_chunk=2))
    finally:
        worker.end()
    job = job_of(services, document)
    assert (job.state, job.stage, job.attempts) == (JobState.WAITING, Stage.EXTRACTING, 0)
    assert job.done > 0
    assert status_of(services, document) is DocumentStatus.WAITING
    assert facts(services, workspace.id) == []
    undisturbed = add(services, other_workspace.id, "long.txt", content)
    work()
    assert status_of(services, document) is status_of(services, undisturbed) is DocumentStatus.INDEXED
    assert facts(services, workspace.id) == facts(services, other_workspace.id)
    counts = [services.graph.counts(OPERATOR, workspace_id=one.id) for one in (workspace, other_workspace)]
    assert counts[0] == counts[1]


def take_over(services: Services, job: Job, *, lease_seconds: float) -> None:
    """As another worker does when this one was away for longer than its lease."""
    database = Database(services.settings.data_dir / "dafe.db", key=services.keys.database)
    with database.write() as connection:
        connection.execute(tables.jobs.update().where(tables.jobs.c.id == job.id).values(lease_until=0.0))
    metadata: MetadataStore = load(MetadataStore, SqliteMetadataSettings(), database=database)
    assert metadata.jobs.claim(job.id, worker="another", lease_seconds=lease_seconds) is not None
    database.close()


def test_a_worker_that_ends_leaves_a_job_alone_that_another_took_over_and_did(
    services: Services, workspace: Workspace, metadata: MetadataStore
) -> None:
    document = add(services, workspace.id, "long.txt", long_letter(sentences=200))
    worker = Worker(services)
    try:
        wait_until(lambda: is_extracting(services, document))
        job = job_of(services, document)
        take_over(services, job, lease_seconds=60.0)
        metadata.documents.publish(job.version_id, workspace_id=workspace.id)
        metadata.jobs.finish(job.id, worker="another", state=JobState.DONE)
    finally:
        worker.end()
    assert (job_of(services, document).state, status_of(services, document)) == (JobState.DONE, DocumentStatus.INDEXED)
    assert leftovers(services) == []


def test_a_job_that_another_worker_took_over_and_left_is_done_and_not_stopped(
    services: Services, workspace: Workspace, work: Work
) -> None:
    document = add(services, workspace.id, "long.txt", long_letter(sentences=200))
    worker = Worker(services)
    try:
        wait_until(lambda: is_extracting(services, document))
        take_over(services, job_of(services, document), lease_seconds=0.0)
        wait_until(lambda: job_of(services, document).state.finished)
    finally:
        worker.end()
    assert (job_of(services, document).state, status_of(services, document)) == (JobState.DONE, DocumentStatus.INDEXED)


def test_a_job_that_failed_often_gets_all_its_attempts_again(
    services: Services, workspace: Workspace, metadata: MetadataStore, work: Work
) -> None:
    document = add(services, workspace.id, "warfarin.txt", WARFARIN)
    job = job_of(services, document)
    for attempt in range(6):
        assert metadata.jobs.claim(job.id, worker=f"w{attempt}", lease_seconds=0.0) is not None
    work()
    failed = job_of(services, document)
    assert (failed.state, failed.attempts) == (JobState.FAILED, 7)
    assert failed.error is not None
    assert "again and again" in failed.error
    assert status_of(services, document) is DocumentStatus.FAILED
    services.jobs.retry(OPERATOR, workspace_id=workspace.id, job_id=job.id)
    work()
    assert status_of(services, document) is DocumentStatus.INDEXED


def test_what_a_visible_version_replaced_goes_however_often_that_was_tried(
    services: Services, workspace: Workspace, metadata: MetadataStore, work: Work
) -> None:
    add(services, workspace.id, "warfarin.txt", WARFARIN)
    work()
    (outcome,) = upload(services, workspace.id, "warfarin.txt", REPLACED, same_name=SameName.NEW_VERSION)
    assert outcome.document is not None
    job = job_of(services, outcome.document)
    for attempt in range(6):
        assert metadata.jobs.claim(job.id, worker=f"w{attempt}", lease_seconds=0.0) is not None
    metadata.documents.publish(job.version_id, workspace_id=workspace.id)
    work()
    assert job_of(services, outcome.document).state is JobState.DONE
    versions = metadata.documents.find_versions(outcome.document.id, workspace_id=workspace.id)
    stored = {path.name for path in (services.settings.data_dir / "files").rglob("*") if path.is_file()}
    assert {one.number for one in versions if one.file_id in stored} == {2}


def start_worker(
    services: Services, *, program: tuple[str, ...] = ("-m", "app.worker"), **more: str
) -> "subprocess.Popen[bytes]":
    settings = {
        "DAFE_DATA_DIR": str(services.settings.data_dir),
        "DAFE_EMBEDDINGS__KIND": "hashing",
        "DAFE_LLM__KIND": "none",
    } | more
    return subprocess.Popen(
        [sys.executable, *program], cwd=ROOT, env={**os.environ, **settings}, stderr=subprocess.DEVNULL
    )


def finished(services: Services, *documents: Document) -> bool:
    jobs: list[Job] = [job_of(services, document) for document in documents]
    return all(job.state.finished for job in jobs)


@pytest.mark.slow
def test_the_command_line_tries_one_job_of_the_whole_installation_again(
    services: Services, workspace: Workspace, metadata: MetadataStore
) -> None:
    indexing = job_of(services, add(services, workspace.id, "warfarin.txt", WARFARIN))
    job = replace(indexing, id=JobId("verifying"), kind=JobKind.VERIFY, workspace_id=NO_WORKSPACE)
    metadata.jobs.add(job)
    services.jobs.stop(OPERATOR, workspace_id=NO_WORKSPACE, job_id=job.id)
    command = ("-c", "from app.cli import main; main()", "jobs", "retry", job.id)
    assert start_worker(services, program=command).wait() == 0
    assert services.jobs.get(OPERATOR, workspace_id=NO_WORKSPACE, job_id=job.id).state is JobState.WAITING


@pytest.mark.slow
def test_documents_read_at_once_by_a_killed_worker_are_taken_over_and_nothing_is_there_twice(
    services: Services, workspace: Workspace, other_workspace: Workspace, work: Work
) -> None:
    letters = {f"long-{number}.txt": long_letter(sentences=60 + 20 * number) for number in range(5)}
    for name, content in letters.items():
        add(services, other_workspace.id, name, content)
    work()
    services.workspaces._cache.delete_scope(other_workspace.id)
    documents = [add(services, workspace.id, name, content) for name, content in letters.items()]
    first = start_worker(services, DAFE_CALLS_AT_ONCE="4")
    try:
        wait_until(lambda: sum(job_of(services, one).state is JobState.RUNNING for one in documents) >= 3)
        wait_until(lambda: any(job_of(services, one).stage is Stage.EXTRACTING for one in documents))
    finally:
        first.send_signal(signal.SIGKILL)
        first.wait()
    assert not finished(services, *documents)
    second = start_worker(services, DAFE_CALLS_AT_ONCE="4")
    try:
        wait_until(lambda: finished(services, *documents))
    finally:
        second.terminate()
        assert second.wait(timeout=60) == 0
    assert {job_of(services, one).state for one in documents} == {JobState.DONE}
    assert facts(services, workspace.id) == facts(services, other_workspace.id)


def test_a_suspected_job_that_is_to_stop_waits_for_no_other_suspected_one(
    services: Services, workspace: Workspace, metadata: MetadataStore
) -> None:
    """Else the removal of its document would wait for hours."""
    document = add(services, workspace.id, "warfarin.txt", WARFARIN)
    job = job_of(services, document)
    indexing = services.make_indexing()
    assert metadata.jobs.claim(job.id, worker="dead", lease_seconds=0.01) is not None
    time.sleep(0.1)
    with indexing._in_hand.take(JobId("another"), suspected=True):
        indexing.run(job.id)
        assert job_of(services, document).attempts == 1, "it waits for its turn"
        metadata.jobs.stop(job.id)
        indexing.run(job.id)
        assert job_of(services, document).state is JobState.STOPPED


def test_a_job_whose_workers_were_killed_lets_others_go_first_and_a_little_longer_each_time(
    services: Services, workspace: Workspace, metadata: MetadataStore
) -> None:
    document = add(services, workspace.id, "warfarin.txt", WARFARIN)
    job = job_of(services, document)
    for killed, pause in ((1, 0), (2, 2), (3, 4), (4, 8), (5, 16)):
        assert metadata.jobs.claim(job.id, worker=f"killed-{killed}", lease_seconds=0.01) is not None
        time.sleep(0.05)
        left = pause_after_end(job_of(services, document))
        assert pause - 1 < left <= pause if pause else left == 0
    indexing = services.make_indexing()
    indexing.run(job.id)
    assert (job_of(services, document).state, job_of(services, document).attempts) == (JobState.RUNNING, 5)
    later = replace(job_of(services, document), updated_at=datetime.now(UTC) - timedelta(seconds=17))
    ahead = replace(later, updated_at=datetime.now(UTC) + timedelta(days=1))
    assert pause_after_end(later) == pause_after_end(ahead) == 0


ENDS_AT = """
import os, time
from app.pipeline.indexing import Indexer
from app.worker import main
index = Indexer.index_document
def index_or_end(indexer, version, **options):
    if version.name == os.environ["DAFE_TEST_ENDS_AT"]:
        time.sleep(1.0)
        os._exit(9)
    return index(indexer, version, **options)
Indexer.index_document = index_or_end
main()
"""
"""A worker that ends a second after it takes up the file of that name."""


@pytest.mark.slow
def test_a_file_that_ends_the_worker_again_and_again_takes_none_with_it_that_was_in_hand_beside_it(
    services: Services, workspace: Workspace
) -> None:
    documents = [
        add(services, workspace.id, f"letter-{number}.txt", long_letter(sentences=200 + 2 * number))
        for number in range(6)
    ]
    deadly = documents[3]
    more = {"DAFE_CALLS_AT_ONCE": "6", "DAFE_TEST_ENDS_AT": deadly.name}
    ends = 0
    while not finished(services, *documents):
        worker = start_worker(services, program=("-c", ENDS_AT), **more)
        wait_until(lambda worker=worker: worker.poll() is not None or finished(services, *documents))  # type: ignore[misc]
        ends += worker.poll() == 9
        worker.terminate()
        worker.wait(timeout=PATIENCE_SECONDS)
    states = {one.name: job_of(services, one).state for one in documents}
    assert [name for name, state in states.items() if state is not JobState.DONE] == [deadly.name]
    assert "again and again" in (job_of(services, deadly).error or "")
    assert ends == 5


@pytest.mark.slow
def test_a_worker_told_to_end_puts_back_every_job_in_hand(services: Services, workspace: Workspace) -> None:
    documents = [
        add(services, workspace.id, f"long-{number}.txt", long_letter(sentences=400 + number)) for number in range(4)
    ]
    worker = start_worker(services, DAFE_CALLS_AT_ONCE="3")
    try:
        wait_until(lambda: sum(job_of(services, one).state is JobState.RUNNING for one in documents) >= 2)
    finally:
        worker.terminate()
        assert worker.wait(timeout=PATIENCE_SECONDS) == 0
    jobs = [job_of(services, one) for one in documents]
    assert {job.state for job in jobs} <= {JobState.WAITING, JobState.DONE}
    assert {job.attempts for job in jobs if job.state is JobState.WAITING} == {0}


@pytest.mark.slow
def test_the_job_of_a_killed_worker_is_taken_over_and_nothing_is_there_twice(
    services: Services, workspace: Workspace, other_workspace: Workspace
) -> None:
    content = long_letter(sentences=400)
    document = add(services, workspace.id, "long.txt", content)
    first = start_worker(services)
    try:
        wait_until(lambda: is_extracting(services, document, from_chunk=4))
    finally:
        first.send_signal(signal.SIGKILL)
        first.wait()
    assert job_of(services, document).state is JobState.RUNNING
    undisturbed = add(services, other_workspace.id, "long.txt", content)
    second, third = start_worker(services), start_worker(services)
    try:
        wait_until(lambda: finished(services, document, undisturbed))
    finally:
        for worker in (second, third):
            worker.terminate()
            assert worker.wait(timeout=PATIENCE_SECONDS) == 0
    assert job_of(services, document).attempts == 1, "it got further, so what ended the first run was not the file"
    assert status_of(services, document) is status_of(services, undisturbed) is DocumentStatus.INDEXED
    assert facts(services, workspace.id) == facts(services, other_workspace.id)
    counts = [services.graph.counts(OPERATOR, workspace_id=one.id) for one in (workspace, other_workspace)]
    assert counts[0] == counts[1]
    coverage = [
        services.documents.get(OPERATOR, workspace_id=one.workspace_id, document_id=one.id).version.coverage
        for one in (document, undisturbed)
    ]
    assert coverage[0] == coverage[1]


@pytest.mark.slow
@pytest.mark.parametrize("calls_at_once", ["1", "6"])
def test_two_workers_share_the_work_and_each_document_is_done_once(
    services: Services, workspace: Workspace, calls_at_once: str
) -> None:
    documents = [
        add(services, workspace.id, f"letter-{number}.txt", WARFARIN + f"\nSeen on day {number}.".encode())
        for number in range(8)
    ]
    workers = [start_worker(services, DAFE_CALLS_AT_ONCE=calls_at_once) for _ in range(2)]
    try:
        wait_until(lambda: finished(services, *documents))
    finally:
        for worker in workers:
            worker.terminate()
            worker.wait(timeout=PATIENCE_SECONDS)
    jobs = [job_of(services, document) for document in documents]
    assert {(job.state, job.attempts) for job in jobs} == {(JobState.DONE, 1)}
    assert len([row for row in facts(services, workspace.id) if row[3] == "amiodarone"]) == 8


@pytest.mark.slow
def test_a_reading_again_that_is_killed_leaves_the_facts_until_the_next_worker_has_done_it(
    services: Services, workspace: Workspace, work: Work
) -> None:
    document = add(services, workspace.id, "long.txt", long_letter(sentences=150))
    work()
    before = facts(services, workspace.id), services.graph.counts(OPERATOR, workspace_id=workspace.id)
    services.workspaces._cache.delete_scope(workspace.id)  # With its facts known it is read in no time.
    services.documents.retry(OPERATOR, workspace_id=workspace.id, document_id=document.id)
    first = start_worker(services)
    try:
        wait_until(lambda: is_extracting(services, document, from_chunk=2))
    finally:
        first.send_signal(signal.SIGKILL)
        first.wait()
    assert (facts(services, workspace.id), services.graph.counts(OPERATOR, workspace_id=workspace.id)) == before
    second = start_worker(services)
    try:
        wait_until(lambda: finished(services, document))
    finally:
        second.terminate()
        assert second.wait(timeout=60) == 0
    assert (facts(services, workspace.id), services.graph.counts(OPERATOR, workspace_id=workspace.id)) == before
    versions = services.documents.versions(OPERATOR, workspace_id=workspace.id, document_id=document.id)
    assert [one.number for one in versions] == [2, 1]
    stored = {path.name for path in (services.settings.data_dir / "files").rglob("*") if path.is_file()}
    assert {one.number for one in versions if one.file_id in stored} == {2}
