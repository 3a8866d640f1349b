"""What every metadata store must do with workspaces, users, sessions and asked questions."""

from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.domain.access import Role, SignInSession, User
from app.domain.answers import Answer, AnswerSentence, AnswerTriple, AskedQuestion, Citation, Mode, Verdict
from app.domain.documents import Span
from app.domain.graph import Assertion
from app.domain.ids import ChunkId, DocumentId, EntityId, QuestionId, TripleId, UserId, VersionId, WorkspaceId
from app.domain.workspaces import Membership, Workspace
from app.errors import ConflictError, IntegrityError, InvalidInputError, NotFoundError
from backends.loading import load
from backends.metadata.base import MetadataStore
from backends.metadata.settings import MetadataSettings
from tests.conformance.implementations import implementations, open_database, parts_for
from tests.conformance.records import HERE, NOW, OTHER, chunk, version

pytestmark = pytest.mark.parametrize("settings", implementations(MetadataSettings), indirect=True)


def test_a_store_that_works_passes_its_check_and_may_be_closed_twice(store: MetadataStore) -> None:
    store.check()
    store.close()
    store.close()


def test_a_database_with_another_key_is_refused(store: MetadataStore, settings, data_dir) -> None:  # type: ignore[no-untyped-def]
    with closing(open_database(data_dir, key=bytes(32))) as other:
        parts = parts_for(data_dir, other) | {"key": bytes(32)}
        with pytest.raises(IntegrityError, match="key is not the right one"):
            load(MetadataStore, settings, **parts).check()


def test_characters_that_are_no_unicode_are_refused_with_a_sentence(store: MetadataStore) -> None:
    with pytest.raises(InvalidInputError, match="valid Unicode") as caught:
        store.workspaces.add(Workspace(HERE, "Ward \ud800"))
    assert caught.value.__cause__ is None


def test_workspaces_are_kept_and_listed_by_name(store: MetadataStore) -> None:
    first = Workspace(HERE, "Ward 7", "clinical", NOW, 0.9, 1.2)
    second = Workspace(OTHER, "alpha", created_at=NOW)
    store.workspaces.add(first)
    store.workspaces.add(second)
    assert store.workspaces.get(HERE) == first
    assert store.workspaces.find() == [second, first]
    assert store.workspaces.find(name="WARD 7") == [first]
    assert store.workspaces.find(name="ward%") == []


def test_a_workspace_name_is_taken_once_whatever_its_case(store: MetadataStore) -> None:
    store.workspaces.add(Workspace(HERE, "Straße"))
    with pytest.raises(ConflictError, match="choose another name"):
        store.workspaces.add(Workspace(OTHER, "STRASSE"))
    store.workspaces.add(Workspace(OTHER, "Ward"))
    with pytest.raises(ConflictError, match="choose another name"):
        store.workspaces.update(Workspace(OTHER, "strasse"))
    changed = Workspace(HERE, "STRASSE", refuse_below=0.5)
    store.workspaces.update(changed)
    assert store.workspaces.get(HERE) == changed


def test_an_unknown_workspace_is_not_found(store: MetadataStore) -> None:
    with pytest.raises(NotFoundError):
        store.workspaces.get(HERE)
    with pytest.raises(NotFoundError):
        store.workspaces.update(Workspace(HERE, "Ward"))
    store.workspaces.delete(HERE)


def test_members_have_one_role_a_workspace(store: MetadataStore) -> None:
    ann, bob = UserId("ann"), UserId("bob")
    store.workspaces.set_member(Membership(HERE, ann, Role.ANALYST))
    store.workspaces.set_member(Membership(HERE, ann, Role.CLINICIAN))
    store.workspaces.set_member(Membership(OTHER, ann, Role.ANALYST))
    store.workspaces.set_member(Membership(HERE, bob, Role.ANALYST))
    ann_here, ann_there, bob_here = (
        Membership(HERE, ann, Role.CLINICIAN),
        Membership(OTHER, ann, Role.ANALYST),
        Membership(HERE, bob, Role.ANALYST),
    )
    assert store.workspaces.find_members(workspace_id=HERE) == [ann_here, bob_here]
    assert store.workspaces.find_members(user_id=ann) == [ann_here, ann_there]
    assert len(store.workspaces.find_members()) == 3
    store.workspaces.remove_member(ann, workspace_id=HERE)
    store.workspaces.remove_member(ann, workspace_id=HERE)
    assert store.workspaces.find_members() == [bob_here, ann_there]


def test_a_deleted_workspace_takes_all_of_its_own_and_nothing_else(store: MetadataStore) -> None:
    for workspace in (HERE, OTHER):
        store.workspaces.add(Workspace(workspace, workspace))
        store.workspaces.set_member(Membership(workspace, UserId("ann"), Role.ANALYST))
        store.documents.add_version(version(f"v-{workspace}", workspace_id=workspace), reader=None)
        store.chunks.upsert([chunk(f"c-{workspace}", version_id=f"v-{workspace}", workspace_id=workspace)])
        show(store, f"d-{workspace}", workspace_id=workspace)
        store.history.add(question(f"q-{workspace}", cited=f"d-{workspace}", workspace_id=workspace))
    store.workspaces.delete(HERE)
    with pytest.raises(NotFoundError):
        store.workspaces.get(HERE)
    assert store.chunks.find(VersionId("v-here"), workspace_id=HERE) == []
    assert store.documents.find_versions(DocumentId("d-v-here"), workspace_id=HERE) == []
    assert store.history.find(workspace_id=HERE, asked_by=UserId("ann"), limit=9, reader=None) == []
    assert [one.workspace_id for one in store.workspaces.find_members()] == [OTHER]
    assert len(store.chunks.find(VersionId("v-other"), workspace_id=OTHER)) == 1
    assert len(store.history.find(workspace_id=OTHER, asked_by=UserId("ann"), limit=9, reader=None)) == 1
    permitted = frozenset({VersionId("v-other")})
    assert store.chunks.find_postings(["stroke"], workspace_id=OTHER, permitted=permitted).frequencies["stroke"]


def person(id_: str = "ann", username: str = "Ann", **fields: object) -> User:
    return User(UserId(id_), username, "Ann A.", frozenset({Role.ADMINISTRATOR, Role.COMPLIANCE}), **fields)  # type: ignore[arg-type]


def test_users_are_kept_with_roles_flags_and_times(store: MetadataStore) -> None:
    ann = person(created_at=NOW, must_change_password=True)
    store.users.add(ann, password_hash="hash")
    store.users.add(person("bob", "bob"), password_hash="other")
    assert store.users.get(ann.id) == ann
    assert [one.username for one in store.users.find()] == ["Ann", "bob"]
    assert store.users.find(username="ANN") == [ann]
    assert store.users.find(username="an%") == []
    assert store.users.find(user_ids=[ann.id, UserId("unknown")]) == [ann]
    assert store.users.find(user_ids=[ann.id], username="bob") == store.users.find(user_ids=[]) == []
    changed = replace(ann, name="Ann B.", roles=frozenset({Role.COMPLIANCE}), disabled=True, last_sign_in_at=NOW)
    store.users.update(changed)
    assert store.users.get(ann.id) == changed
    assert store.users.get_password_hash(ann.id) == "hash"
    store.users.set_password_hash(ann.id, "new")
    assert store.users.get_password_hash(ann.id) == "new"
    assert store.users.get_password_hash(UserId("bob")) == "other"


def test_a_username_is_taken_once_whatever_its_case(store: MetadataStore) -> None:
    store.users.add(person(), password_hash="hash")
    with pytest.raises(ConflictError, match="choose another name"):
        store.users.add(person("other", "ANN"), password_hash="hash")
    store.users.add(person("bob", "bob"), password_hash="hash")
    with pytest.raises(ConflictError, match="choose another name"):
        store.users.update(person("bob", "aNN"))


def test_an_unknown_user_is_not_found(store: MetadataStore) -> None:
    unknown = UserId("unknown")
    for call in (
        lambda: store.users.get(unknown),
        lambda: store.users.update(person("unknown")),
        lambda: store.users.get_password_hash(unknown),
        lambda: store.users.set_password_hash(unknown, "hash"),
    ):
        with pytest.raises(NotFoundError):
            call()


def test_names_are_ordered_by_their_characters_whatever_the_language_of_the_database(store: MetadataStore) -> None:
    names = ["-z", "Ab", "_x", "a b", "a-c", "ab", "zoe", "äb", "Éva"]
    for place, name in enumerate(reversed(names)):
        store.users.add(person(f"u{place}", name + str(place)), password_hash="hash")
        store.workspaces.add(Workspace(WorkspaceId(f"w{place}"), name + str(place)))
    for found in ([one.username for one in store.users.find()], [one.name for one in store.workspaces.find()]):
        assert found == sorted(found, key=str.casefold)


def test_failed_sign_ins_are_counted_by_key_within_the_window(store: MetadataStore) -> None:
    for minute in (0, 5, 10):
        count = store.users.add_failure("k", at=NOW + timedelta(minutes=minute), window_seconds=360)
    assert count == 2
    store.users.add_failure("other", at=NOW, window_seconds=360)
    later = NOW + timedelta(minutes=10)
    assert store.users.count_failures("k", at=later, window_seconds=3600) == 3
    assert store.users.count_failures("k", at=NOW + timedelta(minutes=4), window_seconds=3600) == 1
    assert store.users.count_failures("unknown", at=later, window_seconds=3600) == 0
    assert store.users.count_failures("k", at=later, window_seconds=3600, clear=True) == 3
    assert store.users.count_failures("k", at=later, window_seconds=3600) == 0
    assert store.users.count_failures("other", at=later, window_seconds=3600) == 1


def session(id_: str, *, user: str = "ann", created: datetime = NOW, hours: int = 12) -> SignInSession:
    return SignInSession(id_, UserId(user), created, created, created + timedelta(hours=hours), "10.0.0.1", "Browser")


def test_sessions_are_found_by_the_hash_of_their_token(store: MetadataStore) -> None:
    store.sessions.add(session("s1"), token_sha256="t1")
    store.sessions.add(session("s2"), token_sha256="t2")
    store.sessions.add(session("s3"), token_sha256="t3")
    store.sessions.revoke(["s2"], at=NOW)
    found = store.sessions.find_by_tokens(["t1", "t2", "s3", ""])
    assert found == {"t1": session("s1"), "t2": replace(session("s2"), revoked_at=NOW)}
    assert store.sessions.find_by_tokens([]) == {}


def test_sessions_are_listed_newest_first_and_note_activity(store: MetadataStore) -> None:
    later = NOW + timedelta(hours=1)
    store.sessions.add(session("s1"), token_sha256="t1")
    store.sessions.add(session("s2", created=later), token_sha256="t2")
    store.sessions.add(session("s3", user="bob"), token_sha256="t3")
    assert [one.id for one in store.sessions.find(user_id=UserId("ann"))] == ["s2", "s1"]
    assert {one.id for one in store.sessions.find()} == {"s1", "s2", "s3"}
    store.sessions.touch("s1", at=later)
    store.sessions.touch("unknown", at=later)
    assert store.sessions.find_by_tokens(["t1"]) == {"t1": replace(session("s1"), last_active_at=later)}


def test_an_ended_session_keeps_its_first_end_and_is_still_known(store: MetadataStore) -> None:
    for name in ("s1", "s2", "s3"):
        store.sessions.add(session(name), token_sha256=f"t-{name}")
    store.sessions.revoke(["s1"], at=NOW)
    store.sessions.revoke(["s1", "s2", "unknown"], at=NOW + timedelta(hours=1))
    store.sessions.revoke([], at=NOW)
    ends = {one.id: one.revoked_at for one in store.sessions.find()}
    assert ends == {"s1": NOW, "s2": NOW + timedelta(hours=1), "s3": None}


def test_sessions_past_their_absolute_end_are_forgotten(store: MetadataStore) -> None:
    store.sessions.add(session("short", hours=1), token_sha256="t1")
    store.sessions.add(session("long", hours=9), token_sha256="t2")
    assert store.sessions.delete_expired(before=NOW + timedelta(hours=2)) == 1
    assert [one.id for one in store.sessions.find()] == ["long"]


def test_times_of_other_zones_come_back_as_the_same_moment(store: MetadataStore) -> None:
    from datetime import timezone

    local = datetime(2026, 3, 1, 23, 30, tzinfo=timezone(timedelta(hours=-5)))
    store.sessions.add(session("s1", created=local), token_sha256="t1")
    found = store.sessions.find_by_tokens(["t1"])["t1"]
    assert found.created_at == local
    assert found.created_at.tzinfo == UTC


def show(store: MetadataStore, *documents: str, workspace_id: WorkspaceId = HERE) -> None:
    """Documents of one visible version each, which answers may cite."""
    for document in documents:
        store.documents.add_version(
            version(f"v-{document}", document_id=document, workspace_id=workspace_id), reader=None
        )
        store.documents.publish(VersionId(f"v-{document}"), workspace_id=workspace_id)


def citation(document: str, n: int = 1) -> Citation:
    place = (VersionId(f"v-{document}"), f"{document}.pdf", ChunkId("c1"), 1, Span(0, 9))
    return Citation(n, DocumentId(document), *place, "The quote.", NOW)


def question(
    id_: str,
    *,
    workspace_id: WorkspaceId = HERE,
    asked_by: str = "ann",
    minute: int = 0,
    cited: str = "d1",
    nearest: str | None = None,
    stated: str | None = None,
) -> AskedQuestion:
    fact = None
    if stated:
        ends = (EntityId("e1"), "A", "Drug", "treat", EntityId("e2"), "B", "Disease")
        fact = AnswerTriple(TripleId("t1"), *ends, Assertion.NEGATED, DocumentId(stated), "The quote.", 1, 1)
    answer = Answer(
        Mode.RAG,
        "chosen",
        sentences=(AnswerSentence("It says so.", (1,), Verdict.WEAK, "why"),),
        citations=(citation(cited),),
        triples=(fact,) if fact else (),
        nearest=(citation(nearest),) if nearest else (),
        timings={"retrieval": 0.25},
    )
    asked_at = NOW + timedelta(minutes=minute)
    return AskedQuestion(QuestionId(id_), workspace_id, UserId(asked_by), asked_at, "What?", Mode.AUTO, answer)


def test_a_question_comes_back_with_its_whole_answer(store: MetadataStore) -> None:
    show(store, "d1", "d2", "d3")
    asked = question("q1", stated="d2", nearest="d3")
    store.history.add(asked)
    assert store.history.get(asked.id, workspace_id=HERE, asked_by=UserId("ann"), reader=None) == asked


def test_a_history_belongs_to_one_person_in_one_workspace(store: MetadataStore) -> None:
    show(store, "d1")
    show(store, "d4", workspace_id=OTHER)
    store.history.add(question("q1"))
    store.history.add(question("q2", minute=5))
    store.history.add(question("q3", asked_by="bob"))
    store.history.add(question("q4", cited="d4", workspace_id=OTHER))
    ann = UserId("ann")
    assert [one.id for one in store.history.find(workspace_id=HERE, asked_by=ann, limit=9, reader=None)] == ["q2", "q1"]
    assert [one.id for one in store.history.find(workspace_id=HERE, asked_by=ann, limit=1, reader=None)] == ["q2"]
    for id_ in ("q3", "q4", "unknown"):
        with pytest.raises(NotFoundError):
            store.history.get(QuestionId(id_), workspace_id=HERE, asked_by=ann, reader=None)


def test_answers_that_show_a_document_go_with_it_whoever_asked(store: MetadataStore) -> None:
    show(store, "d1", "gone")
    show(store, "theirs", workspace_id=OTHER)
    store.history.add(question("cited", cited="gone"))
    store.history.add(question("nearest", nearest="gone", asked_by="bob"))
    store.history.add(question("fact", stated="gone"))
    store.history.add(question("kept"))
    store.history.add(question("theirs", cited="theirs", workspace_id=OTHER))
    assert store.history.delete_citing(DocumentId("gone"), workspace_id=HERE) == 3
    assert store.history.delete_citing(DocumentId("gone"), workspace_id=HERE) == 0
    assert store.history.delete_citing(DocumentId("theirs"), workspace_id=HERE) == 0
    assert [one.id for one in store.history.find(workspace_id=HERE, asked_by=UserId("ann"), limit=9, reader=None)] == [
        "kept"
    ]
    assert store.history.find(workspace_id=HERE, asked_by=UserId("bob"), limit=9, reader=None) == []
    assert len(store.history.find(workspace_id=OTHER, asked_by=UserId("ann"), limit=9, reader=None)) == 1


def test_answers_that_show_only_the_version_that_stays_stay(store: MetadataStore) -> None:
    show(store, "d1", "renewed")
    store.history.add(question("cited", cited="renewed"))
    store.history.add(question("fact", stated="renewed"))
    here = {"workspace_id": HERE}
    assert store.history.delete_citing(DocumentId("renewed"), keep=VersionId("v-renewed"), **here) == 1
    assert [one.id for one in store.history.find(asked_by=UserId("ann"), limit=9, **here, reader=None)] == ["cited"]
    assert store.history.delete_citing(DocumentId("renewed"), keep=VersionId("newer"), **here) == 1


def test_an_answer_that_shows_what_was_deleted_or_replaced_meanwhile_is_not_kept(store: MetadataStore) -> None:
    show(store, "d1", "deleted", "replaced")
    show(store, "theirs", workspace_id=OTHER)
    store.documents.delete(DocumentId("deleted"), workspace_id=HERE)
    store.documents.add_version(version("v-second", document_id="replaced", number=2), reader=None)
    store.documents.publish(VersionId("v-second"), workspace_id=HERE)
    for document in ("deleted", "replaced", "theirs"):
        store.history.add(question("cited", cited=document))
        store.history.add(question("nearest", nearest=document))
    store.history.add(question("fact", stated="deleted"))
    assert store.history.find(workspace_id=HERE, asked_by=UserId("ann"), limit=9, reader=None) == []
