"""Exports made by the worker: whose they are, what they hold, how long they are there, and what takes them away."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any

import pytest

from app.container import OPERATOR, Services
from app.domain.access import Actor
from app.domain.audit import AuditKind, Outcome
from app.domain.documents import Document
from app.domain.ids import JobId
from app.domain.jobs import Job, JobKind, JobState
from app.domain.workspaces import Workspace
from app.errors import InvalidInputError, NotFoundError
from app.pipeline.exporting import FORMATS
from app.services.documents import SameName
from app.services.export_files import Export, ExportFiles
from app.services.export_upkeep import ExportUpkeep
from app.services.exports import ExportState
from backends.metadata.base import MetadataStore
from tests.services.letters import ASPIRIN, REPLACED, WARFARIN, Work, add, upload

MakeActor = Callable[..., Actor]


@pytest.fixture
def letters(services: Services, workspace: Workspace, work: Work) -> list[Document]:
    found = [add(services, workspace.id, f"{name}.txt", text) for name, text in (("w", WARFARIN), ("a", ASPIRIN))]
    work()
    return found


@pytest.fixture
def ilse(make_actor: MakeActor, workspace: Workspace) -> Actor:
    return make_actor("ilse", workspace=workspace)


def start(services: Services, actor: Actor, workspace: Workspace, format: str = "csv") -> ExportState:
    return services.exports.start(actor, workspace_id=workspace.id, format=format)


def made(services: Services, actor: Actor, workspace: Workspace, work: Work, format: str = "csv") -> JobId:
    state = start(services, actor, workspace, format)
    work()
    job = services.jobs.get(actor, workspace_id=workspace.id, job_id=state.job.id)
    assert job.state is JobState.DONE, job.error
    return job.id


def download(services: Services, actor: Actor, workspace: Workspace, job_id: JobId) -> bytes:
    return services.exports.download(actor, workspace_id=workspace.id, export_id=job_id).content


def files_of(services: Services) -> list[JobId]:
    return [job_id for _, job_id in ExportFiles(services.exports._exports._files).find()]


@pytest.mark.usefixtures("letters")
@pytest.mark.parametrize("format_", FORMATS)
def test_an_export_holds_what_its_owner_sees(
    services: Services, workspace: Workspace, ilse: Actor, work: Work, format_: str
) -> None:
    state = start(services, ilse, workspace, format_)
    assert (state.job.kind, state.job.state, state.until) == (JobKind.EXPORT, JobState.WAITING, None)
    with pytest.raises(NotFoundError):
        download(services, ilse, workspace, state.job.id)
    work()
    (listed,) = services.exports.list(ilse, workspace_id=workspace.id)
    assert (listed.job.id, listed.job.state, listed.format) == (state.job.id, JobState.DONE, format_)
    assert listed.until is not None
    assert timedelta(hours=23) < listed.until - datetime.now(UTC) <= timedelta(hours=24)
    content = download(services, ilse, workspace, state.job.id)
    assert content == services.graph.export(ilse, workspace_id=workspace.id, format=format_)
    raw = [one.read_bytes() for one in (services.settings.data_dir / "files").glob("*/export.*")]
    assert len(raw) == 1 and b"arfarin" not in raw[0]


def test_a_request_is_a_change_and_a_download_a_disclosure_of_its_documents(
    services: Services, workspace: Workspace, ilse: Actor, work: Work, letters: list[Document]
) -> None:
    job_id = made(services, ilse, workspace, work)
    actions = ("exports.start", "worker.export", "exports.download")
    kinds = {one.action: one.kind for one in services.audit.list(OPERATOR, actions=actions).events}
    assert kinds == {"exports.start": AuditKind.CHANGE, "worker.export": AuditKind.CHANGE}
    download(services, ilse, workspace, job_id)
    (event,) = services.audit.list(OPERATOR, actions=["exports.download"]).events
    assert (event.kind, event.outcome, event.actor_id) == (AuditKind.DISCLOSURE, Outcome.DONE, ilse.user_id)
    assert set(event.objects) == {job_id, *(one.id for one in letters)}
    assert event.details == {"format": "csv"}


@pytest.mark.usefixtures("letters")
def test_nobody_sees_or_gets_what_somebody_else_had_made(
    services: Services, workspace: Workspace, ilse: Actor, make_actor: MakeActor, work: Work
) -> None:
    jonas = make_actor("jonas", workspace=workspace)
    job_id = made(services, ilse, workspace, work)
    assert services.exports.list(jonas, workspace_id=workspace.id) == []
    shown = services.jobs.list(jonas, workspace_id=workspace.id)
    assert job_id not in {job.id for job in shown} and shown
    for call in (
        lambda: download(services, jonas, workspace, job_id),
        lambda: services.jobs.get(jonas, workspace_id=workspace.id, job_id=job_id),
        lambda: services.jobs.stop(jonas, workspace_id=workspace.id, job_id=job_id),
        lambda: services.jobs.retry(jonas, workspace_id=workspace.id, job_id=job_id),
    ):
        with pytest.raises(NotFoundError):
            call()
    assert download(services, ilse, workspace, job_id)


def test_the_operator_exports_at_once_and_unknown_formats_are_refused(
    services: Services, workspace: Workspace, ilse: Actor
) -> None:
    with pytest.raises(InvalidInputError, match="dafe graph export"):
        start(services, OPERATOR, workspace)
    with pytest.raises(InvalidInputError, match="csv, graphml"):
        start(services, ilse, workspace, "pdf")


def test_what_one_may_not_see_any_more_is_not_handed_out(
    services: Services, workspace: Workspace, ilse: Actor, make_actor: MakeActor, work: Work, letters: list[Document]
) -> None:
    jonas = make_actor("jonas", workspace=workspace)
    jobs = {one.name: made(services, one, workspace, work) for one in (ilse, jonas)}
    services.access.set(OPERATOR, workspace_id=workspace.id, document_id=letters[0].id, user_ids=[ilse.user_id])
    assert files_of(services) == []
    for one in (ilse, jonas):
        assert services.exports.list(one, workspace_id=workspace.id) == []
        with pytest.raises(NotFoundError, match="Export anew"):
            download(services, one, workspace, jobs[one.name])
    assert b"arfarin increases" not in download(services, jonas, workspace, made(services, jonas, workspace, work))
    assert b"arfarin increases" in download(services, ilse, workspace, made(services, ilse, workspace, work))


def test_a_file_that_came_back_is_not_handed_out_to_whoever_may_not_see_all_of_it(
    services: Services, workspace: Workspace, ilse: Actor, make_actor: MakeActor, work: Work, letters: list[Document]
) -> None:
    jonas = make_actor("jonas", workspace=workspace)
    job_id = made(services, jonas, workspace, work)
    exports = services.exports._exports
    kept = exports.get(workspace.id, job_id)
    assert kept.versions == {one.version.id for one in letters}
    services.access.set(OPERATOR, workspace_id=workspace.id, document_id=letters[0].id, user_ids=[ilse.user_id])
    exports.put(kept, workspace_id=workspace.id, job_id=job_id)
    with pytest.raises(NotFoundError, match="Export anew"):
        download(services, jonas, workspace, job_id)
    assert files_of(services) == []


@pytest.mark.usefixtures("letters")
def test_a_worker_that_lost_the_export_leaves_the_file_of_the_one_that_made_it(
    services: Services, workspace: Workspace, ilse: Actor, metadata: MetadataStore, work: Work
) -> None:
    job_id = made(services, ilse, workspace, work)
    exporting = services.make_indexing()._others[JobKind.EXPORT]
    late = metadata.jobs.get(job_id, reader=None)
    exporting._end(late, JobState.STOPPED)  # type: ignore[attr-defined]
    exporting._put_back(late, attempts=0, waits=0)  # type: ignore[attr-defined]
    assert files_of(services) == [job_id]
    assert download(services, ilse, workspace, job_id)


def test_exports_of_others_take_no_place_among_the_jobs_that_are_listed(
    services: Services, workspace: Workspace, ilse: Actor, make_actor: MakeActor, work: Work, letters: list[Document]
) -> None:
    made(services, make_actor("jonas", workspace=workspace), workspace, work)
    (listed,) = services.jobs.list(ilse, workspace_id=workspace.id, limit=1)
    assert listed.document_id == letters[1].id


@pytest.mark.usefixtures("letters")
def test_without_a_membership_nothing_is_handed_out_or_made(
    services: Services, workspace: Workspace, ilse: Actor, metadata: MetadataStore, work: Work
) -> None:
    job_id = made(services, ilse, workspace, work)
    waiting = start(services, ilse, workspace, "jsonld")
    services.workspaces.set_member(OPERATOR, workspace_id=workspace.id, user_id=ilse.user_id, role=None)
    now = services.sessions.actor_of(metadata.users.get(ilse.user_id), session_id=None, address="", channel="web")
    with pytest.raises(NotFoundError):
        download(services, now, workspace, job_id)
    work()
    job = services.jobs.get(OPERATOR, workspace_id=workspace.id, job_id=waiting.job.id)
    assert job.state is JobState.FAILED
    assert files_of(services) == []


@pytest.mark.usefixtures("letters")
def test_nothing_is_made_for_somebody_who_was_disabled(
    services: Services, workspace: Workspace, ilse: Actor, work: Work
) -> None:
    state = start(services, ilse, workspace)
    services.users.disable(OPERATOR, user_id=ilse.user_id)
    work()
    job = services.jobs.get(OPERATOR, workspace_id=workspace.id, job_id=state.job.id)
    assert (job.state, files_of(services)) == (JobState.FAILED, [])


@pytest.mark.parametrize("how", ["deleted", "replaced", "with its workspace"])
def test_an_export_goes_with_what_it_holds(
    services: Services, workspace: Workspace, ilse: Actor, work: Work, letters: list[Document], how: str
) -> None:
    job_id = made(services, ilse, workspace, work)
    if how == "deleted":
        services.documents.delete(OPERATOR, workspace_id=workspace.id, document_id=letters[0].id)
        with pytest.raises(NotFoundError, match="Export anew"):  # Before the worker removes it, too.
            download(services, ilse, workspace, job_id)
    elif how == "replaced":
        upload(services, workspace.id, letters[0].name, REPLACED, same_name=SameName.NEW_VERSION)
    else:
        services.workspaces.delete(OPERATOR, workspace_id=workspace.id)
    work()
    assert files_of(services) == []
    if how != "with its workspace":
        assert services.exports.list(ilse, workspace_id=workspace.id) == []


def test_what_is_deleted_while_an_export_is_made_is_in_no_file(
    services: Services,
    workspace: Workspace,
    ilse: Actor,
    work: Work,
    letters: list[Document],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    put = ExportFiles.put

    def deleted_first(*args: object, **kwargs: object) -> None:
        monkeypatch.setattr(ExportFiles, "put", put)
        services.documents.delete(OPERATOR, workspace_id=workspace.id, document_id=letters[0].id)
        put(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(ExportFiles, "put", deleted_first)
    state = start(services, ilse, workspace)
    work()
    job = services.jobs.get(ilse, workspace_id=workspace.id, job_id=state.job.id)
    assert (job.state, files_of(services)) == (JobState.FAILED, [])
    assert job.error is not None and "export anew" in job.error
    services.jobs.retry(ilse, workspace_id=workspace.id, job_id=job.id)
    work()
    assert b"increases" not in download(services, ilse, workspace, job.id)


@pytest.mark.usefixtures("letters")
def test_a_stopped_export_leaves_no_file_and_can_be_tried_again(
    services: Services, workspace: Workspace, ilse: Actor, metadata: MetadataStore, work: Work
) -> None:
    state = start(services, ilse, workspace)
    where: dict[str, Any] = {"workspace_id": workspace.id, "job_id": state.job.id}
    assert services.jobs.stop(ilse, **where).state is JobState.STOPPED
    services.jobs.retry(ilse, **where)
    assert metadata.jobs.claim(state.job.id, worker="dead", lease_seconds=0) is not None
    left = Export("csv", frozenset(), (), b"what the dead worker had stored")
    services.exports._exports.put(left, **where)
    assert services.jobs.stop(ilse, **where).state is JobState.STOPPING
    work()
    assert services.jobs.get(ilse, **where).state is JobState.STOPPED
    assert state.job.id not in files_of(services)
    services.jobs.retry(ilse, **where)
    work()
    assert download(services, ilse, workspace, state.job.id)


@pytest.mark.usefixtures("letters")
def test_an_export_whose_worker_died_is_made_anew(
    services: Services, workspace: Workspace, ilse: Actor, metadata: MetadataStore, work: Work
) -> None:
    state = start(services, ilse, workspace)
    assert metadata.jobs.claim(state.job.id, worker="dead", lease_seconds=0) is not None
    work()
    assert download(services, ilse, workspace, state.job.id)


@pytest.mark.usefixtures("letters")
def test_a_worker_that_ends_puts_the_export_back(
    services: Services, workspace: Workspace, ilse: Actor, work: Work
) -> None:
    state = start(services, ilse, workspace)
    indexing, ending = services.make_indexing(), Event()
    ending.set()
    indexing._ending = ending
    indexing.run(state.job.id)
    job = services.jobs.get(ilse, workspace_id=workspace.id, job_id=state.job.id)
    assert (job.state, job.attempts, files_of(services)) == (JobState.WAITING, 0, [])
    work()
    assert download(services, ilse, workspace, state.job.id)


@pytest.mark.usefixtures("letters")
def test_one_export_a_format_is_kept_and_pressing_twice_makes_one(
    services: Services, workspace: Workspace, ilse: Actor, work: Work
) -> None:
    first = start(services, ilse, workspace)
    assert start(services, ilse, workspace).job.id == first.job.id
    work()
    other = made(services, ilse, workspace, work, "jsonld")
    second = made(services, ilse, workspace, work)
    assert set(files_of(services)) == {other, second}
    assert {one.job.id for one in services.exports.list(ilse, workspace_id=workspace.id)} == {other, second}


@pytest.mark.usefixtures("letters")
def test_exports_go_when_their_time_is_over_and_no_sooner(
    services: Services, workspace: Workspace, ilse: Actor, metadata: MetadataStore, work: Work
) -> None:
    job_id = made(services, ilse, workspace, work)
    files = services.exports._exports._files

    def sweep(*, hours: float) -> None:
        now = datetime.now(UTC) + timedelta(hours=hours)
        kept = services.settings.exports_kept
        ExportUpkeep(metadata=metadata, files=files, kept=kept, now=lambda: now).sweep()

    work()
    sweep(hours=23.9)
    assert files_of(services) == [job_id]
    services.exports._kept = timedelta(seconds=0)
    with pytest.raises(NotFoundError, match="time is over"):
        download(services, ilse, workspace, job_id)
    assert services.exports.list(ilse, workspace_id=workspace.id) == []
    sweep(hours=24.1)
    assert files_of(services) == []


@pytest.mark.usefixtures("letters")
def test_files_of_no_job_and_of_stopped_ones_are_swept(
    services: Services, workspace: Workspace, ilse: Actor, metadata: MetadataStore, work: Work
) -> None:
    kept = made(services, ilse, workspace, work)
    exports, files = services.exports._exports, services.exports._exports._files
    copy = exports.get(workspace.id, kept)
    stopped = start(services, ilse, workspace, "jsonld").job
    services.jobs.stop(ilse, workspace_id=workspace.id, job_id=stopped.id)
    for job_id in (JobId("01JUNKNOWN0000000000000000"), stopped.id):
        exports.put(copy, workspace_id=workspace.id, job_id=job_id)
    ExportUpkeep(metadata=metadata, files=files, kept=timedelta(hours=1)).sweep()
    assert files_of(services) == [kept]


def jobs_of(services: Services, workspace: Workspace) -> list[Job]:
    found = services.jobs.list(OPERATOR, workspace_id=workspace.id)
    return [job for job in found if job.kind is JobKind.EXPORT]


@pytest.mark.usefixtures("letters")
def test_a_job_that_ends_its_worker_again_and_again_is_set_aside(
    services: Services, workspace: Workspace, ilse: Actor, metadata: MetadataStore, work: Work
) -> None:
    start(services, ilse, workspace)
    (job,) = jobs_of(services, workspace)
    for _ in range(5):
        assert metadata.jobs.claim(job.id, worker="dead", lease_seconds=0) is not None
    work()
    (job,) = jobs_of(services, workspace)
    assert job.state is JobState.FAILED
    assert job.error is not None and "set aside" in job.error
