"""The parts of retrieval that rank: walks, fusion, word search, and the words they compare."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.ids import ChunkId
from app.pipeline.fusion import fuse
from app.pipeline.lexical import inverse_frequency, rank_by_words
from app.pipeline.pagerank import make_transition, spread
from app.pipeline.words import content_stems, is_stop_word, words
from backends.metadata.base_content import Postings

A, B, C = ChunkId("a"), ChunkId("b"), ChunkId("c")


def test_a_column_shares_the_mass_of_its_node_by_weight() -> None:
    transition = make_transition([0, 0], [1, 2], [3.0, 1.0], nodes=4).toarray()
    assert transition[:, 0] == pytest.approx([0, 0.75, 0.25, 0])
    assert transition[0, 1] == transition[0, 2] == 1
    assert transition[:, 3].sum() == 0
    twice = make_transition([0, 0], [1, 1], [1.0, 2.0], nodes=2).toarray()
    assert twice == pytest.approx(make_transition([1], [0], [3.0], nodes=2).toarray())


def test_a_walk_stays_near_its_seeds() -> None:
    chain = make_transition([0, 1, 2], [1, 2, 3], [1.0] * 3, nodes=5)
    mass = spread(chain, {0: 2.0})
    assert all(one > two for one, two in pairwise(mass[:4]))
    assert mass[4] == 0
    assert spread(chain, {}).tolist() == [0.0] * 5
    assert spread(chain, {4: 1.0}).tolist() == pytest.approx([0, 0, 0, 0, 0.5], abs=0.01)


def test_a_walk_is_that_of_the_exact_solution() -> None:
    transition = make_transition([0, 1, 2, 0], [1, 2, 3, 3], [1.0, 2.0, 1.0, 1.0], nodes=4)
    restart = np.array([0.5, 0.5, 0, 0])
    exact = np.linalg.solve(np.eye(4) - 0.5 * transition.toarray(), 0.5 * restart)
    assert spread(transition, {0: 1.0, 1: 1.0}) == pytest.approx(exact, abs=0.004)


@given(
    st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7), st.floats(0.1, 9)), max_size=20),
    st.dictionaries(st.integers(0, 7), st.floats(0, 5), max_size=4),
)
@settings(deadline=None)
def test_no_walk_makes_mass_out_of_nothing(edges: list[tuple[int, int, float]], seeds: dict[int, float]) -> None:
    rows, columns, weights = ([edge[part] for edge in edges] for part in range(3))
    mass = spread(make_transition(rows, columns, weights, nodes=8), seeds)  # type: ignore[arg-type]
    assert (mass >= 0).all()
    assert mass.sum() <= 1 + 1e-9


def test_ranks_are_fused_by_reciprocals() -> None:
    fused = fuse([[A, B], [B, C]], limit=10)
    assert [chunk for chunk, _ in fused] == [B, A, C]
    assert fused[0][1] == pytest.approx(1 / 62 + 1 / 61)
    assert fuse([[B], [A]], limit=10) == [(A, 1 / 61), (B, 1 / 61)]
    assert fuse([[A, B, C]], limit=2) == fuse([[A, B, C], []], limit=2)
    assert fuse([], limit=5) == []


def test_words_are_ranked_as_bm25_does() -> None:
    postings = Postings(10, 5.0, {"drug": {A: 1, B: 1}, "rare": {B: 2}, "absent": {}}, {A: 5, B: 5})
    ranked = rank_by_words(["drug", "rare"], postings, limit=5)
    assert [chunk for chunk, _ in ranked] == [B, A]
    idf = math.log(1 + (10 - 2 + 0.5) / (2 + 0.5))
    assert dict(ranked)[A] == pytest.approx(idf * 1 * 2.5 / (1 + 1.5))
    assert inverse_frequency("absent", postings) > inverse_frequency("rare", postings)
    assert inverse_frequency("rare", postings) > inverse_frequency("drug", postings) > 0
    assert rank_by_words(["absent", "unknown"], postings, limit=5) == []
    assert dict(rank_by_words(["drug", "drug"], postings, limit=5))[A] == pytest.approx(2 * dict(ranked)[A])


def test_a_shorter_chunk_ranks_higher_and_ties_go_by_id() -> None:
    postings = Postings(3, 10.0, {"drug": {C: 1, A: 1, B: 1}}, {A: 10, B: 5, C: 10})
    assert [chunk for chunk, _ in rank_by_words(["drug"], postings, limit=3)] == [B, A, C]
    assert len(rank_by_words(["drug"], postings, limit=1)) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("interacts", "interaction"),
        ("patient's", "patients"),
        ("Bleeding", "BLEEDING"),
        ("1,250", "1250"),
        ("“risk”", "risk"),
    ],
)
def test_words_that_mean_the_same_have_one_stem(one: str, other: str) -> None:
    assert content_stems(one) == content_stems(other) != []


def test_stop_words_are_left_out_and_the_rest_keeps_its_order_and_repetitions() -> None:
    assert content_stems("The dose of the drug, the dose!") == ["dose", "drug", "dose"]
    assert content_stems("It is what it is.") == []
    assert words("The dose") == ["the", "dose"]
    assert is_stop_word("The")
    assert not is_stop_word("dose")
    assert content_stems("7.5 mg") == ["7.5", "mg"]


@given(st.text(max_size=80))
@settings(deadline=None)
def test_any_text_has_stems_that_are_no_spaces(text: str) -> None:
    assert all(stem and not stem.isspace() for stem in content_stems(text))
