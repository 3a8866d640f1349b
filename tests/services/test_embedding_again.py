"""Another embedding model: vectors are made anew in the background, and questions never miss a document meanwhile."""

import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
import sqlalchemy as sa

from app.container import OPERATOR, Services, open_services
from app.domain.access import Role
from app.domain.answers import Mode
from app.domain.documents import DocumentStatus, DocumentVersion
from app.domain.embeddings import EmbeddingSpace
from app.domain.ids import ChunkId, VersionId, WorkspaceId
from app.domain.jobs import Job, JobKind, JobState, Stage
from app.embedding_parts import VECTORS
from app.errors import ConflictError
from app.evaluation.workspace import make_version
from app.pipeline.embedding_spaces import BY_WORDS
from app.services import embedding_again
from app.services.embedding_upkeep import EmbeddingUpkeep
from app.services.health import Level
from app.services.new_jobs import new_job
from app.settings import load_settings
from backends.embeddings.hashing import HashingEmbedder
from backends.metadata.base_content import DocumentFilter
from backends.sql.engine import Database
from backends.sql.tables_derived import cache
from backends.sql.tables_derived import vectors as table
from tests.servers.ollama_dialect import model_entry, ollama_dialect
from tests.services.asking import QUESTION, ask
from tests.services.letters import ASPIRIN, WARFARIN, add, status_of
from tests.unit.model_parts import chunk_of

ROOT = Path(__file__).parents[2]
DIGOXIN = b"Medication review\n\nDigoxin slows atrioventricular conduction. Digoxin interacts with amiodarone.\n"
OLD, NEW = EmbeddingSpace("hashing-64", 64), EmbeddingSpace("hashing-96", 96)
UNKNOWN = EmbeddingSpace("gone@0123", 128)
"""Of a server that the settings do not name any more."""
NOWHERE = EmbeddingSpace("hashing-72", 72)
"""Can be opened, and holds nothing."""
PATIENCE_SECONDS = 60.0


@contextmanager
def started(folder: Path, space: EmbeddingSpace = OLD, **changed: Any) -> Iterator[Services]:
    """The installation in `folder` as it is started with the model of this space."""
    with open_started(folder, embeddings={"kind": "hashing", "dimension": space.dimension}, **changed) as services:
        yield services


@contextmanager
def open_started(folder: Path, **settings: Any) -> Iterator[Services]:
    services = open_services(load_settings(data_dir=folder, llm={"kind": "none"}, **settings))
    try:
        yield services
    finally:
        services.close()


def wait_until(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < until, "it took too long"
        time.sleep(0.02)


@contextmanager
def working(services: Services) -> Iterator[None]:
    stop = Event()
    thread = Thread(target=services.make_indexing().serve, kwargs={"stop": stop})
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def use_of(services: Services, workspace_id: WorkspaceId) -> Any:
    return services.questions._metadata.embeddings.get(workspace_id)


def searched(services: Services, workspace_id: WorkspaceId) -> EmbeddingSpace | None:
    use = use_of(services, workspace_id)
    return None if use is None else use.searched


def stored(services: Services, workspace_id: WorkspaceId) -> dict[str, dict[str, str]]:
    """By space: the version of each chunk that has a vector."""
    database = Database(services.settings.data_dir / "dafe.db", key=services.keys.database)
    with database.read() as connection:
        rows = connection.execute(sa.select(table).where(table.c.workspace_id == workspace_id)).all()
    database.close()
    assert all(len(row.vector) == 4 * int(row.space.rpartition("/")[2]) for row in rows)
    spaces: dict[str, dict[str, str]] = {row.space: {} for row in rows}
    for row in rows:
        spaces[row.space][row.chunk_id] = row.version_id
    return spaces


def cached(services: Services) -> list[str]:
    """The scopes under which anything is kept."""
    database = Database(services.settings.data_dir / "dafe.db", key=services.keys.database)
    with database.read() as connection:
        scopes = connection.execute(sa.select(cache.c.scope)).scalars().all()
    database.close()
    return list(scopes)


def jobs_of(services: Services, workspace_id: WorkspaceId) -> list[Job]:
    """Newest first."""
    found = services.jobs.list(OPERATOR, workspace_id=workspace_id)
    return [job for job in found if job.kind is JobKind.EMBED]


def work_until(services: Services, condition: Callable[[], bool]) -> None:
    with working(services):
        wait_until(condition)


def retrieve(services: Services, workspace_id: WorkspaceId, text: str = QUESTION) -> Any:
    metadata, retriever = services.questions._metadata, services.questions._answerer._answerer._retriever
    visible = frozenset(metadata.documents.find_visible(workspace_id=workspace_id, reader=None))
    return retriever.retrieve(text, workspace_id=workspace_id, permitted=visible, mode=Mode.RAG)


def found_by_meaning(services: Services, workspace_id: WorkspaceId, text: str = QUESTION) -> set[str]:
    passages = retrieve(services, workspace_id, text).passages
    return {one.chunk.document_id for one in passages if "meaning" in one.found_by}


def seen(services: Services, workspace_id: WorkspaceId) -> set[str]:
    """The chunks that can be seen."""
    metadata = services.questions._metadata
    visible = metadata.documents.find_visible(workspace_id=workspace_id, reader=None)
    return {one.id for id_ in visible for one in metadata.chunks.find(id_, workspace_id=workspace_id)}


def fill(
    services: Services, workspace_id: WorkspaceId, *, documents: int, passages: int, first: int = 0
) -> list[DocumentVersion]:
    """Indexed documents with vectors of the model that is set, and no facts."""
    metadata, spaces = services.questions._metadata, services.make_indexing()._indexer._spaces
    made = []
    for number in range(first, first + documents):
        version = replace(make_version(number, f"Report {number}"), workspace_id=workspace_id, sha256=f"{number}")
        texts = [f"Marker {number * passages + place} of group {place} rose after visit." for place in range(passages)]
        chunks = [
            replace(
                chunk_of(text),
                id=ChunkId(f"c{workspace_id[-6:]}-{number:04}-{place:04}"),
                document_id=version.document_id,
                version_id=version.id,
                workspace_id=workspace_id,
                ordinal=place,
            )
            for place, text in enumerate(texts)
        ]
        metadata.documents.add_version(version, reader=None)
        metadata.chunks.upsert(chunks)
        spaces.write_own(chunks)
        metadata.documents.publish(version.id, workspace_id=workspace_id)
        made.append(version)
    return made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def ward(folder: Path) -> WorkspaceId:
    """Two indexed letters with vectors of the old model, and that recorded."""
    with started(folder) as services:
        ward = services.workspaces.add(OPERATOR, name="Cardiology", ontology="clinical").id
        letters = [add(services, ward, "warfarin.txt", WARFARIN), add(services, ward, "aspirin.txt", ASPIRIN)]
        work_until(
            services,
            lambda: (
                searched(services, ward) == OLD
                and all(status_of(services, one) is DocumentStatus.INDEXED for one in letters)
                and not services.workspaces.summary(OPERATOR, workspace_id=ward).running
            ),
        )
    return ward


def is_switched(services: Services, workspace_id: WorkspaceId, space: EmbeddingSpace = NEW) -> bool:
    jobs = jobs_of(services, workspace_id)
    return searched(services, workspace_id) == space and all(job.state.finished for job in jobs)


def test_vectors_are_made_anew_and_questions_search_the_old_until_all_are_there(
    folder: Path, ward: WorkspaceId
) -> None:
    with started(folder, NEW) as services:
        before = retrieve(services, ward)
        assert before.space.key == str(OLD)
        assert len(found_by_meaning(services, ward)) == 2
        answer = ask(services, OPERATOR, ward)
        assert answer.notice == ""
        assert "hashing-96" in part(services).detail and "1 of 1 workspaces" in part(services).detail
        work_until(services, lambda: is_switched(services, ward))
        (job,) = jobs_of(services, ward)
        assert (job.state, job.stage, job.done, job.total) == (JobState.DONE, Stage.EMBEDDING, 1_000, 1_000)
        assert {space: set(chunks) for space, chunks in stored(services, ward).items()} == {
            str(NEW): seen(services, ward)
        }
        assert use_of(services, ward).writing is None
        assert retrieve(services, ward).space.key == str(NEW)
        assert len(found_by_meaning(services, ward)) == 2
        assert ask(services, OPERATOR, ward).kept_at is None, "what was found with another model is not given again"
        switches = [one for one in services.audit.list(OPERATOR).events if one.action == "worker.embed"]
        assert [(one.outcome.value, one.actor_id) for one in switches] == [("done", "system"), ("intent", "system")]
        assert "Every workspace" in part(services).detail


def part(services: Services) -> Any:
    return next(one for one in services.health.checks(OPERATOR) if one.name == VECTORS)


def test_without_the_old_model_words_and_facts_are_searched_and_it_is_said(folder: Path, ward: WorkspaceId) -> None:
    with started(folder, NEW) as services:
        services.questions._metadata.embeddings.switch(UNKNOWN, workspace_id=ward)
        for _ in range(2):
            answer = ask(services, OPERATOR, ward)
            assert (answer.notice, answer.kept_at, answer.refused) == (BY_WORDS, None, False)
        assert found_by_meaning(services, ward) == set()
        assert len({one.chunk.document_id for one in retrieve(services, ward).passages}) == 2
        refused = ask(services, OPERATOR, ward, "Who won the chess tournament in Reykjavik?")
        assert (refused.refused, refused.notice) == (True, BY_WORDS)
        check = part(services)
        assert not check.ok and check.level is Level.OPTIONAL and "words and facts only" in check.detail
        work_until(services, lambda: is_switched(services, ward))
        assert ask(services, OPERATOR, ward).notice == ""
        assert len(found_by_meaning(services, ward)) == 2
        assert part(services).ok


def test_a_space_that_is_searched_and_cannot_be_written_is_searched_no_more(folder: Path, ward: WorkspaceId) -> None:
    """Else a document that was added since would be missed, or after going back to the old model."""
    with started(folder, NEW) as services:
        services.questions._metadata.embeddings.switch(UNKNOWN, workspace_id=ward)
        spaces = services.make_indexing()._indexer._spaces
        metadata = services.questions._metadata
        (version_id, *_) = metadata.documents.find_visible(workspace_id=ward, reader=None)
        spaces.write(metadata.chunks.find(version_id, workspace_id=ward), workspace_id=ward)
        assert searched(services, ward) is None
        assert retrieve(services, ward).space.notice == BY_WORDS


def test_a_store_that_does_not_hold_the_space_of_before_is_not_searched_as_if_it_did(
    folder: Path, ward: WorkspaceId
) -> None:
    """As when the model and the kind of store are changed together."""
    with started(folder, NEW) as services:
        services.questions._metadata.embeddings.switch(NOWHERE, workspace_id=ward)
        assert found_by_meaning(services, ward) == set()
        upkeep = EmbeddingUpkeep(
            spaces=services.make_indexing()._indexer._spaces,
            metadata=services.questions._metadata,
            queue=services.jobs._queue,
        )
        upkeep.begin()
        assert searched(services, ward) is None
        assert ask(services, OPERATOR, ward).notice == BY_WORDS
        work_until(services, lambda: is_switched(services, ward))
        assert len(found_by_meaning(services, ward)) == 2


def test_vectors_that_come_while_a_workspace_is_deleted_go_with_it(
    folder: Path, ward: WorkspaceId, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The batch in hand is stored when the vectors were removed, and its job ends before the workspace does."""
    with started(folder, NEW) as services, started(folder, NEW) as others:
        find = others.workspaces._files.find

        with held_at(services, monkeypatch, "platelet") as gate:

            def find_late() -> Any:
                gate.open()
                wait_until(lambda: jobs_of(services, ward)[0].state is JobState.STOPPED)
                assert str(NEW) in stored(services, ward)
                return find()

            monkeypatch.setattr(others.workspaces._files, "find", find_late)
            others.workspaces.delete(OPERATOR, workspace_id=ward)
        assert stored(services, ward) == {}


def test_how_far_it_is_tells_nobody_of_documents_that_are_kept_from_them(folder: Path, ward: WorkspaceId) -> None:
    with started(folder, NEW) as services:
        user = services.users.add(OPERATOR, username="ilse", name="Ilse", roles=()).user
        services.workspaces.set_member(OPERATOR, workspace_id=ward, user_id=user.id, role=Role.ANALYST)
        ilse = services.sessions.actor_of(user, session_id="s", address="127.0.0.1", channel="web")
        work_until(services, lambda: is_switched(services, ward))
        (job,) = jobs_of(services, ward)
        assert (job.done, job.total) == (1_000, 1_000)
        (seen_job,) = [one for one in services.jobs.list(ilse, workspace_id=ward) if one.kind is JobKind.EMBED]
        for shown in (seen_job, services.jobs.get(ilse, workspace_id=ward, job_id=job.id)):
            assert (shown.state, shown.done, shown.total, shown.eta_seconds) == (JobState.DONE, 0, 0, None)


def test_a_server_of_before_is_asked_only_where_the_settings_name_it_and_as_long_as_it_answers(folder: Path) -> None:
    with ollama_dialect(model_entry("small", capabilities=("embedding",))) as server:
        before = {"kind": "ollama", "url": server.url, "model": "small"}
        with open_started(folder, embeddings=before) as services:
            here = services.workspaces.add(OPERATOR, name="Cardiology", ontology="clinical").id
            document = add(services, here, "warfarin.txt", WARFARIN)
            work_until(
                services,
                lambda: (
                    searched(services, here) is not None and status_of(services, document) is DocumentStatus.INDEXED
                ),
            )
        asked = len(server.requests)
        with started(folder, NEW) as services:
            assert retrieve(services, here).space.notice == BY_WORDS
            assert len(server.requests) == asked
        with started(folder, NEW, embeddings_before=before) as services:
            assert found_by_meaning(services, here) == {document.id}
            assert len(server.requests) > asked
            answer = ask(services, OPERATOR, here)
            assert (answer.refused, answer.notice) == (False, "")
            server.models = []
            answer = ask(services, OPERATOR, here, "Which risk does warfarin increase?")
            assert answer.notice == BY_WORDS
            metadata, spaces = services.questions._metadata, services.make_indexing()._indexer._spaces
            chunk = replace(chunk_of("Digoxin slows."), version_id=VersionId("added"), workspace_id=here)
            spaces.write([chunk], workspace_id=here)
            assert searched(services, here) is None, "nothing waits for it: this one was not written"
            assert metadata.embeddings.get(here) is not None
            work_until(services, lambda: is_switched(services, here))


class Gate:
    """Keeps the new model from embedding one text until it is opened."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, word: str) -> None:
        self.reached, self._opened = Event(), Event()
        embed = HashingEmbedder.embed_passages

        def held(embedder: HashingEmbedder, texts: Sequence[str]) -> Any:
            if embedder.dimension == NEW.dimension and any(word in text for text in texts):
                self.reached.set()
                assert self._opened.wait(PATIENCE_SECONDS)
            return embed(embedder, texts)

        monkeypatch.setattr(HashingEmbedder, "embed_passages", held)

    def open(self) -> None:
        self._opened.set()


@contextmanager
def held_at(services: Services, monkeypatch: pytest.MonkeyPatch, word: str) -> Iterator[Gate]:
    """A worker that has begun to make the vectors of the text with this word, and has not stored them."""
    gate = Gate(monkeypatch, word)
    with working(services):
        try:
            assert gate.reached.wait(PATIENCE_SECONDS)
            yield gate
        finally:
            gate.open()


def test_what_is_added_meanwhile_is_found_before_and_after_the_switch(
    folder: Path, ward: WorkspaceId, monkeypatch: pytest.MonkeyPatch
) -> None:
    with started(folder, NEW) as services, started(folder, NEW) as others:
        with held_at(services, monkeypatch, "platelet"):
            added = add(others, ward, "digoxin.txt", DIGOXIN)
            work_until(others, lambda: status_of(others, added) is DocumentStatus.INDEXED)
            assert (searched(services, ward), retrieve(services, ward).space.key) == (OLD, str(OLD))
            assert added.id in found_by_meaning(services, ward, "What slows atrioventricular conduction?")
            assert set(stored(services, ward)[str(OLD)]) == seen(services, ward)
        work_until(services, lambda: is_switched(services, ward))
        assert added.id in found_by_meaning(services, ward, "What slows atrioventricular conduction?")
        assert {space: set(held) for space, held in stored(services, ward).items()} == {str(NEW): seen(services, ward)}


def test_what_is_deleted_meanwhile_leaves_no_vector_in_either_space(
    folder: Path, ward: WorkspaceId, monkeypatch: pytest.MonkeyPatch
) -> None:
    with started(folder, NEW) as services, started(folder, NEW) as others:
        page = services.documents.list(OPERATOR, workspace_id=ward, document_filter=DocumentFilter(name="aspirin.txt"))
        (aspirin,) = page.documents
        with held_at(services, monkeypatch, "platelet"):
            jobs = others.documents.delete(OPERATOR, workspace_id=ward, document_id=aspirin.id)
            ids = [job.id for job in jobs]
            work_until(
                others,
                lambda: all(others.jobs.get(OPERATOR, workspace_id=ward, job_id=id_).state.finished for id_ in ids),
            )
            assert aspirin.version.id not in {id_ for held in stored(services, ward).values() for id_ in held.values()}
            assert use_of(services, ward).writing == aspirin.version.id
        work_until(services, lambda: is_switched(services, ward))
        (space,) = stored(services, ward).items()
        assert (space[0], set(space[1])) == (str(NEW), seen(services, ward))
        assert aspirin.version.id not in space[1].values()
        assert not [scope for scope in cached(services) if aspirin.id in scope]


def test_what_a_killed_process_wrote_of_a_deleted_document_goes_when_the_next_one_begins(
    folder: Path, ward: WorkspaceId
) -> None:
    with started(folder, NEW) as services:
        metadata, spaces = services.questions._metadata, services.make_indexing()._indexer._spaces
        (version,) = fill(services, ward, documents=1, passages=1, first=77)
        metadata.jobs.add(new_job(version, JobKind.DELETE, created_by=OPERATOR.user_id))
        metadata.jobs.stop(next(one.id for one in metadata.jobs.find(reader=None, document_id=version.document_id)))
        chunks, gone = metadata.chunks.find(version.id, workspace_id=ward), version.id
        metadata.documents.delete(version.document_id, workspace_id=ward)
        spaces.write_own(chunks)  # As after its removal.
        metadata.embeddings.note_writing(gone, workspace_id=ward)
        assert gone in stored(services, ward)[str(NEW)].values()
        assert [scope for scope in cached(services) if version.document_id in scope]
        work_until(services, lambda: is_switched(services, ward))
        assert set(stored(services, ward)[str(NEW)]) == seen(services, ward)
        assert not [scope for scope in cached(services) if version.document_id in scope]


def test_a_workspace_that_is_deleted_meanwhile_leaves_nothing(
    folder: Path, ward: WorkspaceId, monkeypatch: pytest.MonkeyPatch
) -> None:
    with started(folder, NEW) as services:
        with held_at(services, monkeypatch, "platelet"):
            services.workspaces.delete(OPERATOR, workspace_id=ward)
        assert stored(services, ward) == {}
        assert use_of(services, ward) is None
        assert not [scope for scope in cached(services) if scope.startswith(ward)]


def test_each_workspace_switches_by_itself_and_keeps_its_vectors_to_itself(folder: Path, ward: WorkspaceId) -> None:
    with started(folder) as services:
        other = services.workspaces.add(OPERATOR, name="Oncology", ontology="clinical").id
        fill(services, other, documents=3, passages=40)
        work_until(services, lambda: searched(services, other) == OLD)
    with started(folder, NEW) as services:
        services.questions._metadata.embeddings.switch(NEW, workspace_id=other)
        assert (searched(services, ward), searched(services, other)) == (OLD, NEW)
        services.questions._metadata.embeddings.switch(OLD, workspace_id=other)
        work_until(services, lambda: is_switched(services, ward) and is_switched(services, other))
        for one in (ward, other):
            assert set(stored(services, one)[str(NEW)]) == seen(services, one)
            assert len(jobs_of(services, one)) == 1
        assert not seen(services, ward) & seen(services, other)


def test_no_question_misses_anything_while_it_is_switched(folder: Path, ward: WorkspaceId) -> None:
    with started(folder) as services:
        fill(services, ward, documents=10, passages=40)
    with started(folder, NEW) as services:
        keys, missed, stop = set(), [], Event()

        def question() -> None:
            while not stop.is_set():
                found = retrieve(services, ward)
                keys.add(found.space.key)
                if len(found_by_meaning(services, ward)) < 2:
                    missed.append(found.space.key)

        asking = [Thread(target=question) for _ in range(2)]
        for one in asking:
            one.start()
        work_until(services, lambda: is_switched(services, ward))
        wait_until(lambda: str(NEW) in keys)
        stop.set()
        for one in asking:
            one.join()
    assert (keys, missed) == ({str(OLD), str(NEW)}, [])


def test_a_job_gives_way_after_some_seconds_and_goes_on_where_it_was(
    folder: Path, ward: WorkspaceId, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedding_again, "_SLICE_SECONDS", 0.0)
    with started(folder) as services:
        fill(services, ward, documents=2, passages=100)
    with started(folder, NEW) as services:
        texts: list[str] = []
        embed = HashingEmbedder.embed_passages

        def counted(embedder: HashingEmbedder, given: Sequence[str]) -> Any:
            texts.extend(given if embedder.dimension == NEW.dimension else ())
            return embed(embedder, given)

        monkeypatch.setattr(HashingEmbedder, "embed_passages", counted)
        work_until(services, lambda: is_switched(services, ward))
        assert len(texts) == len(set(texts)) == len(seen(services, ward)), "none is embedded twice"
        (job,) = jobs_of(services, ward)
        assert (job.state, job.error) == (JobState.DONE, None)


def is_begun(job: Job) -> bool:
    return job.done > 0 and not job.state.finished


def begin(folder: Path, workspace_id: WorkspaceId, space: EmbeddingSpace) -> None:
    """A worker that is told to end when a part of the vectors is made."""
    with started(folder, space) as services:
        work_until(services, lambda: any(is_begun(job) for job in jobs_of(services, workspace_id)))
        assert searched(services, workspace_id) == OLD
        made = stored(services, workspace_id)[str(space)]
        assert 0 < len(made) < len(seen(services, workspace_id))


def test_a_second_change_and_a_change_back_end_with_the_model_that_is_set(folder: Path, ward: WorkspaceId) -> None:
    third = EmbeddingSpace("hashing-80", 80)
    with started(folder) as services:
        fill(services, ward, documents=40, passages=100)
    for middle, last in ((NEW, third), (NEW, OLD)):
        begin(folder, ward, middle)
        with started(folder, last) as services:
            assert retrieve(services, ward).space.key == str(OLD)
            work_until(services, lambda space=last: is_switched(services, ward, space))  # type: ignore[misc]
            assert {space: set(held) for space, held in stored(services, ward).items()} == {
                str(last): seen(services, ward)
            }
        if last == third:
            with started(folder) as services:
                work_until(services, lambda: is_switched(services, ward, OLD))


@pytest.mark.slow
def test_a_killed_worker_s_work_is_gone_on_with_by_the_next(folder: Path, ward: WorkspaceId) -> None:
    with started(folder) as services:
        fill(services, ward, documents=60, passages=100)
    with started(folder, NEW) as services:
        first = start_worker(services)
        try:
            wait_until(lambda: any(is_begun(job) for job in jobs_of(services, ward)))
        finally:
            first.send_signal(signal.SIGKILL)
            first.wait()
        (job,) = jobs_of(services, ward)
        made = len(stored(services, ward)[str(NEW)])
        assert not job.state.finished and 0 < made < len(seen(services, ward))
        assert retrieve(services, ward).space.key == str(OLD)
        second = start_worker(services)
        try:
            wait_until(lambda: is_switched(services, ward))
        finally:
            second.terminate()
            second.wait(timeout=60)
        assert {space: set(held) for space, held in stored(services, ward).items()} == {str(NEW): seen(services, ward)}
        assert [job.state for job in jobs_of(services, ward)] == [JobState.DONE]


def start_worker(services: Services) -> "subprocess.Popen[bytes]":
    settings = {
        "DAFE_DATA_DIR": str(services.settings.data_dir),
        "DAFE_EMBEDDINGS__KIND": "hashing",
        "DAFE_EMBEDDINGS__DIMENSION": str(NEW.dimension),
        "DAFE_LLM__KIND": "none",
    }
    return subprocess.Popen(
        [sys.executable, "-m", "app.worker"], cwd=ROOT, env={**os.environ, **settings}, stderr=subprocess.DEVNULL
    )


def test_making_vectors_cannot_be_stopped(folder: Path, ward: WorkspaceId, monkeypatch: pytest.MonkeyPatch) -> None:
    with started(folder, NEW) as services, held_at(services, monkeypatch, "platelet"):
        (job,) = jobs_of(services, ward)
        with pytest.raises(ConflictError, match="Search needs these vectors"):
            services.jobs.stop(OPERATOR, workspace_id=ward, job_id=job.id)


def test_what_a_store_lost_is_made_again(folder: Path) -> None:
    """As one in memory loses all of it at its end."""
    memory: dict[str, Any] = {"vectors": {"kind": "memory"}}
    with started(folder, **memory) as services:
        here = services.workspaces.add(OPERATOR, name="Cardiology", ontology="clinical").id
        document = add(services, here, "warfarin.txt", WARFARIN)
        work_until(
            services,
            lambda: searched(services, here) == OLD and status_of(services, document) is DocumentStatus.INDEXED,
        )
        assert found_by_meaning(services, here) == {document.id}
    with started(folder, **memory) as services:
        work_until(services, lambda: bool(jobs_of(services, here)) and is_switched(services, here, OLD))
        assert found_by_meaning(services, here) == {document.id}


def test_documents_that_come_do_not_hide_that_all_is_there_and_those_that_go_leave_it_open(
    folder: Path, ward: WorkspaceId, monkeypatch: pytest.MonkeyPatch
) -> None:
    with started(folder) as services:
        metadata, spaces = services.questions._metadata, services.make_indexing()._indexer._spaces
        count, versions, numbers = (
            metadata.chunks.count,
            fill(services, ward, documents=9, passages=2),
            itertools.count(9),
        )

        def is_complete(meanwhile: Callable[[], object] = lambda: None) -> bool | None:
            def counted(**scope: Any) -> int:
                meanwhile()
                return count(**scope)

            monkeypatch.setattr(metadata.chunks, "count", counted)
            return spaces.is_complete(ward)

        assert is_complete(lambda: fill(services, ward, documents=1, passages=2, first=next(numbers))) is True
        delete = partial(metadata.documents.delete, workspace_id=ward)
        assert is_complete(lambda: delete(versions.pop().document_id)) is None
        assert is_complete() is True
        spaces.vectors.delete_versions([versions[0].id], workspace_id=ward)
        assert is_complete() is False
