"""What a killed process left half done is found and completed."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, Event, Thread

import pytest

from app.container import OPERATOR, Services
from app.domain.documents import DocumentStatus
from app.domain.ids import FileId
from app.domain.jobs import Job, JobState
from app.domain.workspaces import Workspace
from app.pipeline.indexing import layout_id
from app.services.recovering import Recovery
from app.services.removing import Remover
from backends.files.base import FileStore
from backends.files.settings import FolderFileSettings
from backends.loading import load
from backends.metadata.base import MetadataStore
from backends.queue.base import JobQueue
from backends.queue.settings import SqliteQueueSettings
from backends.sql.engine import Database
from tests.services.letters import WARFARIN, add, job_of, status_of


@pytest.fixture
def queue(services: Services) -> Iterator[JobQueue]:
    database = Database(services.settings.data_dir / "dafe.db", key=services.keys.database)
    opened: JobQueue = load(JobQueue, SqliteQueueSettings(), database=database)
    yield opened
    opened.close()
    database.close()


@pytest.fixture
def files(services: Services) -> FileStore:
    folder: Path = services.settings.data_dir
    opened: FileStore = load(FileStore, FolderFileSettings(), data_dir=folder, key=services.keys.files)
    return opened


@pytest.fixture
def remover(services: Services) -> Remover:
    return services.make_indexing()._remover


@pytest.fixture
def recovery(metadata: MetadataStore, files: FileStore, queue: JobQueue, remover: Remover) -> Recovery:
    return Recovery(metadata=metadata, files=files, queue=queue, remover=remover)


def forget_messages(services: Services) -> None:
    database = Database(services.settings.data_dir / "dafe.db", key=services.keys.database)
    with database.write() as connection:
        connection.exec_driver_sql("DELETE FROM queue")
    database.close()


def forget_jobs(services: Services) -> None:
    database = Database(services.settings.data_dir / "dafe.db", key=services.keys.database)
    with database.write() as connection:
        connection.exec_driver_sql("DELETE FROM jobs")
    database.close()


def end_job(metadata: MetadataStore, job: Job, state: JobState) -> None:
    metadata.jobs.claim(job.id, worker="w", lease_seconds=60)
    metadata.jobs.finish(job.id, worker="w", state=state, error="It failed." if state is JobState.FAILED else None)


def test_a_job_that_no_message_carries_is_queued_again_and_only_once(
    services: Services, workspace: Workspace, queue: JobQueue, recovery: Recovery
) -> None:
    document = add(services, workspace.id, "warfarin.txt", WARFARIN)
    forget_messages(services)
    recovery.carry_jobs()
    assert queue.find() == {job_of(services, document).id}
    recovery.carry_jobs()
    assert queue.count() == 1


def test_a_document_that_waits_without_a_job_gets_one_at_the_second_look(
    services: Services, workspace: Workspace, queue: JobQueue, recovery: Recovery
) -> None:
    document = add(services, workspace.id, "warfarin.txt", WARFARIN)
    forget_messages(services)
    forget_jobs(services)
    recovery.serve_versions()
    assert queue.count() == 0
    recovery.serve_versions()
    recovery.serve_versions()
    job = job_of(services, document)
    assert (job.state, job.version_id) == (JobState.WAITING, document.version.id)
    assert queue.find() == {job.id}
    assert queue.count() == 1


def test_of_two_processes_that_look_at_once_only_one_queues_a_document(
    services: Services,
    workspace: Workspace,
    metadata: MetadataStore,
    files: FileStore,
    queue: JobQueue,
    remover: Remover,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    document = add(services, workspace.id, "warfarin.txt", WARFARIN)
    forget_messages(services)
    forget_jobs(services)
    both = [Recovery(metadata=metadata, files=files, queue=queue, remover=remover) for _ in range(2)]
    together = Barrier(2)
    add_job = type(metadata.jobs).add

    def added_together(records: object, job: Job) -> None:
        together.wait(30)
        add_job(metadata.jobs, job)  # type: ignore[arg-type]

    def look_twice(one: Recovery) -> None:
        one.serve_versions()
        one.serve_versions()

    monkeypatch.setattr(type(metadata.jobs), "add", added_together)
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(look_twice, both))
    assert len(metadata.jobs.find(reader=None, document_id=document.id)) == 1
    assert queue.count() == 1


@pytest.mark.parametrize(
    ("state", "status"), [(JobState.STOPPED, DocumentStatus.STOPPED), (JobState.FAILED, DocumentStatus.FAILED)]
)
def test_a_document_whose_job_ended_gets_the_state_that_was_not_written_any_more(
    services: Services,
    workspace: Workspace,
    metadata: MetadataStore,
    recovery: Recovery,
    state: JobState,
    status: DocumentStatus,
) -> None:
    document = add(services, workspace.id, "warfarin.txt", WARFARIN)
    end_job(metadata, job_of(services, document), state)
    recovery.serve_versions()
    recovery.serve_versions()
    assert status_of(services, document) is status
    assert job_of(services, document).state is state


def test_files_of_which_nothing_is_recorded_go_and_all_others_stay(
    services: Services, workspace: Workspace, files: FileStore, recovery: Recovery
) -> None:
    document = add(services, workspace.id, "warfarin.txt", WARFARIN)
    known = {document.version.file_id, layout_id(document.version.id)}
    files.put(layout_id(document.version.id), b"layout")
    files.put(FileId("01ORPHAN"), b"an upload that was cut off")
    recovery.delete_unknown_files()
    assert set(files.find()) == known | {FileId("01ORPHAN")}
    recovery.delete_unknown_files()
    assert set(files.find()) == known
    assert services.documents.get(OPERATOR, workspace_id=workspace.id, document_id=document.id)


def test_a_worker_looks_through_the_files_twice(
    metadata: MetadataStore, files: FileStore, queue: JobQueue, remover: Remover
) -> None:
    files.put(FileId("01ORPHAN"), b"an upload that was cut off")
    stop = Event()
    looking = Recovery(metadata=metadata, files=files, queue=queue, remover=remover, every_seconds=0.01)
    thread = Thread(target=looking.serve, kwargs={"stop": stop})
    thread.start()
    for _ in range(500):
        if not list(files.find()):
            break
        stop.wait(0.02)
    stop.set()
    thread.join()
    assert list(files.find()) == []


@pytest.mark.parametrize(("waits", "wiped"), [(0, False), (1, True)])
def test_what_is_owed_is_wiped_when_nothing_is_in_hand_or_next(
    services: Services, workspace: Workspace, metadata: MetadataStore, recovery: Recovery, waits: int, wiped: bool
) -> None:
    """A job that waits for a server may do so for days."""
    job = job_of(services, add(services, workspace.id, "warfarin.txt", WARFARIN))
    metadata.jobs.claim(job.id, worker="w", lease_seconds=60)
    metadata.jobs.finish(job.id, worker="w", state=JobState.WAITING, waits=waits)
    metadata.owe_wipe()
    recovery.complete_wiping()
    database = Database(services.settings.data_dir / "dafe.db", key=services.keys.database)
    assert database.is_wipe_owed is not wiped
    database.close()


def test_a_look_that_fails_in_whatever_way_does_not_end_the_others(
    metadata: MetadataStore, files: FileStore, queue: JobQueue, remover: Remover
) -> None:
    stop, looked = Event(), list[str]()

    def broken() -> None:
        looked.append("broken")
        raise TypeError("times with and without a zone")

    def last() -> None:
        looked.append("last")
        if len(looked) > 3:
            stop.set()

    recovery = Recovery(
        metadata=metadata, files=files, queue=queue, remover=remover, each_time=(broken, last), every_seconds=0.01
    )
    recovery.serve(stop=stop)
    assert looked[:4] == ["broken", "last", "broken", "last"]
