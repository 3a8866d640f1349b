"""What every graph store must do."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from app.domain.graph import Assertion, Contribution, GraphCounts
from app.domain.ids import ChunkId, EntityId, TripleId, VersionId, WorkspaceId
from backends.graph.base import GraphStore
from backends.graph.settings import GraphSettings
from backends.loading import load
from tests.conformance.conftest import Child, wait_for
from tests.conformance.graphs import contribution, entity, evidence, mention, triple
from tests.conformance.implementations import implementations

HERE, OTHER = WorkspaceId("here"), WorkspaceId("other")
V1, V2, V3 = VersionId("v1"), VersionId("v2"), VersionId("v3")
ALL = frozenset({V1, V2, V3})
SCOPE: dict[str, Any] = {"workspace_id": HERE, "permitted": ALL}
Open = Callable[[], GraphStore]


@pytest.fixture(params=implementations(GraphSettings))
def settings(request: pytest.FixtureRequest) -> Any:
    if request.param.server is not None:
        return request.getfixturevalue(f"{request.param.server}_graph")
    return request.param()


@pytest.fixture
def open_store(settings: Any, parts: dict[str, Any]) -> Iterator[Open]:
    opened: list[GraphStore] = []

    def open_one() -> GraphStore:
        opened.append(load(GraphStore, settings, **parts))
        return opened[-1]

    yield open_one
    for store in opened:
        store.close()


@pytest.fixture
def store(open_store: Open) -> GraphStore:
    return open_store()


def names(store: GraphStore, permitted: frozenset[VersionId] = ALL, **conditions: Any) -> list[str]:
    found = store.find_entities(workspace_id=HERE, permitted=permitted, **conditions)
    return [one.name for one in found]


def relations(store: GraphStore, permitted: frozenset[VersionId] = ALL, **conditions: Any) -> list[str]:
    found = store.find_triples(workspace_id=HERE, permitted=permitted, **conditions)
    ends = {one.subject_id for one in found.triples} | {one.object_id for one in found.triples}
    assert {one.id for one in found.entities} == ends
    return [one.relation for one in found.triples]


def test_what_was_added_is_read_back_whole(store: GraphStore) -> None:
    added = contribution(chunk="c1", version="v1", aliases=("Eliquis",))
    store.add(added, workspace_id=HERE)
    found = store.find_triples(**SCOPE)
    assert found.triples == added.triples
    assert found.entities == tuple(replace(one, mentions=1) for one in added.entities)
    assert store.find_mentions(**SCOPE) == sorted(added.mentions, key=lambda one: one.entity_id)


def test_written_twice_it_is_there_once(store: GraphStore) -> None:
    added = contribution(chunk="c1", version="v1", aliases=("Eliquis",))
    store.add(added, workspace_id=HERE)
    before = (store.find_triples(**SCOPE), store.find_mentions(**SCOPE), store.count(**SCOPE))
    store.add(added, workspace_id=HERE)
    assert (store.find_triples(**SCOPE), store.find_mentions(**SCOPE), store.count(**SCOPE)) == before
    assert store.count(**SCOPE) == GraphCounts(entities=2, triples=1, evidence=1)


def test_ids_already_there_are_completed(store: GraphStore) -> None:
    store.add(contribution(chunk="c1", version="v1", aliases=("Eliquis",)), workspace_id=HERE)
    store.add(contribution(chunk="c2", version="v2", aliases=("BMS-562247",)), workspace_id=HERE)
    found = store.find_triples(**SCOPE)
    assert [len(one.evidence) for one in found.triples] == [2]
    assert store.find_entities(**SCOPE)[0].aliases == ("BMS-562247", "Eliquis")
    assert [one.mentions for one in store.find_entities(**SCOPE)] == [2, 2]


def test_a_mention_written_again_has_its_last_count(store: GraphStore) -> None:
    one = entity("Apixaban")
    for count, topic in ((1, False), (4, True)):
        written = mention(one, chunk="c1", version="v1", count=count, topic=topic)
        store.add(Contribution((one,), (written,), ()), workspace_id=HERE)
    assert store.find_mentions(**SCOPE) == [mention(one, chunk="c1", version="v1", count=4, topic=True)]


def test_a_name_that_was_an_alias_first_can_become_the_name(store: GraphStore) -> None:
    known = entity("Eliquis", aliases=("Apixaban",), id_="e1")
    store.add(Contribution((known,), (mention(known, chunk="c1", version="v1"),), ()), workspace_id=HERE)
    named = replace(known, name="Apixaban", aliases=())
    for chunk, version in (("c1", "v1"), ("c2", "v2")):
        store.add(Contribution((named,), (mention(named, chunk=chunk, version=version),), ()), workspace_id=HERE)
    assert [(one.name, one.aliases) for one in store.find_entities(**SCOPE)] == [("Apixaban", ("Eliquis",))]


def test_entities_come_most_mentioned_first_then_by_name(store: GraphStore) -> None:
    for chunk, subject in (("c1", "Beta"), ("c2", "Alpha"), ("c3", "Gamma"), ("c4", "Gamma")):
        one = entity(subject)
        store.add(Contribution((one,), (mention(one, chunk=chunk, version="v1"),), ()), workspace_id=HERE)
    assert names(store) == ["Gamma", "Alpha", "Beta"]
    assert [one.mentions for one in store.find_entities(**SCOPE)] == [2, 1, 1]
    assert names(store, limit=2) == ["Gamma", "Alpha"]
    assert names(store, limit=1) == ["Gamma"]
    assert names(store, limit=0) == []
    assert names(store, limit=9) == ["Gamma", "Alpha", "Beta"]


def test_keys_match_an_entity_or_its_alias(store: GraphStore) -> None:
    store.add(contribution(chunk="c1", version="v1", aliases=("Eliquis",)), workspace_id=HERE)
    assert names(store, keys=["eliquis"]) == ["Apixaban"]
    assert names(store, keys=["apixaban", "factor xa"]) == ["Apixaban", "Factor Xa"]
    assert names(store, keys=["apix"]) == []
    assert names(store, keys=[]) == []


def test_ids_choose_entities_and_no_ids_none(store: GraphStore) -> None:
    store.add(contribution(chunk="c1", version="v1"), workspace_id=HERE)
    assert names(store, ids=[EntityId("e-apixaban"), EntityId("unknown")]) == ["Apixaban"]
    assert names(store, ids=[]) == []


def test_text_is_found_anywhere_in_a_folded_name_or_alias(store: GraphStore) -> None:
    store.add(contribution(chunk="c1", version="v1", subject="Größe", aliases=("Çınar–Test",)), workspace_id=HERE)
    assert names(store, text="GRÖSSE") == ["Größe"]
    assert names(store, text="r-t") == ["Größe"]
    assert names(store, text="actor") == ["Factor Xa"]
    assert names(store, text="nothing") == []


def test_an_entity_is_found_by_the_article_and_the_marks_that_its_key_leaves_out(store: GraphStore) -> None:
    store.add(contribution(chunk="c1", version="v1", subject="The Harbour Trust Inc."), workspace_id=HERE)
    for text in ("the harb", "The Harbour", "trust inc.", "harbour trust"):
        assert names(store, text=text) == ["The Harbour Trust Inc."], text


@pytest.mark.parametrize("text", ["%", "_", "' OR 1=1 --", '"', "\\", "*"])
def test_a_text_with_signs_of_a_query_language_is_only_text(store: GraphStore, text: str) -> None:
    store.add(contribution(chunk="c1", version="v1"), workspace_id=HERE)
    store.add(contribution(chunk="c2", version="v1", subject=f"Dose {text} Day"), workspace_id=HERE)
    assert names(store, text=text) == [f"Dose {text} Day"]
    assert names(store, keys=[text]) == []
    assert relations(store, relations=[text]) == []


def test_types_and_all_conditions_together(store: GraphStore) -> None:
    store.add(contribution(chunk="c1", version="v1"), workspace_id=HERE)
    assert names(store, types=["Protein"]) == ["Factor Xa"]
    assert names(store, types=["Drug", "Protein"], text="a", limit=1) == ["Apixaban"]
    assert names(store, types=["Drug"], text="factor") == []
    assert names(store, types=["Drug"], ids=[EntityId("e-factor xa")]) == []


def test_triples_come_best_supported_first_then_by_id(store: GraphStore) -> None:
    for number, relation in enumerate(("treat", "cause", "block", "block")):
        store.add(contribution(chunk=f"c{number}", version="v1", relation=relation), workspace_id=HERE)
    assert relations(store) == ["block", "cause", "treat"]
    assert relations(store, limit=2) == ["block", "cause"]
    assert relations(store, limit=0) == []


def test_triples_are_chosen_by_end_id_relation_and_assertion(store: GraphStore) -> None:
    store.add(contribution(chunk="c1", version="v1"), workspace_id=HERE)
    store.add(
        contribution(chunk="c2", version="v1", subject="Factor Xa", relation="cleave", object_="II"), workspace_id=HERE
    )
    negated = contribution(chunk="c3", version="v1", relation="cause", assertion=Assertion.NEGATED)
    store.add(negated, workspace_id=HERE)
    assert relations(store, entity_ids=[EntityId("e-ii")]) == ["cleave"]
    assert set(relations(store, entity_ids=[EntityId("e-factor xa")])) == {"inhibit", "cleave", "cause"}
    assert relations(store, entity_ids=[]) == []
    assert relations(store, triple_ids=[negated.triples[0].id, TripleId("unknown")]) == ["cause"]
    assert relations(store, triple_ids=[]) == []
    assert relations(store, assertions=[Assertion.NEGATED]) == ["cause"]
    assert set(relations(store, assertions=[Assertion.AFFIRMED, Assertion.POSSIBLE])) == {"inhibit", "cleave"}
    assert relations(store, relations=["inhibit", "cause"], assertions=[Assertion.AFFIRMED]) == ["inhibit"]
    assert relations(store, entity_ids=[EntityId("e-ii")], relations=["inhibit"]) == []


def test_assertions_keep_triples_apart(store: GraphStore) -> None:
    for number, assertion in enumerate((Assertion.AFFIRMED, Assertion.NEGATED)):
        store.add(contribution(chunk=f"c{number}", version="v1", assertion=assertion), workspace_id=HERE)
    assert {one.assertion for one in store.find_triples(**SCOPE).triples} == {Assertion.AFFIRMED, Assertion.NEGATED}


def test_evidence_comes_by_version_and_place(store: GraphStore) -> None:
    subject, object_ = entity("A1"), entity("B1")
    places = [
        evidence(version="v2", chunk="c3", start=5),
        evidence(version="v1", chunk="c2", start=70, end=90),
        evidence(version="v1", chunk="c1", start=5),
    ]
    mentions = tuple(
        mention(one, chunk=place.chunk_id, version=place.version_id) for one in (subject, object_) for place in places
    )
    store.add(Contribution((subject, object_), mentions, (triple(subject, "be", object_, places),)), workspace_id=HERE)
    assert [one.chunk_id for one in store.find_triples(**SCOPE).triples[0].evidence] == ["c1", "c2", "c3"]


def test_mentions_come_by_chunk_and_entity(store: GraphStore) -> None:
    for chunk in ("c2", "c1"):
        store.add(contribution(chunk=chunk, version="v1"), workspace_id=HERE)
    found = [(one.chunk_id, one.entity_id) for one in store.find_mentions(**SCOPE)]
    assert found == sorted(found)
    assert len(found) == 4


def test_versions_that_are_not_permitted_show_in_nothing(store: GraphStore) -> None:
    store.add(contribution(chunk="c1", version="v1"), workspace_id=HERE)
    secret = contribution(chunk="c2", version="v2", aliases=("Secret alias",))
    store.add(secret, workspace_id=HERE)
    store.add(contribution(chunk="c3", version="v2", subject="Secret", relation="hide"), workspace_id=HERE)
    only = frozenset({V1})
    assert names(store, only) == ["Apixaban", "Factor Xa"]
    entities = store.find_entities(workspace_id=HERE, permitted=only)
    assert [(one.mentions, one.aliases) for one in entities] == [(1, ()), (1, ())]
    for condition in ({"text": "secret"}, {"keys": ["secret", "secret alias"]}, {"ids": [EntityId("e-secret")]}):
        assert names(store, only, **condition) == []
    found = store.find_triples(workspace_id=HERE, permitted=only)
    assert [one.version_id for triple_ in found.triples for one in triple_.evidence] == [V1]
    assert relations(store, only, relations=["hide"]) == []
    assert relations(store, only, entity_ids=[EntityId("e-secret")]) == []
    assert relations(store, only, triple_ids=[secret.triples[0].id]) == ["inhibit"]
    assert {one.version_id for one in store.find_mentions(workspace_id=HERE, permitted=only)} == {V1}
    assert store.count(workspace_id=HERE, permitted=only) == GraphCounts(2, 1, 1)


def test_with_nothing_permitted_there_is_nothing(store: GraphStore) -> None:
    store.add(contribution(chunk="c1", version="v1"), workspace_id=HERE)
    nothing: frozenset[VersionId] = frozenset()
    assert names(store, nothing) == []
    assert relations(store, nothing) == []
    assert store.find_mentions(workspace_id=HERE, permitted=nothing) == []
    assert store.count(workspace_id=HERE, permitted=nothing) == GraphCounts(0, 0, 0)


def test_support_counts_only_what_is_permitted(store: GraphStore) -> None:
    store.add(contribution(chunk="c1", version="v1", relation="weak"), workspace_id=HERE)
    store.add(contribution(chunk="c2", version="v1", relation="weak"), workspace_id=HERE)
    for number in range(3, 8):
        version = "v1" if number == 3 else "v2"
        store.add(contribution(chunk=f"c{number}", version=version, relation="strong"), workspace_id=HERE)
    assert relations(store) == ["strong", "weak"]
    assert relations(store, frozenset({V1})) == ["weak", "strong"]
    assert relations(store, frozenset({V1}), limit=1) == ["weak"]


def test_the_name_shown_is_the_most_frequent_permitted_one(store: GraphStore) -> None:
    for version, name in (("v1", "ASPIRIN"), ("v2", "Aspirin"), ("v3", "Aspirin")):
        one = entity(name, id_="e1")
        store.add(Contribution((one,), (mention(one, chunk=f"c-{version}", version=version),), ()), workspace_id=HERE)
    assert names(store) == ["Aspirin"]
    assert names(store, frozenset({V1})) == ["ASPIRIN"]


def test_names_that_documents_use_by_themselves_are_told_from_explained_ones(store: GraphStore) -> None:
    written = (("c1", "v1", "ASPIRIN", ("ASA",)), ("c2", "v1", "Aspirin", ()), ("c3", "v2", "ASA", ("Acetyl",)))
    for chunk, version, name, aliases in written:
        one = entity(name, aliases=aliases, id_="e1")
        store.add(Contribution((one,), (mention(one, chunk=chunk, version=version),), ()), workspace_id=HERE)
    for permitted, own in ((ALL, {"ASA", "ASPIRIN", "Aspirin"}), ({V1}, {"ASPIRIN", "Aspirin"}), ({V2}, {"ASA"})):
        (found,) = store.find_entities(workspace_id=HERE, permitted=frozenset(permitted))
        assert found.own_names == tuple(sorted(own))
        assert own <= {found.name, *found.aliases}


def test_another_workspace_shows_in_nothing(store: GraphStore) -> None:
    store.add(contribution(chunk="c1", version="v1"), workspace_id=HERE)
    theirs = contribution(chunk="c9", version="v1", subject="Theirs", object_="Hidden", relation="own")
    store.add(theirs, workspace_id=OTHER)
    assert names(store) == ["Apixaban", "Factor Xa"]
    assert (
        names(store, text="theirs") == names(store, keys=["theirs"]) == names(store, ids=[EntityId("e-theirs")]) == []
    )
    assert relations(store) == ["inhibit"]
    assert relations(store, triple_ids=[theirs.triples[0].id]) == []
    assert relations(store, entity_ids=[EntityId("e-theirs")]) == []
    assert {one.chunk_id for one in store.find_mentions(**SCOPE)} == {"c1"}
    assert store.count(**SCOPE) == GraphCounts(2, 1, 1)


def test_five_thousand_permitted_versions_and_entities_are_no_obstacle(store: GraphStore) -> None:
    store.add(contribution(chunk="c1", version="v1"), workspace_id=HERE)
    many = frozenset({V1, *(VersionId(f"x{number}") for number in range(5000))})
    ids = [EntityId(f"e{number}") for number in range(5000)] + [EntityId("e-apixaban")]
    assert names(store, many, ids=ids) == ["Apixaban"]
    assert relations(store, many, entity_ids=ids) == ["inhibit"]
    assert store.count(workspace_id=HERE, permitted=many) == GraphCounts(2, 1, 1)
    store.delete_versions(sorted(many), workspace_id=HERE)
    assert store.count(workspace_id=HERE, permitted=many) == GraphCounts(0, 0, 0)


def test_deleting_a_version_lowers_support_and_zero_support_removes_the_triple(store: GraphStore) -> None:
    store.add(contribution(chunk="c1", version="v1"), workspace_id=HERE)
    store.add(contribution(chunk="c2", version="v2"), workspace_id=HERE)
    store.add(contribution(chunk="c3", version="v2", subject="Only", relation="be"), workspace_id=HERE)
    store.delete_versions([V2, VersionId("unknown")], workspace_id=HERE)
    assert store.count(**SCOPE) == GraphCounts(2, 1, 1)
    assert names(store) == ["Apixaban", "Factor Xa"]
    assert [one.version_id for one in store.find_triples(**SCOPE).triples[0].evidence] == [V1]
    store.delete_versions([V1], workspace_id=HERE)
    assert store.count(**SCOPE) == GraphCounts(0, 0, 0)
    assert names(store) == []


def test_an_alias_goes_with_the_last_version_that_wrote_it(store: GraphStore) -> None:
    store.add(contribution(chunk="c1", version="v1", aliases=("Eliquis", "Kept")), workspace_id=HERE)
    store.add(contribution(chunk="c2", version="v2", aliases=("Kept",)), workspace_id=HERE)
    store.delete_versions([V1], workspace_id=HERE)
    assert store.find_entities(**SCOPE)[0].aliases == ("Kept",)
    assert names(store, keys=["eliquis"]) == names(store, text="eliquis") == []


def test_what_was_deleted_leaves_nothing_when_it_is_added_again(store: GraphStore) -> None:
    store.add(contribution(chunk="c1", version="v1", aliases=("Old name",)), workspace_id=HERE)
    store.delete_versions([V1], workspace_id=HERE)
    store.add(contribution(chunk="c2", version="v2"), workspace_id=HERE)
    assert store.find_entities(**SCOPE)[0].aliases == ()
    assert [len(one.evidence) for one in store.find_triples(**SCOPE).triples] == [1]


def test_deleting_versions_of_one_workspace_leaves_the_others(store: GraphStore) -> None:
    store.add(contribution(chunk="c1", version="v1"), workspace_id=HERE)
    store.add(contribution(chunk="c9", version="v1", subject="Theirs", object_="Hidden"), workspace_id=OTHER)
    store.delete_versions([V1], workspace_id=HERE)
    assert store.count(workspace_id=OTHER, permitted=ALL) == GraphCounts(2, 1, 1)
    store.delete_versions([], workspace_id=OTHER)
    store.delete_versions([V1], workspace_id=WorkspaceId("unknown"))
    assert store.count(workspace_id=OTHER, permitted=ALL) == GraphCounts(2, 1, 1)


def test_a_deleted_workspace_is_gone_and_others_stay(store: GraphStore) -> None:
    store.add(contribution(chunk="c1", version="v1"), workspace_id=HERE)
    store.add(contribution(chunk="c9", version="v1", subject="Theirs", object_="Hidden"), workspace_id=OTHER)
    store.delete_workspace(HERE)
    store.delete_workspace(WorkspaceId("unknown"))
    assert store.count(**SCOPE) == GraphCounts(0, 0, 0)
    assert names(store) == []
    assert store.count(workspace_id=OTHER, permitted=ALL) == GraphCounts(2, 1, 1)


def test_an_empty_contribution_changes_nothing(store: GraphStore) -> None:
    store.add(Contribution((), (), ()), workspace_id=HERE)
    assert store.count(**SCOPE) == GraphCounts(0, 0, 0)


def test_a_contribution_that_cannot_be_written_leaves_nothing(store: GraphStore) -> None:
    added = contribution(chunk="c1", version="v1")
    broken = replace(added, triples=(replace(added.triples[0], evidence=(None,)),))  # type: ignore[arg-type]
    with pytest.raises(AttributeError):
        store.add(broken, workspace_id=HERE)
    assert store.count(**SCOPE) == GraphCounts(0, 0, 0)


def test_a_second_object_sees_what_the_first_wrote(open_store: Open, settings: Any) -> None:
    if not settings.shared:
        pytest.skip("each object holds its own data")
    first, second = open_store(), open_store()
    first.add(contribution(chunk="c1", version="v1"), workspace_id=HERE)
    first.close()
    first.close()
    assert second.count(**SCOPE) == GraphCounts(2, 1, 1)


def test_processes_that_write_at_once_lose_nothing(store: GraphStore, settings: Any, start_child: Child) -> None:
    if not settings.shared:
        pytest.skip("each object holds its own data")
    children = [
        start_child("write_graph", settings, workspace=HERE, prefix=prefix, number=40) for prefix in ("v1", "v2")
    ]
    for number in range(40):
        store.add(contribution(chunk=f"here{number:03}", version="v3"), workspace_id=HERE)
        store.find_triples(**SCOPE)
    for child in children:
        wait_for(child)
    assert store.count(**SCOPE) == GraphCounts(entities=2, triples=1, evidence=120)
    assert [one.mentions for one in store.find_entities(**SCOPE)] == [120, 120]
    assert {one.chunk_id for one in store.find_mentions(**SCOPE)} >= {ChunkId("v1039"), ChunkId("v2000")}
