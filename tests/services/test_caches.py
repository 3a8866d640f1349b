"""Answers that were given before: who gets them, who never does, and when they are gone."""

import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from app.container import OPERATOR, Services, open_services
from app.domain.access import Actor
from app.domain.answers import Mode
from app.domain.ids import WorkspaceId
from app.domain.workspaces import Workspace
from app.services.documents import SameName
from app.settings import load_settings
from backends.cache.base import Layer
from backends.sql.engine import Database
from tests.services.asking import QUESTION, ask, content, kept_keys
from tests.services.letters import REPLACED, WARFARIN, add, upload
from tests.working import work_off

SECRET = b"Medication review\n\nWarfarin interacts with quobvastin. Warfarin treats zelmuntia.\n"


@pytest.fixture
def ward(services: Services, workspace: Workspace) -> WorkspaceId:
    add(services, workspace.id, "letter.txt", WARFARIN)
    work_off(services)
    return workspace.id


@pytest.mark.parametrize("mode", list(Mode))
def test_the_same_question_of_the_same_documents_is_answered_once(
    services: Services, ward: WorkspaceId, make_actor: Callable[..., Actor], workspace: Workspace, mode: Mode
) -> None:
    ann, bob = (make_actor(name, workspace=workspace) for name in ("ann", "bob"))
    first = ask(services, ann, ward, mode=mode)
    again = ask(services, bob, ward, "  What does\twarfarin \n interact with?  ", mode=mode)
    assert first.kept_at is None and again.kept_at is not None
    assert content(first) == content(again)
    assert again.finished and set(again.timings) == {"kept"}
    assert ask(services, bob, ward, QUESTION.lower(), mode=mode).kept_at is None
    assert ask(services, bob, ward, "What does warfarin interact with", mode=mode).kept_at is None


def test_modes_and_bounds_are_apart(services: Services, ward: WorkspaceId) -> None:
    assert [ask(services, OPERATOR, ward, mode=mode).kept_at for mode in Mode] == [None] * len(Mode)


def test_whoever_asks_anew_gets_a_new_answer_that_others_get_then(services: Services, ward: WorkspaceId) -> None:
    first = ask(services, OPERATOR, ward)
    kept = ask(services, OPERATOR, ward)
    anew = ask(services, OPERATOR, ward, fresh=True)
    assert anew.kept_at is None and content(anew) == content(first)
    assert "linking" in anew.timings
    later = ask(services, OPERATOR, ward)
    assert later.kept_at is not None and kept.kept_at is not None and later.kept_at > kept.kept_at


def test_people_who_see_different_documents_never_share(
    services: Services, ward: WorkspaceId, make_actor: Callable[..., Actor], workspace: Workspace
) -> None:
    ann, bob = (make_actor(name, workspace=workspace) for name in ("ann", "bob"))
    secret = add(services, ward, "secret.txt", SECRET)
    work_off(services)
    services.access.set(OPERATOR, workspace_id=ward, document_id=secret.id, user_ids=[ann.user_id])
    hers = ask(services, ann, ward)
    assert "quobvastin" in str(hers)
    his = ask(services, bob, ward)
    assert his.kept_at is None
    assert "quobvastin" not in str(his)
    assert ask(services, ann, ward).kept_at is not None
    assert ask(services, bob, ward).kept_at is not None
    assert "quobvastin" not in str(ask(services, bob, ward))


def test_a_changed_right_voids_at_once_both_ways(
    services: Services, ward: WorkspaceId, make_actor: Callable[..., Actor], workspace: Workspace
) -> None:
    ann, bob = (make_actor(name, workspace=workspace) for name in ("ann", "bob"))
    secret = add(services, ward, "secret.txt", SECRET)
    work_off(services)
    assert "quobvastin" in str(ask(services, bob, ward))
    services.access.set(OPERATOR, workspace_id=ward, document_id=secret.id, user_ids=[ann.user_id])
    without = ask(services, bob, ward)
    assert without.kept_at is None
    assert "quobvastin" not in str(without)
    services.access.set(OPERATOR, workspace_id=ward, document_id=secret.id, user_ids=None)
    assert "quobvastin" in str(ask(services, bob, ward))


def test_who_waited_for_an_answer_that_never_came_gets_one_from_what_may_still_be_seen(
    services: Services, ward: WorkspaceId, make_actor: Callable[..., Actor], workspace: Workspace
) -> None:
    ann, bob = (make_actor(name, workspace=workspace) for name in ("ann", "bob"))
    secret = add(services, ward, "secret.txt", SECRET)
    work_off(services)
    first = services.questions.ask(ann, workspace_id=ward, text=QUESTION, mode=Mode.RAG)
    next(iter(first))
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(ask, services, bob, ward, mode=Mode.RAG)
        time.sleep(1.0)
        assert not waiting.done()
        services.access.set(OPERATOR, workspace_id=ward, document_id=secret.id, user_ids=[ann.user_id])
        first.close()  # type: ignore[attr-defined]
        assert "quobvastin" not in str(waiting.result())


def test_workspaces_of_the_same_documents_are_apart(
    services: Services, ward: WorkspaceId, other_workspace: Workspace
) -> None:
    add(services, other_workspace.id, "letter.txt", WARFARIN)
    work_off(services)
    ask(services, OPERATOR, ward)
    assert ask(services, OPERATOR, other_workspace.id).kept_at is None


@pytest.mark.parametrize("change", ["new document", "new version", "deleted", "read again"])
def test_a_changed_document_voids(services: Services, ward: WorkspaceId, change: str) -> None:
    first = add(services, ward, "other.txt", b"Notes\n\nAspirin treats fever.\n")
    work_off(services)
    ask(services, OPERATOR, ward)
    assert ask(services, OPERATOR, ward).kept_at is not None
    if change == "new document":
        add(services, ward, "more.txt", SECRET)
    elif change == "new version":
        upload(services, ward, "letter.txt", REPLACED, same_name=SameName.NEW_VERSION)
    elif change == "deleted":
        services.documents.delete(OPERATOR, workspace_id=ward, document_id=first.id)
    else:
        services.documents.retry(OPERATOR, workspace_id=ward, document_id=first.id)
        assert ask(services, OPERATOR, ward).kept_at is not None, "its facts stay until it was read again"
    work_off(services)
    after = ask(services, OPERATOR, ward)
    assert after.kept_at is None
    assert ("fluconazole" in str(after)) == (change == "new version")
    assert ask(services, OPERATOR, ward).kept_at is not None


def test_vectors_and_facts_go_with_their_document(services: Services, ward: WorkspaceId) -> None:
    before = kept_keys(services, Layer.EMBEDDING), kept_keys(services, Layer.TRIPLE)
    secret = add(services, ward, "secret.txt", SECRET)
    work_off(services)
    assert len(kept_keys(services, Layer.EMBEDDING)) > len(before[0]) > 0
    assert len(kept_keys(services, Layer.TRIPLE)) > len(before[1]) > 0
    services.documents.delete(OPERATOR, workspace_id=ward, document_id=secret.id)
    work_off(services)
    assert (kept_keys(services, Layer.EMBEDDING), kept_keys(services, Layer.TRIPLE)) == before


def test_a_document_that_goes_while_it_is_being_answered_from_leaves_no_answer(
    services: Services, ward: WorkspaceId
) -> None:
    secret = add(services, ward, "secret.txt", SECRET)
    work_off(services)
    answers = services.questions.ask(OPERATOR, workspace_id=ward, text=QUESTION)
    next(answers)
    assert kept_keys(services, Layer.QUERY)
    services.documents.delete(OPERATOR, workspace_id=ward, document_id=secret.id)
    work_off(services)
    assert kept_keys(services, Layer.QUERY) == []
    *_, last = answers
    assert last.finished
    assert kept_keys(services, Layer.ANSWER) == kept_keys(services, Layer.QUERY) == []


def test_what_is_put_after_the_document_went_is_removed(
    services: Services, ward: WorkspaceId, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The document goes between the last look at it and the moment at which its answer is stored."""
    secret = add(services, ward, "secret.txt", SECRET)
    work_off(services)
    cache = services.questions._answerer._cache
    put = cache.put

    def late(key: str, value: bytes, **where: Any) -> None:
        if key.startswith(Layer.ANSWER):
            services.documents.delete(OPERATOR, workspace_id=ward, document_id=secret.id)
            work_off(services)
        put(key, value, **where)

    monkeypatch.setattr(cache, "put", late)
    ask(services, OPERATOR, ward)
    assert kept_keys(services, Layer.ANSWER) == kept_keys(services, Layer.QUERY) == []


def test_an_answer_that_was_kept_is_recorded_and_remembered_like_any_other(
    services: Services, ward: WorkspaceId, make_actor: Callable[..., Actor], workspace: Workspace
) -> None:
    ann, bob = (make_actor(name, workspace=workspace) for name in ("ann", "bob"))
    asked = [ask(services, ann, ward, mode=Mode.RAG), ask(services, bob, ward, mode=Mode.RAG)]
    assert asked[1].kept_at is not None
    path = services.settings.data_dir / "audit.db"
    with sqlite3.connect(path) as database:
        bodies = [json.loads(body) for (body,) in database.execute("SELECT body FROM audit ORDER BY seq")]
    events = {
        name: [body for body in bodies if body["action"] == "questions.ask" and body["actor"] == actor.user_id]
        for name, actor in (("ann", ann), ("bob", bob))
    }
    finished = {name: [one for one in some if one["details"]["finished"]] for name, some in events.items()}
    assert [len(some) for some in finished.values()] == [1, 1]
    documents = {citation.document_id for citation in asked[0].citations}
    for name in ("ann", "bob"):
        assert documents <= set(finished[name][0]["objects"])
    (hers,) = services.questions.history(ann, workspace_id=ward)
    (his,) = services.questions.history(bob, workspace_id=ward)
    assert content(hers.answer) == content(his.answer)
    assert his.answer.kept_at == asked[1].kept_at


def test_what_is_found_again_is_counted_by_layer(services: Services, ward: WorkspaceId) -> None:
    for _ in range(4):
        ask(services, OPERATOR, ward)
    ask(services, OPERATOR, ward, mode=Mode.GRAPHRAG)
    (part,) = (one for one in services.health.checks(OPERATOR) if one.name == "Cached results")
    assert part.ok
    assert "answers 60% of 5" in part.detail
    assert "searches" in part.detail and "facts of passages 0% of" in part.detail
    services.close()
    written = (services.settings.data_dir / "counts.json").read_text()
    assert json.loads(written)["answer/hits"] == 3
    assert "warfarin" not in written.lower()


def test_graphrag_after_auto_searches_once(services: Services, ward: WorkspaceId) -> None:
    first = ask(services, OPERATOR, ward, mode=Mode.GRAPH)
    second = ask(services, OPERATOR, ward, mode=Mode.GRAPHRAG)
    assert "linking" in first.timings
    assert second.kept_at is None and "linking" not in second.timings
    alone = ask(services, OPERATOR, ward, mode=Mode.GRAPHRAG, fresh=True)
    assert content(second) == content(alone)


@contextmanager
def opened(folder: Path, **more: Any) -> Iterator[Services]:
    given: dict[str, Any] = {"embeddings": {"kind": "hashing"}, "llm": {"kind": "none"}}
    services = open_services(load_settings(data_dir=folder / "data", **given | more))
    try:
        yield services
    finally:
        services.close()


def start(services: Services) -> WorkspaceId:
    ward = services.workspaces.add(OPERATOR, name="Ward", ontology="clinical").id
    add(services, ward, "letter.txt", WARFARIN)
    work_off(services)
    return ward


def test_an_answer_goes_after_its_time_and_none_is_kept_without_one(tmp_path: Path) -> None:
    with opened(tmp_path, cache={"kind": "sql", "answer_seconds": 1.5}) as services:
        ward = start(services)
        ask(services, OPERATOR, ward)
        assert ask(services, OPERATOR, ward).kept_at is not None
        time.sleep(1.6)
        assert ask(services, OPERATOR, ward).kept_at is None
    with opened(tmp_path, cache={"kind": "sql", "answer_seconds": 0}) as services:
        before = kept_keys(services, Layer.ANSWER), kept_keys(services, Layer.QUERY)
        assert ask(services, OPERATOR, ward).kept_at is None
        assert ask(services, OPERATOR, ward).kept_at is None
        assert (kept_keys(services, Layer.ANSWER), kept_keys(services, Layer.QUERY)) == before


def test_an_answer_outlives_the_process(tmp_path: Path) -> None:
    with opened(tmp_path) as services:
        ward = start(services)
        first = ask(services, OPERATOR, ward)
    with opened(tmp_path) as services:
        again = ask(services, OPERATOR, ward)
    assert again.kept_at is not None and content(again) == content(first)


def test_a_workspaces_bounds_are_part_of_the_answer(services: Services, ward: WorkspaceId) -> None:
    ask(services, OPERATOR, ward, mode=Mode.RAG)
    database = Database(services.settings.data_dir / "dafe.db", key=services.keys.database)
    with database.write() as connection:
        connection.execute(sa.text("UPDATE workspaces SET refuse_below = 9.0, weak_below = 9.5"))
    database.close()
    strict = ask(services, OPERATOR, ward, mode=Mode.RAG)
    assert strict.kept_at is None and strict.refused
